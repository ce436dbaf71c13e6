"""The main job as a user runs it: `veedor demo` on part of the record, twice, in two homes, and killed at random moments."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shared.bus.local import LocalBus
from shared.events import ASSESSMENTS, AlertChanged, MoveAssessed

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "shared/countries/pe/record.jsonl"
KEYS = ("PE-2024-14", "PE-2024-16", "PE-2024-03", "PE-2024-04", "PE-2024-18", "PE-2024-23", "PE-2024-07", "PE-2024-36")
SPAN = ("2024-03-01", "2024-10-31")
TOTALS = ("moves_read", "moves_scored", "alerted", "not_alerted", "by_level", "dead_letters", "deliveries", "gravest")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight months of eight moves: the organised-crime law, its repeal, accusations, terms, neutral ones."""
    file = tmp_path_factory.mktemp("record") / "part.jsonl"
    lines = [line for line in RECORD.read_text(encoding="utf-8").splitlines() if (said := json.loads(line))["key"] in KEYS and SPAN[0] <= said["observed_on"] <= SPAN[1]]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def command(home: Path, record: Path) -> list[str]:
    return [sys.executable, "-m", "services.veedor", "demo", "--exit", "--home", str(home), "--port", "0", "--record", str(record), "--json", str(home.with_suffix(".json"))]


def run(home: Path, record: Path) -> dict[str, Any]:
    """One unbroken run; its figures."""
    done = subprocess.run(command(home, record), cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    figures: dict[str, Any] = json.loads(home.with_suffix(".json").read_text(encoding="utf-8"))
    return figures


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, record: Path) -> tuple[Path, dict[str, Any]]:
    home = tmp_path_factory.mktemp("demo") / "first"
    return home, run(home, record)


def assessments(home: Path) -> list[bytes]:
    """Every assessment on the bus of a home, in the order of its move."""
    consumer = LocalBus(home / "bus.db").consumer("test", [ASSESSMENTS])
    with closing(consumer):
        found = list(_drain(consumer))
    return sorted(found, key=lambda raw: _order(raw))


def _drain(consumer: Any) -> Iterator[bytes]:
    while batch := consumer.poll(2.0, 5000):
        yield from (delivery.value for delivery in batch)


def _order(raw: bytes) -> tuple[str, str, int]:
    event = MoveAssessed.decode(raw)
    return event.move.move_id, event.as_of.isoformat(), event.revision


def alert_ids(home: Path) -> set[str]:
    consumer = LocalBus(home / "bus.db").consumer("test", [AlertChanged.TOPIC])
    with closing(consumer):
        return {AlertChanged.decode(raw).event_id for raw in _drain(consumer)}


def test_every_move_is_accounted_for_and_every_delivery_verified(first: tuple[Path, dict[str, Any]]) -> None:
    _, figures = first
    assert figures["moves_read"] == figures["moves_scored"] == len(KEYS)
    assert figures["alerted"] + figures["not_alerted"] == figures["moves_scored"]
    assert sum(figures["by_level"].values()) == figures["moves_scored"]
    assert figures["dead_letters"] == 0
    assert figures["deliveries"]["sent"] == figures["deliveries"]["verified"] > 0
    assert figures["deliveries"]["failed"] == 0


def test_the_organised_crime_law_is_warned_of_before_its_second_vote(first: tuple[Path, dict[str, Any]]) -> None:
    row = next(row for row in first[1]["gravest"] if row["key"] == "PE-2024-14")
    assert row["level"] in ("elevated", "high", "critical")
    assert row["first_alert"] == "2024-05-30"
    assert (row["decisive"], row["lead_days"]) == ("2024-07-04", 35)
    assert row["first_level"] in ("watch", "elevated", "high", "critical")
    assert row["first_alert"] <= row["peak_on"] <= row["decisive"]


def test_a_remedy_raises_no_alert_above_watch(first: tuple[Path, dict[str, Any]]) -> None:
    assert all(row["key"] != "PE-2024-16" or row["level"] == "watch" for row in first[1]["gravest"])


def test_run_again_on_the_same_home_changes_nothing(first: tuple[Path, dict[str, Any]], record: Path) -> None:
    home, figures = first
    before = alert_ids(home)
    again = run(home, record)
    assert {name: again[name] for name in TOTALS} == {name: figures[name] for name in TOTALS}
    assert alert_ids(home) == before


def test_replayed_in_another_home_gives_the_same_bytes(first: tuple[Path, dict[str, Any]], record: Path, tmp_path: Path) -> None:
    home, _ = first
    other = tmp_path / "other"
    run(other, record)
    assert assessments(other) == assessments(home)
    assert alert_ids(other) == alert_ids(home)


def test_killed_at_ten_random_moments_it_resumes_and_ends_with_the_same_totals(first: tuple[Path, dict[str, Any]], record: Path, tmp_path: Path) -> None:
    home, draw = tmp_path / "killed", random.Random(20240530)
    for _ in range(10):
        child = subprocess.Popen(command(home, record), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(timeout=draw.uniform(1.5, 9.0))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
    figures = run(home, record)
    expected = first[1]
    assert {name: figures[name] for name in TOTALS} == {name: expected[name] for name in TOTALS}
    assert alert_ids(home) == alert_ids(first[0])


def test_a_home_with_real_work_is_refused(tmp_path: Path, record: Path) -> None:
    home = tmp_path / "real"
    home.mkdir()
    (home / "ingest.db").touch()
    done = subprocess.run(command(home, record), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "home of its own" in done.stderr
    assert "Traceback" not in done.stderr
