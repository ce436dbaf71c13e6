"""Bills of lists and exports become dated observations; names of people stay behind."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from services.ingest.bill import observations
from services.ingest.merge import merge
from shared.countries import Pack
from shared.errors import Refused
from shared.events import Stage

TODAY = dt.date(2024, 9, 1)
BILL: dict[str, Any] = {
    "key": "2021-C-77",
    "period": "2021-2026",
    "chamber": "C",
    "number": "00077/2021-CR",
    "n": 77,
    "presented": "2021-08-20",
    "title": "LEY QUE MODIFICA LA LEY 26859",
    "status": "Publicado El Peruano",
    "proponent": "Congreso",
    "authors": ["Alguien"],
    "dni": "00000000",
    "group": "Grupo A",
    "law_number": "Ley Nº: 31999",
    "grouped_with": ["00080", "81"],
    "renewed_from": "02014/2016-CR",
    "url": "https://example.org/77",
    "stages": [
        {"date": "2021-09-01", "stage": "En comisión", "detail": "Constitución", "dni": "00000000"},
        {"date": "2022-05-05", "stage": "VOTACIÓN EN EL PLENO", "detail": "TEXTO SUSTITUTORIO [sí 103, no 0, abst. 2]", "source": "votes"},
        {"date": "2022-06-01", "stage": "Publicado en el Diario Oficial El Peruano", "detail": None},
    ],
    "summary": None,
}


def test_a_bill_is_its_filing_and_its_stages(pack: Pack) -> None:
    found = observations(BILL, pack, TODAY)
    move = merge(found, pack)
    assert move.move_id == "pe.2021-2026.C.bill.77"
    assert [step.date.isoformat() for step in move.steps] == ["2021-08-20", "2021-09-01", "2022-05-05", "2022-06-01"]
    assert (move.steps[0].stage, move.stage) == (Stage.FILED, Stage.PUBLISHED)
    assert move.steps[2].votes is not None
    assert (move.steps[2].votes.yes, move.steps[2].votes.abstentions) == (103, 2)
    assert move.groups == ("Grupo A",)
    assert move.related == ("2021-C-80", "2021-C-81", "PL 2014/2016-CR")
    assert move.aliases == ("PL 77/2021-CR", "Ley 31999")


def test_the_law_number_is_known_from_publication_on(pack: Pack) -> None:
    found = observations(BILL, pack, TODAY)
    assert [("Ley Nº: 31999" in one.aliases) for one in found] == [False, False, False, True]


def test_no_person_is_kept(pack: Pack) -> None:
    content = "".join(one.content for one in observations(BILL, pack, TODAY))
    assert "Alguien" not in content
    assert "00000000" not in content


def test_a_state_without_a_date_is_what_was_seen_today(pack: Pack) -> None:
    listed = {"number": "12345/2024-CR", "presented": "2024-08-01", "title": "Ley", "status": "EN COMISIÓN"}
    filed, seen = observations(listed, pack, TODAY)
    assert (filed.undated, seen.undated, seen.observed_on, seen.confidence) == (False, True, "2024-09-01", "inferred")
    assert len(observations(listed | {"status": "PRESENTADO"}, pack, TODAY)) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": None}, "title"),
        ({"presented": "20/08/21"}, "presented"),
        ({"presented": "2030-01-01"}, "presented"),
        ({"presented": None, "stages": []}, "presented"),
        ({"number": None, "key": None}, "number"),
        ({"stages": {}}, "stages"),
        ({"stages": "x"}, "stages"),
        ({"stages": ["x"]}, "stages.0"),
        ({"stages": [BILL["stages"][0], {"date": "2021-02-31", "stage": "Dictamen"}]}, "stages.1.date"),
        ({"stages": [{"date": None, "stage": "Dictamen"}]}, "stages.0.date"),
        ({"stages": [{"date": "2021-09-01", "stage": None}]}, "stages.0.stage"),
        ({"stages": [{"date": "2021-09-01", "stage": "a\x00"}]}, "stages.0.stage"),
        ({"url": "notaurl"}, "url"),
        ({"country": "zz"}, "country"),
        ({"period": "1900-1905"}, "period"),
    ],
)
def test_what_is_wrong_is_refused_by_the_bills_own_name(pack: Pack, change: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        observations(BILL | change, pack, TODAY)
    assert refused.value.field == field
