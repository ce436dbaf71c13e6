"""The relay of an outbox, on SQLite and PostgreSQL: in order, at least once, never a row lost, whoever breaks when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, bindparam, select, text
from sqlmodel import Session

from shared.bus.contract import Record
from shared.bus.local import LocalBus
from shared.database import Database
from shared.errors import Retryable
from shared.outbox import MOST_BYTES, Pending, Relay, within_bytes
from shared.rows import read_rows
from tests.integration.shared.conftest import take, values
from tests.parts.breaking_bus import BreakingBus
from tests.parts.waiting import until

TOPIC = "out"


class PulledPlugError(Exception):
    """The process ends here."""


@pytest.fixture
def bus(tmp_path: Path) -> LocalBus:
    made = LocalBus(tmp_path / "bus.db")
    made.ensure_topics([TOPIC])
    return made


@pytest.fixture
def outbox(database: Database) -> Database:
    with database.transaction() as session:
        session.connection().execute(text("CREATE TABLE outbox (position INTEGER PRIMARY KEY, value TEXT)"))
    return database


def write(database: Database, *numbers: int) -> None:
    with database.transaction() as session:
        for number in numbers:
            session.connection().execute(text("INSERT INTO outbox VALUES (:n, :v)"), {"n": number, "v": str(number)})


def pending(session: Session, limit: int) -> Sequence[Pending]:
    rows = session.connection().execute(text("SELECT position, value FROM outbox ORDER BY position LIMIT :n"), {"n": limit})
    return [Pending(position, Record(TOPIC, "key", value.encode())) for position, value in rows]


def mark(session: Session, position: int) -> None:
    session.connection().execute(text("DELETE FROM outbox WHERE position <= :n"), {"n": position})


def relay(database: Database, bus: LocalBus, at: Callable[[str], None] = lambda step: None, batch: int = 3) -> Relay:
    return Relay("test", database, BreakingBus(bus, at), pending, mark, batch=batch)


def published(bus: LocalBus, count: int, group: str = "reader") -> list[str]:
    with closing(bus.consumer(group, [TOPIC])) as consumer:
        return values(take(consumer, count)) if count else []


def test_rows_leave_in_the_order_of_writing(outbox: Database, bus: LocalBus) -> None:
    write(outbox, *range(1, 11))
    made = relay(outbox, bus)
    assert made.drain() == 10
    assert made.drain() == 0
    made.close()
    assert published(bus, 10) == [str(number) for number in range(1, 11)]


def test_a_batch_of_large_rows_ends_where_it_is_large_enough_and_all_of_them_leave(database: Database, bus: LocalBus) -> None:
    rows = Table("large", MetaData(), Column("position", Integer, primary_key=True), Column("value", LargeBinary))
    statement, taken = within_bytes(select(rows.c.position, rows.c.value).order_by(rows.c.position).limit(bindparam("most")), "value"), []
    with database.transaction() as session:
        rows.create(session.connection())
        session.connection().execute(rows.insert(), [{"position": number, "value": bytes([number]) * (MOST_BYTES // 10)} for number in range(25)])

    def large(session: Session, limit: int) -> list[Pending]:
        found = [Pending(position, Record(TOPIC, "key", value)) for position, value in read_rows(session.connection(), statement, {"most": limit})]
        taken.append(len(found))
        return found

    def gone(session: Session, position: int) -> None:
        session.connection().execute(rows.delete().where(rows.c.position <= position))

    with closing(Relay("test", database, bus, large, gone)) as made:
        assert made.drain() == 25
    assert taken == [10, 10, 5]
    with closing(bus.consumer("reader", [TOPIC])) as consumer:
        assert [delivery.value[0] for delivery in take(consumer, 25)] == list(range(25))


@pytest.mark.parametrize("step", ["publishing", "published"])
def test_a_break_before_the_mark_publishes_again_and_loses_nothing(outbox: Database, bus: LocalBus, step: str) -> None:
    write(outbox, 1, 2)

    def at(reached: str) -> None:
        if reached == step:
            raise PulledPlugError(step)

    broken = relay(outbox, bus, at)
    with pytest.raises(PulledPlugError):
        broken.drain()
    broken.close()
    again = relay(outbox, bus)
    assert again.drain() == 2
    again.close()
    times = 2 if step == "published" else 1
    assert published(bus, 2 * times) == ["1", "2"] * times


def test_a_break_in_the_mark_publishes_again(outbox: Database, bus: LocalBus) -> None:
    write(outbox, 1)

    def broken_mark(session: Session, position: int) -> None:
        mark(session, position)
        raise PulledPlugError

    broken = Relay("test", outbox, bus, pending, broken_mark)
    with pytest.raises(PulledPlugError):
        broken.drain()
    broken.close()
    again = relay(outbox, bus)
    assert again.drain() == 1
    again.close()
    assert published(bus, 2) == ["1", "1"]


def test_a_bus_that_is_away_keeps_every_row(outbox: Database, bus: LocalBus) -> None:
    write(outbox, 1, 2, 3, 4, 5)
    refusals = iter([Retryable("away")])

    def at(step: str) -> None:
        for refusal in refusals if step == "publishing" else ():
            raise refusal

    made = relay(outbox, bus, at)
    with pytest.raises(Retryable):
        made.drain()
    assert made.drain() == 5
    made.close()
    assert published(bus, 5) == ["1", "2", "3", "4", "5"]


def test_the_relay_runs_wakes_and_stops(outbox: Database, bus: LocalBus) -> None:
    stop, turns = threading.Event(), []
    made = relay(outbox, bus)
    thread = threading.Thread(target=made.run, args=(stop, lambda: turns.append(1)))
    thread.start()
    try:
        write(outbox, 1)
        made.wake()
        assert published(bus, 1) == ["1"]
        write(outbox, 2)
        assert published(bus, 2, "another") == ["1", "2"]
    finally:
        stop.set()
        made.wake()
        thread.join(10)
    assert not thread.is_alive()
    assert turns


def test_the_relay_outlives_a_bus_that_is_away(outbox: Database, bus: LocalBus) -> None:
    stop = threading.Event()
    refused: list[str] = []

    def at(step: str) -> None:
        if step == "publishing" and len(refused) < 2:
            refused.append(step)
            raise Retryable("away")

    write(outbox, 1)
    made = relay(outbox, bus, at)
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    try:
        assert published(bus, 1) == ["1"]
        assert len(refused) == 2
    finally:
        stop.set()
        thread.join(10)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_replicas_publish_each_row_once_and_in_order(outbox: Database, bus: LocalBus) -> None:
    relays = [relay(outbox, bus, batch=1) for _ in range(3)]
    stop = threading.Event()
    threads = [threading.Thread(target=made.run, args=(stop,)) for made in relays]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 31):
            write(outbox, number)
            relays[number % 3].wake()
        assert published(bus, 30) == [str(number) for number in range(1, 31)]
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    until(lambda: bus.count(TOPIC) == 30, "thirty records and no more", seconds=1)
