"""Headers are recognised whatever their case and accents; cells become the record's values."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from services.ingest.table import iso_day, recognise
from shared.errors import Refused


def test_the_records_own_columns(pack: Any) -> None:
    table = recognise(["key", "Aliases", "observed_on", "votes.yes", "votes_no", "source_url", "note.es", "title", ""])
    assert table is not None
    assert table.record
    said = table.said(["T-1", "PL 1 | Ley 2", dt.date(2024, 5, 30), "87", 3.0, "https://example.org", " Nota ", "  ", "x"])
    assert said == {
        "key": "T-1",
        "aliases": ["PL 1", "Ley 2"],
        "observed_on": "2024-05-30",
        "votes": {"yes": 87, "no": 3},
        "source": {"url": "https://example.org"},
        "note": {"es": "Nota"},
    }


def test_a_misspelt_column_is_refused_by_name() -> None:
    with pytest.raises(Refused) as refused:
        recognise(["key", "observed_on", "tittle"])
    assert refused.value.field == "tittle"


@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_the_congresss_export(case: Any) -> None:
    table = recognise([case(name) for name in ("Proyecto de Ley", "Fecha de Presentación", "Título", "Estado", "Proponente", "Autores")])
    assert table is not None
    assert table.said(["05981/2023-CR", "21/09/2023", "LEY", "EN COMISIÓN", "Congreso", "Alguien"]) == {
        "number": "05981/2023-CR",
        "presented": "2023-09-21",
        "title": "LEY",
        "status": "EN COMISIÓN",
        "proponent": "Congreso",
    }


@pytest.mark.parametrize("row", [[], [None, None], ["Reporte de proyectos"], ["Proyecto de Ley", "Estado"], ["key", "title"]])
def test_other_rows_are_no_header(row: list[Any]) -> None:
    assert recognise(row) is None


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (dt.date(2024, 5, 30), "2024-05-30"),
        ("30/5/2024", "2024-05-30"),
        ("30-05-2024 13:00", "2024-05-30"),
        ("2024-05-30T00:00:00.000-05:00", "2024-05-30"),
        ("2024-05", "2024-05"),
        ("mayo", "mayo"),
        (45442, "45442"),
    ],
)
def test_days(cell: Any, day: str) -> None:
    assert iso_day(cell) == day
