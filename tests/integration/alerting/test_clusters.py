"""Clusters on a real database: read and written with the batch, the same whatever the batches, in the ledger, the API and the event."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.alerting.archive import Archive
from services.alerting.catalogue import AlertFilter, Catalogue
from services.alerting.verify import verify_export
from shared.database import Database
from shared.errors import Refused
from shared.events import AlertChanged, Level, Lifecycle, MoveAssessed, Stage, Target, Tlp
from tests.integration.alerting.home import KEY, Clock, items, migrated, rows, sqlite, store
from tests.unit.alerting.bursts import CLUSTER, filed
from tests.unit.alerting.sample import assessed

STORY = [
    *(filed(number) for number in (1, 2, 3, 4)),
    filed(1, revision=2, later=60, stage=Stage.COMMITTEE),
    filed(2, revision=2, later=60, stage=Stage.SHELVED),
    filed(3, revision=2, later=60, level=Level.HIGH, stage=Stage.REPORT),
    filed(4, revision=2, later=60, stage=Stage.WITHDRAWN),
]
"""Four moves of four groups; one goes on, one rises, two die."""


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


def told(database: Database) -> list[tuple[str, int, Lifecycle, Level, str | None]]:
    return [(event.alert_id, event.revision, event.lifecycle, event.level, event.inhibited_by) for event in events(database)]


def batches(story: Sequence[MoveAssessed], sizes: Sequence[int]) -> Iterator[list[MoveAssessed]]:
    left, size = iter(story), itertools.cycle(sizes)
    while batch := list(itertools.islice(left, next(size))):
        yield batch


def test_a_cluster_from_its_first_day_to_its_end(database: Database) -> None:
    writer = store(database)
    for event in STORY:
        writer.handle([event])
    found = [event for event in events(database) if event.kind == "cluster"]
    assert [(event.alert_id, event.revision, event.lifecycle, event.level) for event in found] == [
        (CLUSTER, 1, Lifecycle.ALERT, Level.ELEVATED),
        (CLUSTER, 2, Lifecycle.UPDATE, Level.ELEVATED),
        (CLUSTER, 3, Lifecycle.UPDATE, Level.ELEVATED),
        (CLUSTER, 4, Lifecycle.UPDATE, Level.HIGH),
        (CLUSTER, 5, Lifecycle.CANCEL, Level.NONE),
    ]
    assert found[0].members == ("alert.m.1", "alert.m.2", "alert.m.3")
    assert (found[0].subject_id, found[0].targets, found[0].tlp) == (CLUSTER, (Target.JNJ,), Tlp.GREEN)
    assert [event.inhibited_by for event in events(database) if event.alert_id == "alert.m.1"] == [None, CLUSTER]
    assert verify_export(Archive(database).export(), KEY.public_key()).ok
    assert items(database)[CLUSTER]["lifecycle"] == "Cancel"


@pytest.mark.parametrize("sizes", [(8,), (3,), (1, 4), (2, 5)])
def test_batches_make_no_difference(database: Database, tmp_path: Path, sizes: tuple[int, ...]) -> None:
    other = sqlite(tmp_path / "one-by-one")
    for event in STORY:
        store(other).handle([event])
    for batch in batches(STORY, sizes):
        store(database).handle(batch)
    assert told(database) == told(other)
    assert [row["body"] for row in rows(database, "ledger")] == [row["body"] for row in rows(other, "ledger")]
    other.close()


def test_the_same_again_says_nothing_more(database: Database) -> None:
    writer = store(database)
    writer.handle(STORY)
    before = {name: rows(database, name) for name in ("alerts", "alert_targets", "ledger", "filings", "head")}
    writer.handle([*STORY, *STORY])
    assert before == {name: rows(database, name) for name in before}


@pytest.mark.parametrize("seed", range(4))
def test_in_any_order_of_moves_the_same_clusters_are_open_in_the_end(tmp_path: Path, seed: int) -> None:
    """Each move's own assessments stay in order, as the bus keeps them; moves overtake each other as partitions let them."""
    story = [*(filed(number) for number in range(1, 9)), filed(2, revision=2, later=90, stage=Stage.SHELVED), filed(5, revision=2, later=90, level=Level.HIGH)]
    dice, found = random.Random(seed), []
    for name, order in (("in-order", story), ("mixed", sorted(story, key=lambda event: (event.revision, dice.random())))):
        database = sqlite(tmp_path / name)
        for batch in batches(order, (3,)):
            store(database).handle(batch)
        found.append(
            {alert_id: (item["level"], item["members"], item["count"]) for alert_id, item in items(database).items() if item["kind"] == "cluster" and item["level"] != "none"}
        )
        assert verify_export(Archive(database).export(), KEY.public_key()).ok
        database.close()
    assert found[0] == found[1]
    assert found[0]


def test_moves_of_unknown_groups_wait_for_one_of_a_known_group(database: Database) -> None:
    store(database).handle([filed(number, group="") for number in (1, 2)])
    store(database).handle([filed(number, group="") for number in (3, 4)])
    assert len(rows(database, "filings")) == 4
    assert CLUSTER not in items(database)
    store(database).handle([filed(5)])
    assert items(database)[CLUSTER]["pending"] == 5


def test_one_move_of_two_groups_among_others_of_the_same_two(database: Database) -> None:
    store(database).handle([filed(number, move={"groups": ("A", "B")}) for number in (1, 2)])
    store(database).handle([filed(3, move={"groups": ("A", "B")})])
    assert CLUSTER in items(database)


def test_history_that_is_imported_makes_a_cluster_that_is_not_delivered(database: Database) -> None:
    store(database).handle([filed(number, backfill=True) for number in (1, 2, 3)])
    assert events(database)[-1].kind == "cluster"
    assert events(database)[-1].backfill


def test_in_lists_and_in_detail(database: Database) -> None:
    writer = store(database, Clock(dt.datetime(2024, 6, 1, tzinfo=dt.UTC)))
    writer.handle([*(filed(number) for number in (1, 2, 3)), assessed("m.99")])
    catalogue = Catalogue(database)
    page = catalogue.page(AlertFilter(kind=["cluster"]), Tlp.CLEAR, sort="-changed", cursor=None, limit=10)
    assert page["total"] == 0, "a cluster is as closed as its members"
    assert catalogue.page(AlertFilter(kind=["cluster"]), Tlp.GREEN, sort="-changed", cursor=None, limit=10)["total"] == 1
    assert catalogue.page(AlertFilter(q="cluster 2023"), Tlp.GREEN, sort="-risk", cursor=None, limit=10)["total"] == 0
    found: dict[str, Any] = catalogue.one(CLUSTER, Tlp.GREEN)
    assert [(member["alert_id"], member["filed"], member["pending"]) for member in found["members"]] == [
        ("alert.m.1", "2023-09-01", True),
        ("alert.m.2", "2023-09-11", True),
        ("alert.m.3", "2023-09-21", True),
    ]
    assert (found["assessment"], found["move"], found["course"], found["counterfactuals"]) == (None, None, [], [])
    assert found["body"]["en"].startswith("Window: ")
    assert [revision["lifecycle"] for revision in found["history"]] == ["Alert"]
    assert catalogue.summary(Tlp.GREEN)["by_level"] == {"watch": 3, "elevated": 0, "high": 1, "critical": 0}, "totals of moves count moves"
    with pytest.raises(Refused):
        catalogue.one(CLUSTER, Tlp.CLEAR)
