"""For the lists people ask most, and for the pressure on an institution, neither database reads or sorts a big table whole; a count stops at its limit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from services.alerting import tables
from services.alerting.catalogue import MOST_COUNTED, AlertFilter, Catalogue
from services.alerting.institutions import Institutions
from shared.database import Database
from shared.events import Level, Lifecycle, Target, Tlp
from tests.integration.alerting.home import migrated, sqlite
from tests.unit.alerting.sample import pack

MANY = 30_000
BIG = ("alerts", "alert_targets", "pressure", "assessments")
LEVELS = ("watch", "elevated", "high", "critical")


def rows(count: int) -> Iterator[dict[str, Any]]:
    day = dt.date(2021, 7, 28)
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for i in range(count):
        rank = 1 + (i % 100 >= 80) + (i % 100 >= 95) + (i % 100 == 99)
        plain = {"kind": "move", "direction": "weakens", "stage": "committee", "country": "pe", "revision": 1, "tlp_rank": 0, "exercise": False, "backfill": False}
        yield plain | {
            "alert_id": f"alert.{i:06}",
            "move_id": f"m.{i:06}",
            "lifecycle": "Cancel" if i % 10 < 7 else "Alert",
            "level": LEVELS[rank - 1],
            "level_rank": rank,
            "peak_level": LEVELS[rank - 1],
            "peak_rank": rank,
            "peak_risk": i * 7919 % 100_000 / 1000,
            "risk": i * 7907 % 100_000 / 1000,
            "opened_as_of": day + dt.timedelta(days=i % 1900),
            "changed_as_of": day + dt.timedelta(days=i % 1900),
            "recorded_at": moment,
            "updated_at": moment,
            "sequence": i + 1,
            "search": f" ley {i} ",
            "item": b'{"alert_id":"x"}',
        }


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    found = sqlite(tmp_path_factory.mktemp("plans")) if request.param == "sqlite" else migrated(request.getfixturevalue("postgres"))
    targets = list(Target)
    with found.transaction() as session:
        run = session.connection().execute
        run(tables.alerts.insert(), list(rows(MANY)))
        run(tables.alert_targets.insert(), [{"target": str(targets[(i + shift) % 12]), "alert_id": f"alert.{i:06}"} for i in range(MANY) for shift in (0, 5)])
        run(tables.pressure.insert(), [{"target": str(target), "day": dt.date(2021, 7, 28) + dt.timedelta(days=d), "change": 0.01} for target in targets for d in range(1900)])
    with found.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    yield found
    found.close()


Said = tuple[str, Any]


@contextmanager
def heard(database: Database) -> Iterator[list[Said]]:
    """What is asked of the database meanwhile, word for word."""
    asked: list[Said] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", hear)


def complaints(database: Database, said: Said) -> list[str]:
    """Steps of the plan that read a big table whole, or sort it. A count that stops at a limit reads no more than the limit needs."""
    statement, parameters = said
    if statement.startswith("SELECT count(*)"):
        return [] if "LIMIT" in statement else ["counts without end"]
    with database.reading() as session:
        connection = session.connection()
        if database.is_sqlite:
            return _scans([row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)])
        # Tables of a test are small enough to be read whole for less: what cannot be served by an index is read whole even so.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()[0]["Plan"]
    return [f"{step['Node Type']} {step.get('Relation Name', '')}" for step in _steps(plan) if _whole(step)]


def _scans(steps: list[str]) -> list[str]:
    """SQLite says SCAN for a table without an index, SEARCH for the part of it that an index finds: sorting that part is fine."""
    whole = [step for step in steps if step in [f"SCAN {table}" for table in BIG]]
    sorts = [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step]
    return whole + (sorts if not any(step.startswith("SEARCH") for step in steps) else [])


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _steps(below)


def _whole(step: dict[str, Any]) -> bool:
    if step["Node Type"] == "Seq Scan":
        return step["Relation Name"] in BIG
    return step["Node Type"] == "Sort" and step["Plan Rows"] > MANY // 3


def page(**chosen: Any) -> Callable[[Database], object]:
    sort = chosen.pop("sort", "-changed")
    return lambda database: Catalogue(database).page(AlertFilter(**chosen), Tlp.RED, sort=sort, cursor=None, limit=50)


def deep(database: Database) -> object:
    """The page after the five hundredth."""
    following = Catalogue(database).page(AlertFilter(), Tlp.RED, sort="-risk", cursor=None, limit=500)["next"]
    return Catalogue(database).page(AlertFilter(), Tlp.RED, sort="-risk", cursor=following, limit=50)


QUESTIONS = {
    "all": page(),
    "by risk": page(sort="-risk"),
    "by peak": page(sort="-peak"),
    "by risk, deep": deep,
    "critical": page(level=[Level.CRITICAL]),
    "at least high, open": page(min_level=Level.HIGH, lifecycle=[Lifecycle.ALERT]),
    "an institution": page(institution=[Target.JNE]),
    "an institution, open, by risk": page(institution=[Target.JNE], lifecycle=[Lifecycle.ALERT], sort="-risk"),
    "since a day": page(as_of_since=dt.date(2026, 1, 1)),
    "pressure": lambda database: Institutions(database, pack()).pressure("JNE", None, None),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_big_table_is_read_or_sorted_whole(database: Database, question: str) -> None:
    with heard(database) as asked:
        QUESTIONS[question](database)
    assert asked
    assert {said[0]: found for said in asked if (found := complaints(database, said))} == {}


def test_a_list_says_when_it_stopped_counting(database: Database) -> None:
    everything = Catalogue(database).page(AlertFilter(), Tlp.RED, sort="-changed", cursor=None, limit=1)
    assert (everything["total"], everything["total_is_floor"]) == (MOST_COUNTED, True)
    critical = Catalogue(database).page(AlertFilter(level=[Level.CRITICAL]), Tlp.RED, sort="-changed", cursor=None, limit=1)
    assert (critical["total"], critical["total_is_floor"]) == (MANY // 100, False)


def test_the_check_finds_what_it_is_for(database: Database) -> None:
    unserved: Said = ("SELECT item FROM alerts ORDER BY search DESC", ())
    assert complaints(database, unserved)
