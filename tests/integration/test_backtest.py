"""`veedor backtest`: point in time, misses first, and on the record the promises of the methodology against what people judged (skipped without the reference data)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from services.backtest import backtest, by_judgment
from services.methodology.docket import judgments_of
from services.veedor import main
from shared.countries import load

RECORD = load("pe").directory / "record.jsonl"
JUDGED = Path(os.environ.get("VEEDOR_REFERENCE", "../shared")) / "data/pe/moves.jsonl"
THREAT = "Ley que reduce el mandato de los miembros del Jurado Nacional de Elecciones"
REMEDY = "Ley que deroga la Ley 32108"


def line(key: str, day: str, stage: str, title: str) -> str:
    return json.dumps({"key": key, "instrument": "bill", "observed_on": day, "stage": stage, "title": title, "source": {"url": "https://example.org/x"}})


@pytest.fixture
def record(tmp_path: Path) -> Path:
    file = tmp_path / "record.jsonl"
    lines = [
        line("T", "2024-03-01", "filed", THREAT),
        line("T", "2024-04-10", "first_vote", THREAT),
        line("T", "2024-05-20", "second_vote", THREAT),
        line("R", "2024-09-01", "filed", REMEDY),
        line("R", "2024-09-20", "passed", REMEDY),
        line("L", "2024-06-01", "published", "Ley que declara el Día del Maestro"),
    ]
    file.write_text("\n".join(lines))
    return file


@pytest.fixture(scope="module")
def judged() -> dict[str, Any]:
    if not JUDGED.exists():
        pytest.skip(f"no reference data at {JUDGED}: set VEEDOR_REFERENCE to the folder that has data/pe")
    return by_judgment(backtest(RECORD, "pe")["moves"], judgments_of(JUDGED))


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["backtest", *map(str, arguments)], catch_exceptions=False)


def test_the_keys_scripts_rely_on(record: Path, tmp_path: Path) -> None:
    found = run("--record", record, "--json", tmp_path / "out.json")
    assert found.exit_code == 0
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["summary"]["eligible"] == 2
    for move in figures["moves"]:
        assert {"move_id", "key", "first_alert", "first_level", "peak_level", "levels", "decisive", "lead_days"} <= set(move)


def test_a_threat_is_warned_of_on_the_day_it_is_filed_and_a_remedy_never(record: Path) -> None:
    moves = {move["key"]: move for move in backtest(record, "pe", workers=1)["moves"]}
    assert (moves["T"]["first_alert"], moves["T"]["lead_days"]) == ("2024-03-01", 80)
    assert moves["T"]["decisive"] == {"date": "2024-05-20", "stage": "second_vote"}
    assert (moves["R"]["first_alert"], moves["R"]["lead_days"], moves["R"]["direction"]) == (None, None, "strengthens")
    assert not moves["L"]["eligible"]


def test_misses_come_first(record: Path) -> None:
    assert next(iter(backtest(record, "pe", workers=1)["moves"]))["key"] == "R"


def test_days_before_a_step_do_not_know_it(record: Path) -> None:
    lines = record.read_text().splitlines()
    record.write_text("\n".join(lines[:2] + lines[3:]))
    short = next(move for move in backtest(record, "pe", workers=1)["moves"] if move["key"] == "T")
    record.write_text("\n".join(lines))
    whole = next(move for move in backtest(record, "pe", workers=1)["moves"] if move["key"] == "T")
    assert [change for change in short["levels"] if change[0] < "2024-05-20"] == [change for change in whole["levels"] if change[0] < "2024-05-20"]


def test_one_process_and_two_say_the_same(record: Path) -> None:
    assert backtest(record, "pe", workers=1) == backtest(record, "pe", workers=2)


def test_filings_and_judgments_are_read_when_given(record: Path, tmp_path: Path) -> None:
    bill = {"key": "2006-C-1", "period": "2006-2011", "presented": "2009-03-02", "title": THREAT, "status_norm": "law", "stages": []}
    (tmp_path / "bills.jsonl").write_text(json.dumps(bill))
    (tmp_path / "labels.jsonl").write_text(json.dumps({"key": "2006-C-1", "rel": 2, "dir": "weakens", "sev": 3, "weight": 1.0}))
    (tmp_path / "judged.jsonl").write_text('{"id": "T", "polarity": "threat"}')
    found = run(
        *("--record", record, "--json", tmp_path / "out.json", "--judgments", tmp_path / "judged.jsonl"),
        *("--bills", tmp_path / "bills.jsonl", "--window", "2006-07-27:2011-07-26", "--labels", tmp_path / "labels.jsonl"),
    )
    assert found.exit_code == 0, found.output
    figures = json.loads((tmp_path / "out.json").read_text())
    card = figures["filings"]["2006-07-27:2011-07-26"]
    assert card["alarms"]["elevated"]["labelled"]["threat"] == 1
    assert card["forecast"]["at_filing"]["bills"] == 1
    assert figures["judged"]["threat"]["elevated_before_decisive"] == 1
    assert "filed 2006-07-27 to 2011-07-26: 1 bills" in found.output


def test_bills_without_a_window_are_refused_with_what_to_add(record: Path) -> None:
    found = run("--record", record, "--bills", record)
    assert found.exit_code == 2
    assert "--window FROM:UNTIL" in found.output


def test_nine_threats_in_ten_stand_at_elevated_before_their_decisive_step(judged: dict[str, Any]) -> None:
    threats = judged["threat"]
    assert threats["elevated_before_decisive"] >= 0.9 * threats["eligible"], threats["below_elevated"]


def test_no_remedy_stands_above_watch(judged: dict[str, Any]) -> None:
    assert judged["positive"]["above_watch_keys"] == []


def test_at_most_one_neutral_move_in_ten_stands_above_watch(judged: dict[str, Any]) -> None:
    assert judged["neutral"]["above_watch"] <= 0.1 * judged["neutral"]["moves"], judged["neutral"]["above_watch_keys"]


JUNK = {
    "empty": (b"", "is empty"),
    "blank": (b"\n \n\n", "is empty"),
    "no json": (b"hello\nworld\n", "no header we know"),
    "bytes": (b"\xff\xfe\x00\x01", "no header we know"),
    "a list": (b"[{}]", "one JSON object a line"),
    "broken json": (b'{"key": ', "line 1: line: is not JSON"),
    "no record": (b'{"name": "x"}\n', "line 1: "),
    "a header alone": (b"key,observed_on,stage,title\n", "holds no observation"),
}


@pytest.mark.parametrize("command", ["backtest", "demo"])
@pytest.mark.parametrize("kind", JUNK)
def test_what_is_no_record_is_refused_in_one_line_that_names_it(tmp_path: Path, kind: str, command: str) -> None:
    content, words = JUNK[kind]
    file = tmp_path / "given.jsonl"
    file.write_bytes(content)
    options = ["--exit", "--port", "0", "--home", str(tmp_path / "home")] if command == "demo" else []
    found = CliRunner().invoke(main, [command, "--record", str(file), *options], catch_exceptions=False)
    assert found.exit_code == 1
    assert words in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert found.stderr.startswith("Error: given.jsonl")
    assert not (tmp_path / "home" / "ingest.db").exists()
