"""The correctness rule: the process dies between every two steps (statements, commit, publish, mark) and starts again on the same files. Nothing is lost, nothing doubled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from services.ingest.importer import import_file
from services.ingest.store import Store
from shared.bus.contract import Consumer, Producer, Record
from shared.bus.local import LocalBus
from shared.countries import Pack
from shared.database import Database
from shared.events import MOVES, MoveObserved
from tests.integration.ingest.ledger import events, rows
from tests.unit.ingest.examples import TODAY, said, told


class KilledError(BaseException):
    """The process is gone."""


@contextmanager
def dying_at(database: Database, statement: int) -> Iterator[list[int]]:
    """Dies before the n-th statement of the block; the list counts them."""
    count = [0]

    def before(*_: Any) -> None:
        count[0] += 1
        if count[0] == statement:
            raise KilledError

    event.listen(database.engine, "before_cursor_execute", before)
    try:
        yield count
    finally:
        event.remove(database.engine, "before_cursor_execute", before)


def opened(folder: Path, pack: Pack) -> Store:
    database = Database(f"sqlite:///{folder / 'ingest.db'}", "ingest")
    database.migrate()
    return Store(database, pack)


def state(store: Store) -> dict[str, Any]:
    """Everything but times and serial numbers."""
    kept = {
        table: [{name: value for name, value in row.items() if name not in ("recorded_at", "updated_at", "last_seen", "id")} for row in rows(store.database, table, order)]
        for table, order in (("moves", "move_id"), ("aliases", "alias"), ("observations", "digest"), ("progress", "name"))
    }
    return kept | {"events": [one.encode() for one in events(store.database)]}


def work(pack: Pack, folder: Path) -> dict[str, Callable[[Store], object]]:
    """Everything that writes, each safe to repeat from its start."""
    file = folder / "lines.jsonl"
    return {
        "observe": lambda store: store.observe([told(pack), told(pack, key="b", aliases=["PL 7/2023-CR"])], as_of=TODAY),
        "advance": lambda store: store.advance(TODAY, [told(pack)]),
        "clock": lambda store: store.clock(TODAY + dt.timedelta(days=1)),
        "shelve": lambda store: store.shelve_ended(dt.date(2026, 7, 27)),
        "import": lambda store: import_file(file, store, pack, TODAY),
    }


@pytest.mark.parametrize("name", ["observe", "advance", "clock", "shelve", "import"])
def test_killed_before_any_statement_the_work_done_again_ends_the_same(tmp_path: Path, pack: Pack, name: str) -> None:
    import orjson

    (tmp_path / "lines.jsonl").write_bytes(b"\n".join(orjson.dumps(said(key=f"k{number}", aliases=[f"PL {number}/2023-CR"])) for number in range(1, 4)))
    task = work(pack, tmp_path)[name]

    def prepared(folder: Path) -> Store:
        folder.mkdir()
        store = opened(folder, pack)
        if name in ("clock", "shelve"):
            store.observe([told(pack), told(pack, key="b", aliases=["PL 7/2023-CR"])], as_of=TODAY)
        return store

    unbroken = prepared(tmp_path / "unbroken")
    with dying_at(unbroken.database, 0) as count:
        task(unbroken)
    expected = state(unbroken)
    assert count[0] > 2
    for statement in range(1, count[0] + 1):
        folder = tmp_path / str(statement)
        broken = prepared(folder)
        with dying_at(broken.database, statement), pytest.raises(KilledError):
            task(broken)
        broken.database.close()
        again = opened(folder, pack)
        task(again)
        assert state(again) == expected, f"killed before statement {statement}"
        again.database.close()
    unbroken.database.close()


@dataclass
class BreakableProducer:
    """Dies before or after the wrapped producer published."""

    inner: Producer
    before: bool

    def publish(self, records: Sequence[Record]) -> None:
        if self.before:
            raise KilledError
        self.inner.publish(records)
        raise KilledError

    def close(self) -> None:
        self.inner.close()


@dataclass
class BreakableBus:
    """A local bus whose producers die."""

    inner: LocalBus
    before: bool

    def producer(self) -> Producer:
        return BreakableProducer(self.inner.producer(), self.before)

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        return self.inner.consumer(group, topics)

    def ensure_topics(self, topics: Sequence[str]) -> None:
        self.inner.ensure_topics(topics)

    def ready(self) -> bool:
        return True

    def lag(self, group: str, topic: str) -> int:
        return self.inner.lag(group, topic)

    def count(self, topic: str) -> int:
        return self.inner.count(topic)

    def close(self) -> None:
        self.inner.close()


@pytest.mark.parametrize("before", [True, False])
def test_killed_around_publishing_every_event_arrives_under_its_own_id(tmp_path: Path, pack: Pack, before: bool) -> None:
    bus = LocalBus(tmp_path / "bus.db")
    bus.ensure_topics([MOVES])
    store = opened(tmp_path, pack)
    store.observe([told(pack), told(pack, key="b", aliases=["PL 7/2023-CR"])], as_of=TODAY)
    sent = [one.event_id for one in events(store.database)]
    with pytest.raises(KilledError):
        store.relay(BreakableBus(bus, before)).drain()
    store.database.close()
    again = opened(tmp_path, pack)
    assert again.relay(bus).drain() == 2
    assert again.waiting() == 0
    arrived = [MoveObserved.decode(delivery.value).event_id for delivery in drained(bus)]
    assert set(arrived) == set(sent)
    assert len(arrived) == (2 if before else 4)
    again.database.close()


def drained(bus: LocalBus) -> list[Any]:
    consumer = bus.consumer("test", [MOVES])
    found: list[Any] = []
    while batch := consumer.poll(1.5, 100):
        found += batch
    consumer.close()
    return found
