"""`veedor score`: one line out for each line in, in order, point in time, lenient about absent fields, exact about errors."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from services.scoring.assess import TOGETHER, ScoringPack
from services.scoring.lines import score, score_line
from services.veedor import main

BILL = {
    "key": "2021-C-1",
    "period": "2021-2026",
    "chamber": "C",
    "presented": "2024-02-01",
    "title": "LEY QUE REDUCE EL MANDATO DE LOS MIEMBROS DEL JURADO NACIONAL DE ELECCIONES",
    "summary": None,
    "stages": [{"date": "2024-02-05", "stage": "EN COMISIÓN", "detail": None}, {"date": "2024-06-01", "stage": "APROBADO 1ERA. VOTACIÓN"}],
}
CONTRACT = {"key", "relevance", "targets", "mechanisms", "direction", "abstained", "severity", "imminence", "confidence", "risk", "level", "p_law", "earliest_law", "factors"}
DAY = dt.date(2024, 3, 1)


@pytest.fixture(scope="module")
def pack() -> ScoringPack:
    return ScoringPack.load("pe")


def scored(pack: ScoringPack, **changes: Any) -> dict[str, Any]:
    return score_line(json.dumps(BILL | changes).encode(), pack, DAY)


def test_a_key_that_is_no_word_or_number_is_refused(pack: ScoringPack) -> None:
    """Nested a few hundred deep it could be read and not written: the whole file failed for it."""
    raw = b'{"title": "Ley", "key": ' + b"[" * 300 + b"]" * 300 + b"}"
    assert score_line(raw, pack, DAY) == {"key": None, "error": "key: must be text or a number"}


def test_a_line_has_the_keys_of_the_contract(pack: ScoringPack) -> None:
    found = scored(pack)
    assert found.keys() >= CONTRACT
    assert "JNE" in found["targets"]
    assert found["direction"] == "weakens"
    assert all({"rule", "part", "points", "quote", "citation"} <= factor.keys() for factor in found["factors"])


def test_later_stages_and_outcomes_are_not_read(pack: ScoringPack) -> None:
    seen = scored(pack)
    assert scored(pack, stages=BILL["stages"][:1]) == seen  # type: ignore[index]
    assert scored(pack, status="Publicada", status_norm="law", law_number="32999", grouped_with=["x"], committees=["y"]) == seen


def test_many_lines_say_in_order_what_each_says_alone(pack: ScoringPack) -> None:
    """Of a batch with lines that cannot be read, and one that can be but not scored: its period has no end in any calendar."""
    endless = BILL | {"period": "9996-9999", "presented": "9998-01-01", "as_of": "9998-06-01", "stages": [{"date": "9998-02-01", "stage": "EN COMISIÓN"}]}
    bills = [BILL | {"title": f"Ley {number} que reduce el mandato"} for number in range(TOGETHER)]
    lines = [json.dumps(bill | {"key": str(at)}).encode() for at, bill in enumerate([*bills, {"title": None}, endless, *bills, {"title": None}])]
    found = list(score(iter([*lines, b"  ", b"[]"]), pack, DAY))
    assert found == [score_line(line, pack, DAY) for line in [*lines, b"[]"]]
    assert [line["key"] for line in found if "error" in line] == [str(TOGETHER), str(TOGETHER + 1), str(len(lines) - 1), None]


def test_people_and_groups_change_nothing(pack: ScoringPack) -> None:
    assert scored(pack, authors=["Somebody"], group="Some group") == scored(pack, authors=["Somebody else"], group="Another")


def test_the_lines_own_day_beats_the_given_one(pack: ScoringPack) -> None:
    assert scored(pack, as_of="2024-06-02")["imminence"] > scored(pack)["imminence"]


@pytest.mark.parametrize("absent", ["summary", "stages", "presented", "period", "chamber"])
def test_fields_may_be_null_or_absent(pack: ScoringPack, absent: str) -> None:
    assert "error" not in scored(pack, **{absent: None})
    without = {name: value for name, value in BILL.items() if name != absent}
    assert "error" not in score_line(json.dumps(without).encode(), pack, DAY)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "unexpected end"),
        (b"[]", "no JSON object"),
        (json.dumps(BILL | {"title": None}).encode(), "title"),
        (json.dumps(BILL | {"as_of": "yesterday"}).encode(), "as_of"),
        (json.dumps(BILL | {"title": 7}).encode(), "title"),
        (json.dumps(BILL | {"stages": [{"date": "2024-99-01", "stage": "x"}]}).encode(), "stages.0.date"),
        (json.dumps(BILL | {"stages": "none"}).encode(), "stages"),
    ],
)
def test_what_cannot_be_scored_says_why(pack: ScoringPack, raw: bytes, said: str) -> None:
    found = score_line(raw, pack, DAY)
    assert found.keys() == {"key", "error"}
    assert said in found["error"]


def test_the_command_keeps_order_and_exits_1_on_an_error(tmp_path: Path) -> None:
    source, target = tmp_path / "bills.jsonl.gz", tmp_path / "out.jsonl"
    source.write_bytes(gzip.compress(b"\n".join(json.dumps(BILL | {"key": key}).encode() for key in "abc")))
    done = CliRunner().invoke(main, ["score", "--input", str(source), "--output", str(target), "--as-of", "2024-03-01"])
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["key"] for line in target.read_text().splitlines()] == ["a", "b", "c"]
    source.write_bytes(b'{"key": "x"}\n' + json.dumps(BILL).encode())
    done = CliRunner().invoke(main, ["score", "--input", str(source), "--output", str(target)])
    assert done.exit_code == 1
    assert [set(json.loads(line)) == {"key", "error"} for line in target.read_text().splitlines()] == [True, False]


def scoring(source: Path, target: Path) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["score", "--input", str(source), "--output", str(target)])
    return done.exit_code, done.output


def test_a_byte_order_mark_is_no_error_and_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    source, target = tmp_path / "bills.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"\xef\xbb\xbf" + json.dumps(BILL).encode() + b"\n\n\nno JSON\n")
    code, said = scoring(source, target)
    assert code == 1
    assert "line 4: the line is not JSON" in said
    assert ["error" in json.loads(line) for line in target.read_text().splitlines()] == [False, True]


@pytest.mark.parametrize("kept", [8, 400, 3000])
def test_a_packed_file_that_breaks_off_gives_what_came_before_and_says_where(tmp_path: Path, kept: int) -> None:
    source, target = tmp_path / "bills.jsonl.gz", tmp_path / "out.jsonl"
    packed = gzip.compress(b"\n".join(json.dumps(BILL | {"summary": random.Random(number).randbytes(300).hex()}).encode() for number in range(9)))
    source.write_bytes(packed[:kept])
    code, said = scoring(source, target)
    count = len(target.read_text().splitlines())
    assert code == 1
    assert f"line {count + 1}: the file breaks off here" in said
    assert bool(count) == (kept > 1000)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"as_of": "9999-12-31"}, "as_of"),
        ({"presented": "0001-01-01"}, "presented"),
        ({"stages": [{"date": "2026-11-01", "stage": 5}]}, "stages.0"),
        ({"stages": [{"date": "2026-11-01", "stage": "Comisión", "detail": ["x"]}]}, "stages.0"),
    ],
)
def test_what_no_bill_says_is_refused_by_name(pack: ScoringPack, changes: dict[str, Any], field: str) -> None:
    assert field in score_line(json.dumps(BILL | changes).encode(), pack, DAY)["error"]
