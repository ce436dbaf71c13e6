"""Counts over all alerts are worked out again when an alert changed, and not before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from services.alerting import tables
from services.alerting.tally import LONG, SOON, Tally
from shared.database import Database
from tests.integration.alerting.home import Clock, migrated, sqlite, store
from tests.unit.alerting.sample import assessed


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    found = sqlite(tmp_path) if request.param == "sqlite" else migrated(request.getfixturevalue("postgres"))
    yield found
    with found.transaction() as session:
        for table in (tables.alerts, tables.alert_targets, tables.ledger, tables.moves, tables.assessments):
            session.connection().execute(table.delete())
    found.close()


class Counting:
    """A count that takes `seconds` of the clock it keeps."""

    def __init__(self, database: Database, seconds: float) -> None:
        self.database = database
        self.seconds = seconds
        self.now = 0.0
        self.times = 0
        self.tally: Tally[int] = Tally(lambda: self.now)

    def work(self) -> int:
        self.times += 1
        self.now += self.seconds
        return self.times

    def ask(self, reader: str = "one") -> int:
        with self.database.reading() as session:
            return self.tally.count(session.connection(), reader, self.work)


def touch(database: Database, moment: dt.datetime) -> None:
    """A figure of an alert changes, and nothing is said of it."""
    with database.transaction() as session:
        session.connection().execute(update(tables.alerts).values(updated_at=moment))


def test_a_count_stands_until_an_alert_changes(database: Database) -> None:
    counting = Counting(database, seconds=0.01)
    clock = Clock()
    assert (counting.ask(), counting.ask()) == (1, 1)
    store(database, clock).handle([assessed()])
    assert (counting.ask(), counting.ask()) == (2, 2)
    touch(database, clock())
    assert (counting.ask(), counting.ask()) == (3, 3)
    counting.now += LONG
    assert (counting.ask(), counting.ask()) == (4, 4)


def test_each_reader_has_a_count_of_their_own(database: Database) -> None:
    counting = Counting(database, seconds=0.01)
    assert (counting.ask("one"), counting.ask("other"), counting.ask("one")) == (1, 2, 1)


def test_a_count_that_takes_long_is_given_for_as_long_as_it_took(database: Database) -> None:
    counting = Counting(database, seconds=2 * SOON)
    assert counting.ask() == 1
    store(database).handle([assessed()])
    assert counting.ask() == 1
    counting.now += 2 * SOON
    assert counting.ask() == 2


@pytest.mark.parametrize(("seconds", "times"), [(0.01, 3), (SOON * 4, 2)])
def test_what_changes_without_a_sign_is_counted_each_time_unless_that_takes_long(database: Database, seconds: float, times: int) -> None:
    counting = Counting(database, seconds)
    for pause in (0.0, 0.0, SOON * 5):
        counting.now += pause
        with database.reading() as session:
            counting.tally.count(session.connection(), "one", counting.work, changing=True)
    assert counting.times == times
