"""What people ask most, of lists and of pressure, reads no more of ten times as many alerts: counted on either database, at the plans it chooses itself."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from services.alerting import tables
from services.alerting.catalogue import MOST_COUNTED, AlertFilter, Catalogue
from services.alerting.institutions import Institutions
from shared.database import Database
from shared.events import Direction, Level, Lifecycle, Stage, Target, Tlp
from shared.rows import insert_rows
from tests.integration.alerting.home import migrated, sqlite
from tests.unit.alerting.sample import pack

FEW, MANY = 2_000, 20_000
FIRST = dt.date(2021, 7, 28)
DAYS = 1900
MOMENT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OPEN = [Level.WATCH] * 12 + [Level.ELEVATED] * 5 + [Level.HIGH] * 2 + [Level.CRITICAL]
"""Levels of open alerts, as often as they come."""
LIMIT = 20
"""Alerts of a page, and how far a list is counted: both are reached at FEW, so that nothing is left that may grow."""
TARGETS = list(Target)


def alert(number: int, chance: random.Random) -> dict[str, Any]:
    peak = chance.choice(OPEN)
    open_ = chance.random() < 0.3
    day = FIRST + dt.timedelta(days=chance.randrange(DAYS))
    return {
        "kind": "move",
        "revision": 1,
        "tlp_rank": 1,
        "backfill": False,
        "direction": "strengthens" if number % 20 == 3 else "weakens",
        "stage": "report" if number % 25 == 7 else "committee",
        "country": "cl" if number % 10 == 1 else "pe",
        "exercise": number % 50 == 29,
        "alert_id": f"alert.{number:06}",
        "move_id": f"m.{number:06}",
        "lifecycle": str(Lifecycle.ALERT if open_ else Lifecycle.CANCEL),
        "level": str(peak if open_ else Level.NONE),
        "level_rank": peak.rank if open_ else 0,
        "peak_level": str(peak),
        "peak_rank": peak.rank,
        "peak_risk": chance.randrange(100_000) / 1000,
        "risk": chance.randrange(100_000) / 1000,
        "opened_as_of": day,
        "changed_as_of": day,
        "recorded_at": MOMENT + dt.timedelta(minutes=number),
        "updated_at": MOMENT + dt.timedelta(minutes=number),
        "sequence": number + 1,
        "search": f" ley {number} palabra{chr(97 + number % 26)} {'alguna ' if chance.random() < 0.1 else ''}{'rara ' if number % 1000 == 11 else ''}",
        "item": b'{"alert_id":"x"}' + b" " * 1500,
    }


def reading(number: int) -> dict[str, Any]:
    day = FIRST + dt.timedelta(days=number % DAYS)
    return {"event_id": f"{number:032}", "move_id": f"m.{number:06}", "revision": 1, "as_of": day, "level": "watch", "risk": 1.0, "direction": "weakens", "stage": "committee"}


def grow(database: Database, first: int, last: int) -> None:
    """Alerts, each about two institutions, and their assessments; the days of pressure are there from the first."""
    chance = random.Random(first)
    with database.transaction() as session:
        connection = session.connection()
        insert_rows(connection, tables.alerts, [alert(number, chance) for number in range(first, last)])
        about = [{"target": str(TARGETS[(number + shift) % 12]), "alert_id": f"alert.{number:06}"} for number in range(first, last) for shift in (0, 5)]
        insert_rows(connection, tables.alert_targets, about)
        insert_rows(connection, tables.assessments, [reading(number) for number in range(first, last)])
        days = [FIRST + dt.timedelta(days=past) for past in range(DAYS)] if not first else []
        insert_rows(connection, tables.pressure, [{"target": str(target), "day": day, "change": 0.01} for target in TARGETS for day in days])
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


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


def rows_read(database: Database, said: Said) -> int:
    """Rows that PostgreSQL took from tables and indexes to answer, those it threw away included; of SQLite, which does not tell, tens of the steps of its machine."""
    statement, parameters = said
    with database.reading() as session:
        connection = session.connection()
        if database.is_sqlite:
            return _steps(connection.connection.driver_connection, statement, parameters)
        plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()[0]["Plan"]
    return round(sum(_read(node) for node in _nodes(plan)))


def _steps(connection: Any, statement: str, parameters: Any) -> int:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 10)
    try:
        connection.execute(statement, parameters).fetchall()
    finally:
        connection.set_progress_handler(None, 0)
    return steps


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)


def _read(node: dict[str, Any]) -> float:
    if "Scan" not in node["Node Type"]:
        return 0.0
    return float((node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)) * node["Actual Loops"])


Question = Callable[[Database], object]


def page(**chosen: Any) -> Question:
    sort = chosen.pop("sort", "-changed")
    return lambda database: Catalogue(database, LIMIT).page(AlertFilter(**chosen), Tlp.RED, sort=sort, cursor=None, limit=LIMIT)


def deep(database: Database) -> object:
    """The page after the five hundredth."""
    catalogue = Catalogue(database, LIMIT)
    following = catalogue.page(AlertFilter(), Tlp.RED, sort="-risk", cursor=None, limit=500)["next"]
    return catalogue.page(AlertFilter(), Tlp.RED, sort="-risk", cursor=following, limit=LIMIT)


QUESTIONS: dict[str, Question] = {
    "all": page(),
    "by risk": page(sort="-risk"),
    "by peak": page(sort="-peak"),
    "by risk, deep": deep,
    "critical": page(level=[Level.CRITICAL]),
    "watch": page(level=[Level.WATCH]),
    "an institution": page(institution=[Target.JNE]),
    "an institution, open, by risk": page(institution=[Target.JNE], lifecycle=[Lifecycle.ALERT], sort="-risk"),
    "a stage": page(stage=[Stage.REPORT]),
    "two stages": page(stage=[Stage.REPORT, Stage.COMMITTEE]),
    "a stage of none": page(stage=[Stage.WITHDRAWN]),
    "new ones": page(lifecycle=[Lifecycle.ALERT]),
    "revised ones, of which there are none": page(lifecycle=[Lifecycle.UPDATE]),
    "open ones": page(lifecycle=[Lifecycle.ALERT, Lifecycle.UPDATE]),
    "cancelled ones": page(lifecycle=[Lifecycle.CANCEL]),
    "a direction": page(direction=[Direction.STRENGTHENS]),
    "a country": page(country=["cl"]),
    "a country of none": page(country=["ar"]),
    "an institution in a country": page(institution=[Target.JNE], country=["cl"]),
    "a stage, a direction, a country": page(stage=[Stage.COMMITTEE], direction=[Direction.WEAKENS], country=["cl"]),
    "a word of all": page(q="LEY"),
    "a word of some": page(q="Alguná"),
    "a word of some, by risk": page(q="alguna", sort="-risk"),
    "the beginning of a word": page(q="palab"),
    "a number": page(q="ley 137"),
    "a rare word": page(q="Rará"),
    "a word of none": page(q="ninguna"),
    "pressure": lambda database: Institutions(database, pack()).pressure("JNE", None, None),
}
SINCE = FIRST + dt.timedelta(days=DAYS - 100)
LATE, LATEST = MOMENT + dt.timedelta(minutes=MANY - 80), f"sequence > {MANY - 80}"
CROSSED: dict[str, Question] = {
    "a stage, by risk": page(stage=[Stage.REPORT], sort="-risk"),
    "a country, by risk": page(country=["cl"], sort="-risk"),
    "a level in a country": page(level=[Level.CRITICAL], country=["cl"]),
    "a word at a level": page(q="palabrac", level=[Level.WATCH]),
    "a word in a country": page(q="palabrac", country=["cl"]),
    "a word at no level": page(q="ley 137", level=[Level.CRITICAL], stage=[Stage.REPORT]),
    "changed since long, by risk": page(changed_since=MOMENT, sort="-risk"),
    "changed since, by risk": page(changed_since=LATE, sort="-risk"),
}
"""Questions that two indexes answer half each, or one in another order: they read more of more, but far from all."""
NARROW: dict[str, tuple[Question, str]] = {
    "at least high, open": (page(min_level=Level.HIGH, lifecycle=[Lifecycle.ALERT]), f"level_rank >= {Level.HIGH.rank}"),
    "since a day": (page(as_of_since=SINCE), f"changed_as_of >= '{SINCE}'"),
    "exercises": (page(exercise=True), "exercise"),
    "changed since": (page(changed_since=LATE), LATEST),
    "updated since": (page(updated_since=LATE), LATEST),
}
"""Questions that so few alerts answer that all of these may be read, and what says which."""
Costs = dict[str, dict[int, int]]


def unserved(database: Database) -> int:
    """What no index serves: the measure must tell."""
    return rows_read(database, ("SELECT item FROM alerts WHERE revision = 2", ()))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    found = sqlite(tmp_path_factory.mktemp("plans")) if request.param == "sqlite" else migrated(request.getfixturevalue("postgres"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def costs(database: Database) -> Costs:
    """Rows read for each question at FEW and at MANY alerts; the database ends with MANY."""
    found: Costs = {question: {} for question in (*QUESTIONS, "unserved")}
    for first, last in ((0, FEW), (FEW, MANY)):
        grow(database, first, last)
        for question, ask in QUESTIONS.items():
            found[question][last] = cost(database, ask)
        found["unserved"][last] = unserved(database)
    return found


def cost(database: Database, ask: Question) -> int:
    with heard(database) as asked:
        ask(database)
    return sum(rows_read(database, said) for said in asked)


def grown(cost: dict[int, int]) -> bool:
    """More than by half, and by more than the steps down a higher tree, or to the few that a question finds."""
    return cost[MANY] > cost[FEW] * 1.5 + 150


@pytest.mark.parametrize("question", QUESTIONS)
def test_ten_times_the_alerts_are_read_no_further(costs: Costs, question: str) -> None:
    assert not grown(costs[question]), costs


@pytest.mark.usefixtures("costs")
@pytest.mark.parametrize("question", NARROW)
def test_what_few_alerts_answer_reads_only_those(database: Database, question: str) -> None:
    ask, which = NARROW[question]
    with database.reading() as session:
        matching = session.connection().exec_driver_sql(f"SELECT count(*) FROM alerts WHERE {which}").scalar_one()
    assert 0 < matching < MANY // 10
    # The page and the count may each read all of them, the index and the table apart, and step down some trees.
    assert cost(database, ask) <= 4 * matching + 50


@pytest.mark.usefixtures("costs")
@pytest.mark.parametrize("question", CROSSED)
def test_what_two_filters_narrow_reads_a_fourth_of_all_at_most(database: Database, question: str) -> None:
    assert cost(database, CROSSED[question]) <= unserved(database) / 2


def test_the_measure_finds_what_it_is_for(costs: Costs) -> None:
    assert grown(costs["unserved"])


@pytest.mark.usefixtures("costs")
def test_a_list_says_when_it_stopped_counting(database: Database) -> None:
    everything = Catalogue(database).page(AlertFilter(), Tlp.RED, sort="-changed", cursor=None, limit=1)
    assert (everything["total"], everything["total_is_floor"]) == (MOST_COUNTED, True)
    critical = Catalogue(database).page(AlertFilter(level=[Level.CRITICAL]), Tlp.RED, sort="-changed", cursor=None, limit=1)
    assert 0 < critical["total"] < MANY // 50
    assert critical["total_is_floor"] is False
