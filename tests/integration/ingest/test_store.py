"""Observations in, revisions and events out: once, in order, whole."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event as heard_event

from services.ingest.catalogue import Catalogue, Wanted
from services.ingest.observation import Observation
from services.ingest.store import Store
from services.ingest.tables import Base
from shared.countries import Pack
from shared.database import Database
from shared.errors import Refused
from shared.events import Provenance, Stage
from tests.integration.ingest.ledger import events, rows
from tests.unit.ingest.examples import TODAY, told

FROM = Provenance(source="api:ana")


def days(number: int) -> dt.date:
    return TODAY + dt.timedelta(days=number)


def test_the_migrated_schema_is_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": lambda name, kind, parents: name != "alembic_version"})
        assert compare_metadata(context, Base.metadata) == []


def test_said_once_it_is_one_revision_and_one_event(store: Store, database: Database, pack: Pack) -> None:
    first = store.observe([told(pack)], as_of=TODAY, provenance=FROM)
    again = store.observe([told(pack)], as_of=days(1), provenance=FROM)
    assert [(one.move_id, one.revision, one.new, one.revised) for one in first + again] == [
        ("pe.2021-2026.C.bill.5981", 1, (0,), True),
        ("pe.2021-2026.C.bill.5981", 1, (), False),
    ]
    (event,) = events(database)
    assert (event.revision, event.as_of, event.reason, event.provenance) == (1, TODAY, "observed", FROM)


def test_a_batch_is_one_revision_a_move_and_a_later_one_says_what_changed(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack), told(pack, observed_on="2024-05-30", stage="first_vote", native_stage=None)], as_of=TODAY)
    law = told(pack, observed_on="2024-08-09", stage="published", native_stage=None, aliases=["PL 5981/2023-CR", "Ley 32108"])
    (outcome,) = store.observe([law], as_of=TODAY)
    assert (outcome.revision, outcome.changed) == (2, ("aliases", "steps"))
    assert [(event.revision, event.move.stage) for event in events(database)] == [(1, Stage.FIRST_VOTE), (2, Stage.PUBLISHED)]
    assert len({event.event_id for event in events(database)}) == 2


def test_what_adds_nothing_is_kept_without_a_revision(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack)], as_of=TODAY)
    (outcome,) = store.observe([told(pack, confidence="inferred")], as_of=TODAY)
    assert (outcome.new, outcome.revised) == ((0,), False)
    assert len(rows(database, "observations", "id")) == 2
    assert len(events(database)) == 1


def test_the_id_is_for_life(store: Store, pack: Pack) -> None:
    store.observe([told(pack, key="a", aliases=["PL 9/2023-CR"])], as_of=TODAY)
    (outcome,) = store.observe([told(pack, key="a", aliases=["PL 2/2023-CR"], observed_on="2023-09-01")], as_of=TODAY)
    assert outcome.move_id == "pe.2021-2026.C.bill.9"


def test_a_move_is_found_again_by_any_number_of_birth(store: Store, pack: Pack) -> None:
    store.observe([told(pack, aliases=["PL 5981/2023-CR", "PL 6000/2023-CR"])], as_of=TODAY)
    (outcome,) = store.observe([told(pack, key="2021-C-6000", aliases=[], observed_on="2024-01-05", stage="committee")], as_of=TODAY)
    assert (outcome.move_id, outcome.revision) == ("pe.2021-2026.C.bill.5981", 2)


def test_accumulated_bills_that_become_one_law_stay_the_moves_they_are(store: Store, pack: Pack) -> None:
    published = {"observed_on": "2024-08-09", "stage": "published"}
    store.observe([told(pack, key="a", aliases=["PL 1/2023-CR"]), told(pack, key="b", aliases=["PL 2/2023-CR"])], as_of=TODAY)
    outcomes = store.observe([told(pack, key="a", aliases=["Ley 32108"], **published), told(pack, key="b", aliases=["Ley 32108"], **published)], as_of=TODAY)
    assert {one.move_id for one in outcomes} == {"pe.2021-2026.C.bill.1", "pe.2021-2026.C.bill.2"}
    (gazette,) = store.observe([told(pack, key="gazette", aliases=["Ley 32108"], observed_on="2024-08-10", stage="in_force")], as_of=TODAY)
    assert gazette.move_id == "pe.2021-2026.C.bill.1"


def test_two_moves_without_a_number_may_share_a_day_and_a_title(store: Store, pack: Pack) -> None:
    first, second = store.observe([told(pack, key="a", aliases=[]), told(pack, key="b", aliases=[])], as_of=TODAY)
    (third,) = store.observe([told(pack, key="c", aliases=[])], as_of=TODAY)
    assert len({first.move_id, second.move_id, third.move_id}) == 3
    (again,) = store.observe([told(pack, key="c", aliases=[], observed_on="2024-01-01", stage="committee")], as_of=TODAY)
    assert again.move_id == third.move_id


def test_one_key_is_one_instrument(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack)], as_of=TODAY)
    with pytest.raises(Refused) as refused:
        store.observe([told(pack, instrument="motion", observed_on="2024-01-01"), told(pack, key="other", aliases=[])], as_of=TODAY)
    assert (refused.value.field, refused.value.status) == ("instrument", 409)
    assert len(rows(database, "moves", "move_id")) == 1


def test_a_move_too_large_for_the_bus_is_refused_whole(store: Store, database: Database, pack: Pack) -> None:
    text = "á" * 199_000
    store.observe([told(pack, text=text)], as_of=TODAY)
    huge = [told(pack, observed_on=f"2024-01-{day:02d}", stage="other", native_stage=f"Oficio {number}", detail="é" * 1900) for day in range(1, 29) for number in range(4)]
    with pytest.raises(Refused, match="shorten its texts"):
        store.observe(huge, as_of=TODAY)
    assert len(rows(database, "observations", "id")) == 1


@pytest.mark.parametrize(
    ("fields", "as_of", "backfill"),
    [
        ({"observed_on": "2024-08-20"}, TODAY, False),
        ({"observed_on": "2024-07-01"}, TODAY, True),
        ({"observed_on": "2024-07"}, dt.date(2024, 8, 15), False),
        ({"observed_on": "2024-08-20", "undated": True}, TODAY, True),
    ],
)
def test_what_has_no_recent_step_is_history(store: Store, database: Database, pack: Pack, fields: dict[str, object], as_of: dt.date, backfill: bool) -> None:
    store.observe([told(pack, **fields)], as_of=as_of)
    assert [event.backfill for event in events(database)] == [backfill]


def test_a_state_that_changes_between_two_looks_is_news(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack)], as_of=TODAY)
    looked = told(pack, observed_on="2024-09-01", stage=None, native_stage="APROBADO 1ERA. VOTACIÓN", undated=True, confidence="inferred")
    store.observe([looked], as_of=days(3))
    assert [event.backfill for event in events(database)] == [True, False]


def test_told_otherwise_history_is_news_and_news_history(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack)], as_of=TODAY, backfill=False)
    store.observe([told(pack, key="b", aliases=[], observed_on="2024-08-30")], as_of=TODAY, backfill=True)
    assert [event.backfill for event in events(database)] == [False, True]


def test_the_clock_issues_every_pending_move_once_a_day(store: Store, database: Database, pack: Pack) -> None:
    moves: list[Observation] = [told(pack, key=f"k{number}", aliases=[f"PL {number}/2023-CR"]) for number in range(1, 8)]
    store.observe([*moves, told(pack, key="law", aliases=["PL 90/2023-CR"], stage="published")], as_of=TODAY)
    before = len(events(database))
    assert store.clock(TODAY) == 0
    assert store.clock(days(1)) == 7
    assert store.clock(days(1)) == 0
    issued = events(database)[before:]
    assert {(event.reason, event.revision, event.as_of, event.backfill) for event in issued} == {("clock", 1, days(1), False)}
    assert store.clock(days(2)) == 7


def test_the_clock_leaves_alone_what_has_been_silent_for_years(store: Store, pack: Pack) -> None:
    store.observe([told(pack, instrument="ruling", aliases=[], stage="admitted")], as_of=TODAY)
    assert store.clock(dt.date(2025, 9, 20)) == 1
    assert store.clock(dt.date(2025, 9, 21)) == 0


def test_what_lapsed_ends_once_and_says_why(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack)], as_of=TODAY)
    day = dt.date(2026, 7, 27)
    assert [store.shelve_ended(dt.date(2026, 7, 26)), store.shelve_ended(day), store.shelve_ended(day), store.clock(day)] == [0, 1, 0, 0]
    last = events(database)[-1]
    assert (last.reason, last.revision, last.move.stage, last.as_of, last.changed) == ("period_ended", 2, Stage.SHELVED, day, ("steps",))


def test_history_of_an_ended_period_comes_in_ended(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack, key="2006-C-5", aliases=[], observed_on="2007-01-01")], as_of=TODAY)
    assert [(event.revision, event.move.stage, event.backfill) for event in events(database)] == [(1, Stage.SHELVED, True)]
    assert store.shelve_ended(TODAY) == store.clock(days(1)) == 0


def test_a_step_after_the_end_takes_the_shelving_back(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack)], as_of=TODAY)
    store.shelve_ended(dt.date(2026, 7, 27))
    late = told(pack, observed_on="2024-09-01", stage="published").model_copy(update={"observed_on": "2026-08-03"})
    store.observe([late], as_of=dt.date(2026, 8, 3))
    assert [step.stage for step in events(database)[-1].move.steps] == [Stage.FILED, Stage.PUBLISHED]


def test_a_batch_that_lapses_is_ended_by_one_statement_a_table(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack, key=f"k{number}", aliases=[f"PL {number}/2023-CR"]) for number in range(1, 9)], as_of=TODAY)
    written: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        written.extend([statement] if "outbox" in statement or statement.startswith("UPDATE") else [])

    heard_event.listen(database.engine, "before_cursor_execute", hear)
    assert store.shelve_ended(dt.date(2026, 7, 27)) == 8
    heard_event.remove(database.engine, "before_cursor_execute", hear)
    assert len(written) <= 2  # PostgreSQL's COPY is not heard here
    assert {(one.revision, one.move.stage, one.reason) for one in events(database)[8:]} == {(2, Stage.SHELVED, "period_ended")}
    assert [row["pending"] for row in rows(database, "moves", "move_id")] == [False] * 8


def test_a_replay_advances_a_day_whole_and_only_once(store: Store, database: Database, pack: Pack) -> None:
    assert store.progress() is None
    store.advance(days(0), [told(pack)])
    store.advance(days(1), [told(pack, key="b", aliases=["PL 7/2023-CR"])])
    assert store.progress() == days(1)
    assert store.advance(days(1), [told(pack, key="c", aliases=["PL 8/2023-CR"])]) == []
    assert [(event.move.move_id, event.reason, event.as_of, event.exercise, event.backfill) for event in events(database)] == [
        ("pe.2021-2026.C.bill.5981", "observed", days(0), True, False),
        ("pe.2021-2026.C.bill.7", "observed", days(1), True, False),
        ("pe.2021-2026.C.bill.5981", "clock", days(1), True, False),
    ]


def test_days_of_a_move_never_run_backwards(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack)], as_of=days(5))
    store.observe([told(pack, observed_on="2024-01-01", stage="committee")], as_of=days(2))
    assert [event.as_of for event in events(database)] == [days(5), days(5)]


def test_writers_at_once_make_one_move_and_one_revision_for_each_thing_said(store: Store, database: Database, pack: Pack) -> None:
    steps = [told(pack, key=f"k{number % 3}", aliases=["PL 5981/2023-CR"], observed_on=f"2024-01-{number + 1:02d}", stage="committee") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = [outcome for found in pool.map(lambda one: store.observe([one], as_of=TODAY), [*steps, *steps]) for outcome in found]
    assert {one.move_id for one in outcomes} == {"pe.2021-2026.C.bill.5981"}
    assert sorted(one.revision for one in outcomes if one.revised) == list(range(1, 9))
    assert [event.revision for event in events(database)] == list(range(1, 9))
    assert len(events(database)[-1].move.steps) == 8


def test_sources_are_counted_and_their_trouble_noted(store: Store, database: Database, pack: Pack) -> None:
    store.observe([told(pack)], as_of=TODAY, provenance=FROM)
    store.observe([told(pack)], as_of=TODAY, provenance=FROM)
    store.trouble("watch:portal", "watch", "answers 403")
    found = {row.source: (row.kind, row.count, row.trouble) for row in Catalogue(database, pack).sources()}
    assert found == {"api:ana": ("api", 1, None), "watch:portal": ("watch", 0, "answers 403")}


def test_pages_walk_every_move_once_in_a_stable_order(store: Store, database: Database, pack: Pack) -> None:
    for number in range(1, 24):
        store.observe([told(pack, key=f"k{number}", aliases=[f"PL {number}/2023-CR"])], as_of=days(number % 5))
    catalogue, seen, cursor = Catalogue(database, pack), [], None
    while True:
        page = catalogue.moves(Wanted(), 5, cursor)
        seen += page.rows
        cursor = page.next
        assert page.total == 23
        if cursor is None:
            break
    assert len({row.move_id for row in seen}) == len(seen) == 23
    assert [row.changed_on for row in seen] == sorted((row.changed_on for row in seen), reverse=True)


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (Wanted(), {"a", "b"}),
        (Wanted(q="crimen ORGANIZÁDO"), {"a"}),
        (Wanted(q="100%_"), set()),
        (Wanted(q="5981"), {"a"}),
        (Wanted(stage=Stage.PUBLISHED), {"b"}),
        (Wanted(pending=True), {"a"}),
        (Wanted(period="2021-2026", country="pe"), {"a", "b"}),
        (Wanted(period="2016-2021"), set()),
        (Wanted(alias="Ley 31000"), {"b"}),
        (Wanted(alias="PL 05981/2023-CR"), {"a"}),
        (Wanted(alias="nada"), set()),
        (Wanted(changed_since=days(1)), {"b"}),
        (Wanted(updated_since=dt.datetime(2024, 9, 1, 12, 30, tzinfo=dt.UTC)), {"b"}),
    ],
)
def test_filters(database: Database, pack: Pack, wanted: Wanted, keys: set[str]) -> None:
    times = iter([dt.datetime(2024, 9, 1, hour, tzinfo=dt.UTC) for hour in (12, 13)])
    store = Store(database, pack, lambda: next(times))
    store.observe([told(pack, key="a")], as_of=days(0))
    store.observe([told(pack, key="b", aliases=["PL 77/2023-CR", "Ley 31000"], title="Otra cosa", stage="published")], as_of=days(1))
    assert {row.move_id for row in Catalogue(database, pack).moves(wanted, 50).rows} == {{"a": "pe.2021-2026.C.bill.5981", "b": "pe.2021-2026.C.bill.77"}[key] for key in keys}


@pytest.mark.parametrize("name", ["pe.2021-2026.C.bill.5981", "T-1", "PL 5981", "PL 5981/2023-CR", "2021-C-5981", "Ley N° 32108"])
def test_a_move_answers_to_every_name(embedded: Store, pack: Pack, name: str) -> None:
    embedded.observe([told(pack), told(pack, observed_on="2024-08-09", stage="published", aliases=["Ley 32108"])], as_of=TODAY)
    row, observed = Catalogue(embedded.database, pack).move(name)
    assert row.move_id == "pe.2021-2026.C.bill.5981"
    assert len(observed) == 2


def test_a_number_without_a_period_means_the_latest_or_asks(embedded: Store, pack: Pack) -> None:
    catalogue = Catalogue(embedded.database, pack)
    embedded.observe([told(pack, key="2016-C-5", aliases=[], observed_on="2017-01-01"), told(pack, key="2021-C-5", aliases=[])], as_of=TODAY)
    assert catalogue.move("PL 5")[0].move_id == "pe.2021-2026.C.bill.5"
    later = [told(pack, key=f"2026-{chamber}-5", aliases=[]) for chamber in "DS"]
    embedded.observe(later, as_of=TODAY)
    with pytest.raises(Refused, match="means several moves") as refused:
        catalogue.move("PL 5")
    assert refused.value.status == 409
