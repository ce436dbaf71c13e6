"""The writer on a real database: one alert a move, one ledger, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from services.alerting.checkpoint import Checkpoint
from services.alerting.glance import Glance
from services.alerting.tables import Base
from shared.database import Database
from shared.errors import InvalidMessage
from shared.events import AlertChanged, Direction, Level, Lifecycle, Stage, Target, Tlp
from tests.integration.alerting.home import KEY, Clock, items, migrated, rows, sqlite, store
from tests.unit.alerting.sample import assessed


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        found = sqlite(tmp_path)
    else:
        found = migrated(request.getfixturevalue("postgres"))
        found.migrate("base")
        found.migrate()
    yield found
    found.close()


def events(database: Database) -> list[AlertChanged]:
    return [AlertChanged.decode(bytes(row["event"])) for row in rows(database, "ledger")]  # type: ignore[call-overload]


OF_NO_MODEL = ("alembic_version", "alert_words", "alerts_by_word")
"""The indexes of words, which no model can describe for both databases, and Alembic's own table."""


def test_the_migrated_schema_is_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": lambda name, kind, parents: not str(name).startswith(OF_NO_MODEL)})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_go_down_and_up_again(database: Database) -> None:
    store(database).handle([assessed()])
    database.migrate("base")
    database.migrate()
    assert rows(database, "ledger") == []
    store(database).handle([assessed()])
    assert len(rows(database, "ledger")) == 1


def test_an_alert_opens_is_revised_and_ends(database: Database) -> None:
    writer = store(database)
    writer.handle([assessed(revision=1, stage=Stage.COMMITTEE, level=Level.WATCH, as_of="2024-01-10")])
    writer.handle(
        [assessed(revision=2, stage=Stage.FIRST_VOTE, level=Level.HIGH, as_of="2024-05-30"), assessed(revision=3, stage=Stage.REJECTED, level=Level.HIGH, as_of="2024-07-04")]
    )
    found = events(database)
    assert [(event.sequence, event.revision, event.lifecycle, event.level, event.previous_level) for event in found] == [
        (1, 1, Lifecycle.ALERT, Level.WATCH, None),
        (2, 2, Lifecycle.UPDATE, Level.HIGH, Level.WATCH),
        (3, 3, Lifecycle.CANCEL, Level.NONE, Level.HIGH),
    ]
    (item,) = items(database).values()
    assert (item["revision"], item["sequence"], item["peak_level"], item["first_level"], item["opened_as_of"]) == (3, 3, "high", "watch", "2024-01-10")
    assert len(rows(database, "assessments")) == 3


def test_the_same_event_again_changes_nothing(database: Database) -> None:
    writer = store(database)
    batch = [assessed(revision=1, level=Level.WATCH), assessed(revision=2, as_of="2024-06-02")]
    writer.handle(batch)
    before = {name: rows(database, name) for name in ("assessments", "moves", "alerts", "alert_targets", "ledger", "head", "checkpoints", "pressure", "tiles")}
    writer.handle([*batch, *batch])
    writer.handle(batch[:1])
    assert before == {name: rows(database, name) for name in before}


def test_an_older_revision_changes_no_alert(database: Database) -> None:
    writer = store(database)
    writer.handle([assessed(revision=5, level=Level.WATCH, as_of="2024-06-02")])
    writer.handle([assessed(revision=4, level=Level.CRITICAL, as_of="2024-06-01")])
    assert [event.level for event in events(database)] == [Level.WATCH]


def test_the_same_revision_scored_by_a_newer_model_counts(database: Database) -> None:
    writer = store(database)
    writer.handle([assessed(level=Level.WATCH)])
    writer.handle([assessed(level=Level.HIGH, model_version="m-2")])
    assert [event.level for event in events(database)] == [Level.WATCH, Level.HIGH]


def test_figures_move_without_a_revision(database: Database) -> None:
    writer = store(database, Clock())
    writer.handle([assessed(revision=1)])
    (before,) = items(database).values()
    writer.handle([assessed(revision=2, as_of="2024-05-31", risk=72.0, step="2024-05-30", targets=(Target.PJ,))])
    (after,) = items(database).values()
    assert (before["risk"], after["risk"]) == (71.0, 72.0)
    assert (after["revision"], after["sequence"], after["recorded_at"]) == (before["revision"], before["sequence"], before["recorded_at"])
    assert str(after["updated_at"]) > str(before["updated_at"])
    assert [row["target"] for row in rows(database, "alert_targets")] == ["PJ"]


def test_a_batch_of_many_moves_has_one_checkpoint_that_covers_it(database: Database) -> None:
    store(database).handle([assessed(f"pe.2021-2026.C.bill.{number}") for number in range(300)])
    found = events(database)
    assert [event.sequence for event in found] == list(range(1, 301))
    assert {event.checkpoint["size"] for event in found if event.checkpoint} == {300}
    assert Checkpoint.open(found[0].checkpoint, KEY.public_key()).size == 300
    assert [(row["level"], row["index"]) for row in rows(database, "tiles")] == [(8, 0)]
    assert [row["size"] for row in rows(database, "checkpoints")] == [300]


def test_the_event_says_what_the_entry_commits_to(database: Database) -> None:
    store(database).handle([assessed(exercise=True)])
    (event,) = events(database)
    (row,) = rows(database, "ledger")
    entry, body = orjson.loads(bytes(row["entry"])), orjson.loads(bytes(row["body"]))  # type: ignore[call-overload]
    assert (entry["alert_id"], entry["revision"], event.hash) == (event.alert_id, event.revision, row["hash"])
    assert (body["headline"], body["body"]) == (event.headline.model_dump(), event.body.model_dump())
    assert (event.exercise, event.tlp, event.subject_id, event.country) == (True, Tlp.GREEN, "pe.2021-2026.C.bill.5981", "pe")
    assert event.body.es.startswith("Ejercicio")
    assert event.body.en.startswith("Exercise")


def test_as_of_may_be_past_and_recorded_at_is_real(database: Database) -> None:
    clock = Clock()
    store(database, clock).handle([assessed(as_of="2021-08-06")])
    (event,) = events(database)
    assert event.as_of.isoformat() == "2021-08-06"
    assert event.recorded_at == clock.at


def test_no_risk_no_alert_but_the_assessment_is_kept(database: Database) -> None:
    store(database).handle([assessed(level=Level.NONE)])
    assert (len(rows(database, "assessments")), rows(database, "alerts"), rows(database, "ledger")) == (1, [], [])


def test_what_is_read_at_a_glance_is_stored_as_what_is_read_whole(database: Database, tmp_path: Path) -> None:
    story = [
        assessed("m.1", level=Level.NONE, as_of="2024-01-10"),
        assessed("m.2", level=Level.NONE, direction=Direction.NEUTRAL, as_of="2024-01-10"),
        assessed("m.1", revision=2, level=Level.HIGH, as_of="2024-01-11"),
        assessed("m.1", revision=3, level=Level.NONE, as_of="2024-01-12"),
        assessed("m.1", revision=4, level=Level.NONE, as_of="2024-01-13"),
    ]
    other = sqlite(tmp_path / "other")
    for batch in (story[:2], story[2:4], story[4:]):
        store(database).handle([Glance.decode(event.encode()) for event in batch])
        store(other).handle(batch)
    for table in ("assessments", "moves", "alerts", "pressure"):
        assert [_plain(row) for row in rows(database, table)] == [_plain(row) for row in rows(other, table)]
    assert [event.lifecycle for event in events(database)] == [Lifecycle.ALERT, Lifecycle.CANCEL]
    other.close()


def _plain(row: Mapping[str, object]) -> dict[str, object]:
    """What a row says on either database, whenever it was written."""
    return {name: str(bytes(value) if isinstance(value, memoryview) else value) for name, value in row.items() if not name.endswith("_at") and name != "item"}


def test_an_assessment_that_is_wrong_where_an_alert_needs_it_leaves_nothing(database: Database) -> None:
    envelope = orjson.loads(assessed(level=Level.HIGH).encode())
    envelope["data"]["move"].pop("title")
    with pytest.raises(InvalidMessage, match="title"):
        store(database).handle([Glance.decode(orjson.dumps(envelope))])
    assert rows(database, "assessments") == []


@pytest.mark.parametrize(
    ("field", "event"), [("move_id", {"move_id": "a b"}), ("move_id", {"move_id": "x" * 191}), ("revision", {"revision": 2**40}), ("country", {"move": {"country": "pe\x00"}})]
)
def test_what_no_database_can_hold_is_invalid_and_leaves_nothing(database: Database, field: str, event: dict[str, object]) -> None:
    with pytest.raises(InvalidMessage, match=field):
        store(database).handle([assessed("other"), assessed(**event)])  # type: ignore[arg-type]
    assert rows(database, "assessments") == []


def test_nul_characters_in_texts_are_stored_and_do_no_harm(database: Database) -> None:
    store(database).handle([assessed(move={"title": "a\x00b", "title_en": "\x00", "aliases": ("PL\x001",), "key": "\x00"})])
    assert len(items(database)) == 1


def test_pressure_adds_up_in_any_order(database: Database) -> None:
    first = [assessed("m.1", as_of="2024-01-01"), assessed("m.1", revision=2, as_of="2024-03-01", stage=Stage.SHELVED)]
    second = [assessed("m.2", as_of="2024-02-01", targets=(Target.PJ,))]
    writer = store(database)
    writer.handle([*first, *second])
    together = {(row["target"], row["day"]): row["change"] for row in rows(database, "pressure")}
    database.migrate("base")
    database.migrate()
    for event in (*second, *first):
        writer.handle([event])
    assert together == {(row["target"], row["day"]): row["change"] for row in rows(database, "pressure")}
    assert sum(float(str(change)) for (target, _), change in together.items() if target == "CRIME") == 0
