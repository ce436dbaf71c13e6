"""A bill followed through its course sees on each day what could be read that day, and windows say what is wrong with them."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path

import pytest

from services.backtest import open_pack
from services.methodology.docket import Window, filed_in, follow, judgments_of, replay, window_of
from services.scoring.assess import ScoringPack, assess
from services.scoring.lines import move_of
from shared.errors import Refused
from shared.events import Level

BILL = {
    "key": "2006-C-1",
    "period": "2006-2011",
    "chamber": "C",
    "presented": "2009-03-02",
    "title": "Ley que reduce el mandato de los miembros del Jurado Nacional de Elecciones",
    "proponent": "Congreso",
    "status_norm": "law",
    "stages": [
        {"date": "2009-03-10", "stage": "En comisión", "detail": "Constitución y Reglamento"},
        {"date": "2009-06-01", "stage": "Aprobado", "detail": "1ra. votación"},
        {"date": "2009-07-01", "stage": "Publicado", "detail": "Ley núm. 29000"},
    ],
}


@pytest.fixture(scope="module")
def pack() -> ScoringPack:
    return open_pack("pe")


def test_a_day_is_read_as_if_nothing_later_were_on_the_line(pack: ScoringPack) -> None:
    whole = move_of(BILL, pack.country)
    for cut, day in enumerate(("2009-03-02", "2009-03-10", "2009-06-01")):
        known = BILL | {"stages": BILL["stages"][:cut], "status_norm": None}
        assert assess(whole, pack, dt.date.fromisoformat(day)) == assess(move_of(known, pack.country), pack, dt.date.fromisoformat(day))


def test_a_bill_is_followed_to_its_last_step(pack: ScoringPack) -> None:
    found = follow(BILL, pack)
    assert (found.filed, found.law) == (dt.date(2009, 3, 2), True)
    assert found.reached[Level.WATCH] == found.filed
    assert found.filing is not None
    assert 0 < found.filing.chance < 1


def test_only_bills_filed_in_the_window_are_followed_and_the_unreadable_are_counted(tmp_path: Path) -> None:
    lines = [BILL, BILL | {"key": "2006-C-2", "title": None}, BILL | {"key": "2006-C-3", "presented": "2012-01-01"}, BILL | {"key": "2006-C-4", "presented": None}]
    file = tmp_path / "bills.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    window = Window(dt.date(2006, 7, 27), dt.date(2011, 7, 26), ended=True)
    assert [line["key"] for line in filed_in(file, window)] == ["2006-C-1", "2006-C-2"]
    rows, unreadable = replay(file, window, "pe", workers=1)
    assert ([row.key for row in rows], unreadable) == (["2006-C-1"], 1)


def test_endings_are_known_when_the_window_reaches_the_end_of_its_period(pack: ScoringPack) -> None:
    assert window_of("2006-07-27:2011-07-26", pack.country).ended
    assert not window_of("2021-08-01:2022-05-31", pack.country).ended


@pytest.mark.parametrize("text", ["2006", "2006-07-27", "2011-07-26:2006-07-27", "a:b"])
def test_a_wrong_window_says_how_to_write_one(text: str, pack: ScoringPack) -> None:
    with pytest.raises(Refused, match="FROM:UNTIL"):
        window_of(text, pack.country)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "judged.jsonl").write_text('{"id": "a", "polarity": "threat"}\n{"id": \n')
    with pytest.raises(Refused, match=r"judged\.jsonl line 2"):
        judgments_of(tmp_path / "judged.jsonl")
    (tmp_path / "judged.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(Refused, match="polarity"):
        judgments_of(tmp_path / "judged.jsonl")
