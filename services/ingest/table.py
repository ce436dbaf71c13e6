"""Rows of a table become lines of the record or bills. In: a header and cells; out: plain values under the record's names or the bill's. Pure.

Two headers are known: the record's own names (`source.url` or `source_url` for what is nested), and the Congress's export.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.ingest.observation import Observation
from shared.countries.pack import folded
from shared.errors import Refused

LISTS = ("aliases", "groups", "related")
NESTED = ("votes", "source", "note")
EXPORT = {
    "number": ("proyecto de ley", "proyecto", "numero", "nro", "n", "numero de proyecto", "proyectoley", "codigo"),
    "presented": ("fecha de presentacion", "fecha presentacion", "fec presentacion", "fecpresentacion", "fecha"),
    "title": ("titulo",),
    "status": ("estado", "ultimo estado", "desestado", "estado actual"),
    "proponent": ("proponente", "desproponente"),
    "group": ("grupo parlamentario", "bancada"),
    "summary": ("sumilla",),
    "chamber": ("camara",),
    "period": ("periodo parlamentario", "periodo"),
    "url": ("enlace", "url", "link"),
}
"""The export's columns, folded, by the bill's names. Authors are not among them: we keep no names."""

NEEDED = ("number", "presented", "title")
SPANISH_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T].*)?")
ISO_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[ T].*")
WHOLE = re.compile(r"-?\d{1,9}")


@dataclass(frozen=True)
class Table:
    """A recognised header: for each column the field it fills, None for a column we leave."""

    fields: tuple[str | None, ...]
    record: bool

    def said(self, cells: Sequence[Any]) -> dict[str, Any]:
        """One row as plain values; blank cells are absent."""
        found: dict[str, Any] = {}
        for field, cell in zip(self.fields, cells, strict=False):
            value = cell.strip() if isinstance(cell, str) else cell
            if field and value not in (None, ""):
                _put(found, field, value)
        return found


def recognise(header: Sequence[Any]) -> Table | None:
    """The table of a header row; None when the row is none. Raises Refused for a record's header with a column the record has not."""
    names = [str(cell).strip() if cell is not None else "" for cell in header]
    if {"key", "observed_on"} <= {name.lower() for name in names}:
        return Table(tuple(_record_field(name) for name in names), record=True)
    fields = tuple(_export_field(name) for name in names)
    return Table(fields, record=False) if set(NEEDED) <= set(fields) else None


def _record_field(name: str) -> str | None:
    lower = name.lower()
    dotted = next((f"{part}.{lower[len(part) + 1 :]}" for part in NESTED if lower.startswith((f"{part}_", f"{part}."))), lower)
    if lower and dotted.partition(".")[0] not in Observation.model_fields:
        raise Refused("is no field of the record: remove the column or correct its name", field=name[:100])
    return dotted or None


def _export_field(name: str) -> str | None:
    plain = folded(name)
    return next((field for field, names in EXPORT.items() if plain in names), None)


def _put(found: dict[str, Any], field: str, value: Any) -> None:
    part, _, rest = field.partition(".")
    if rest:
        found.setdefault(part, {})[rest] = int(_text(value)) if part == "votes" and WHOLE.fullmatch(_text(value)) else _text(value)
    elif part in LISTS:
        found[part] = [item.strip() for item in re.split(r"[|;]", str(value)) if item.strip()]
    elif part in ("observed_on", "presented"):
        found[part] = iso_day(value)
    else:
        found[part] = {"true": True, "false": False}.get(str(value).lower(), _text(value))


def _text(value: Any) -> str:
    if isinstance(value, (dt.datetime, dt.date)):
        return iso_day(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def iso_day(value: Any) -> str:
    """A cell as 2024-05-30; what is no date comes back as it is, to be refused by name."""
    if isinstance(value, (dt.datetime, dt.date)):
        return value.strftime("%Y-%m-%d")
    text = str(value).strip()
    if found := SPANISH_DAY.fullmatch(text):
        return f"{found[3]}-{int(found[2]):02d}-{int(found[1]):02d}"
    return found[1] if (found := ISO_MOMENT.fullmatch(text)) else text


def is_blank(cells: Sequence[Any]) -> bool:
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)


Said = Mapping[str, Any]
