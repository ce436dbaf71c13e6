"""Alerts as files. In: the JSON of each alert; out: JSON lines or CSV, bit by bit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

COLUMNS = (
    *("alert_id", "move_id", "key", "kind", "lifecycle", "level", "previous_level", "peak_level", "direction", "targets", "mechanisms", "stage", "country"),
    *("risk", "severity", "imminence", "confidence", "p_law", "p_law_base", "earliest_law", "headline_es", "headline_en", "title", "title_en", "title_origin"),
    *("revision", "sequence", "opened_as_of", "changed_as_of", "recorded_at", "updated_at", "tlp", "exercise", "backfill", "url"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def json_lines(items: Iterable[bytes]) -> Iterator[bytes]:
    for item in items:
        yield item + b"\n"


def csv_lines(items: Iterable[bytes]) -> Iterator[bytes]:
    """UTF-8 with a header row; lists are joined by spaces, what is unknown is empty."""
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(COLUMNS)
    for item in items:
        writer.writerow(_cells(orjson.loads(item)))
        if line.tell() > 1 << 16:
            yield line.getvalue().encode()
            line.seek(0)
            line.truncate()
    yield line.getvalue().encode()


def _cells(item: dict[str, Any]) -> list[Any]:
    flat = item | {"headline_es": item["headline"]["es"], "headline_en": item["headline"]["en"], "targets": " ".join(item["targets"]), "mechanisms": " ".join(item["mechanisms"])}
    return [_safe(flat.get(column)) for column in COLUMNS]


def _safe(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula is given as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
