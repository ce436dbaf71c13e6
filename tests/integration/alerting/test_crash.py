"""The correctness rule: the process is broken between every two steps (decide, write, commit, publish, mark, offset) and started again on the same files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.alerting.archive import Archive
from services.alerting.glance import Glance
from services.alerting.verify import verify_export
from shared.bus.contract import Consumer, Delivery, Producer, Record, TopicPartition
from shared.bus.local import LocalBus
from shared.consumer import Loop
from shared.database import Database
from shared.events import ALERTS, ASSESSMENTS, AlertChanged, Level, Stage
from shared.outbox import Relay
from tests.integration.alerting.home import KEY, Dies, KilledError, items, rows, sqlite, store
from tests.unit.alerting.bursts import CLUSTER, filed
from tests.unit.alerting.sample import assessed

SENT = [assessed(f"m.{number}", revision=revision, level=level, as_of=f"2024-05-{revision:02d}", stage=stage)
        for revision, level, stage in ((1, Level.WATCH, Stage.COMMITTEE), (2, Level.HIGH, Stage.FIRST_VOTE), (3, Level.HIGH, Stage.REJECTED)) for number in range(4)]  # fmt: skip


@dataclass
class BreakableProducer:
    """Dies before or after the wrapped producer published."""

    inner: Producer
    before: Callable[[], object]
    after: Callable[[], object]

    def publish(self, records: Sequence[Record]) -> None:
        self.before()
        self.inner.publish(records)
        self.after()

    def close(self) -> None:
        self.inner.close()


@dataclass
class BreakableConsumer:
    """Dies before or after an offset is committed; sets `idle` once everything was handed out."""

    inner: Consumer
    before: Callable[[], object]
    after: Callable[[], object]
    stop: threading.Event

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        found = self.inner.poll(0.2, 4)
        if not found and self.inner.assigned():
            self.stop.set()
        return found

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        self.before()
        self.inner.commit(positions)
        self.after()

    def rewind(self) -> None:
        self.inner.rewind()

    def pause(self) -> None:
        self.inner.pause()

    def resume(self) -> None:
        self.inner.resume()

    def assigned(self) -> bool:
        return self.inner.assigned()

    def lag(self) -> Mapping[TopicPartition, int]:
        return self.inner.lag()

    def close(self) -> None:
        self.inner.close()


@dataclass
class BreakableBus:
    """The local bus with four places to die; `published` breaks only what goes to the alerts' topic."""

    inner: LocalBus
    stop: threading.Event
    publishing: Callable[[], object] = lambda: None
    published: Callable[[], object] = lambda: None
    committing: Callable[[], object] = lambda: None
    committed: Callable[[], object] = lambda: None

    def ensure_topics(self, topics: Sequence[str]) -> None:
        self.inner.ensure_topics(topics)

    def producer(self) -> Producer:
        return BreakableProducer(self.inner.producer(), self.publishing, self.published)

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        return BreakableConsumer(self.inner.consumer(group, topics), self.committing, self.committed, self.stop)

    def ready(self) -> bool:
        return True

    def close(self) -> None:
        self.inner.close()


def nothing() -> None:
    return None


def salt() -> bytes:
    return b"s" * 16


PLACES = ("salt", "written", "publishing", "published", "marking", "marked", "committing", "committed")


def run(database: Database, bus: LocalBus, place: str = "", nth: int = 0) -> bool:
    """One life of the process; True when it ran to the end of what was sent, False when it died at the `nth` passing of `place`."""
    stop = threading.Event()
    at: dict[str, Callable[[], object]] = {name: Dies(nothing, nth) if name == place else nothing for name in PLACES}
    writer = store(database, written=at["written"], salt=Dies(salt, nth) if place == "salt" else salt)  # type: ignore[arg-type]
    broken = BreakableBus(bus, stop, at["publishing"], at["published"], at["committing"], at["committed"])

    def mark(session: object, position: int) -> None:
        at["marking"]()
        writer.mark(session, position)  # type: ignore[arg-type]
        at["marked"]()

    outside = Relay("alerting", database, bus if place in ("committing", "committed") else broken, writer.pending, mark)
    loop = Loop("alerting", broken, ASSESSMENTS, Glance, writer.handle, stop, after=outside.drain)
    try:
        loop.run()
    except KilledError:
        return False
    finally:
        outside.close()
    outside.drain()
    return True


def published(bus: LocalBus) -> list[AlertChanged]:
    consumer = bus.consumer("test", [ALERTS])
    found: list[AlertChanged] = []
    while batch := consumer.poll(0.2, 500):
        found += [AlertChanged.decode(delivery.value) for delivery in batch]
    consumer.close()
    return found


@pytest.fixture
def bus(tmp_path: Path) -> LocalBus:
    found = LocalBus(tmp_path / "bus.db")
    found.ensure_topics([ASSESSMENTS, ALERTS])
    producer = found.producer()
    producer.publish([Record(ASSESSMENTS, event.key, event.encode()) for event in SENT])
    producer.close()
    return found


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("place", PLACES)
def test_broken_anywhere_nothing_is_lost_and_nothing_doubled(tmp_path: Path, bus: LocalBus, place: str, nth: int) -> None:
    database = sqlite(tmp_path)
    assert not run(database, bus, place, nth), "the process should have died there"
    database.close()
    database = sqlite(tmp_path)
    assert run(database, bus)
    assert {row["event_id"] for row in rows(database, "assessments")} == {event.event_id for event in SENT}
    ledger = rows(database, "ledger")
    assert [row["sequence"] for row in ledger] == list(range(1, 13))
    events = published(bus)
    assert {(event.alert_id, event.revision) for event in events} == {(f"alert.m.{number}", revision) for number in range(4) for revision in (1, 2, 3)}
    assert {event.encode() for event in events} == {row["event"] for row in ledger}, "the same id always carries the same bytes"
    assert verify_export(Archive(database).export(), KEY.public_key()).ok
    database.close()


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("place", PLACES)
def test_broken_anywhere_a_cluster_is_said_once(tmp_path: Path, place: str, nth: int) -> None:
    bus = LocalBus(tmp_path / "bus.db")
    bus.ensure_topics([ASSESSMENTS, ALERTS])
    producer = bus.producer()
    story = [*(filed(number) for number in range(1, 7)), filed(1, revision=2, later=70, stage=Stage.COMMITTEE)]
    producer.publish([Record(ASSESSMENTS, event.key, event.encode()) for event in story])
    producer.close()
    database = sqlite(tmp_path)
    assert not run(database, bus, place, nth), "the process should have died there"
    database.close()
    database = sqlite(tmp_path)
    assert run(database, bus)
    events = published(bus)
    assert {event.encode() for event in events} == {row["event"] for row in rows(database, "ledger")}
    said = sorted({(event.sequence, event.alert_id, event.revision) for event in events})
    assert [number for number, _, _ in said] == list(range(1, len(said) + 1))
    opened = {alert_id: item for alert_id, item in items(database).items() if item["kind"] == "cluster" and item["lifecycle"] != "Cancel"}
    assert set(opened) == {CLUSTER}
    assert opened[CLUSTER]["pending"] == 6
    assert verify_export(Archive(database).export(), KEY.public_key()).ok
    database.close()


def test_alerts_leave_in_the_order_of_the_ledger(tmp_path: Path, bus: LocalBus) -> None:
    database = sqlite(tmp_path)
    assert run(database, bus)
    for number in range(4):
        mine = [event for event in published(bus) or [] if event.alert_id == f"alert.m.{number}"]
        assert [event.sequence for event in mine] == sorted(event.sequence for event in mine)
    database.close()


def test_the_same_input_gives_the_same_alert_ids_and_bodies(tmp_path: Path) -> None:
    said = []
    for name in ("a", "b"):
        database = sqlite(tmp_path / name)
        writer = store(database)
        for event in SENT:
            writer.handle([event])
        said.append([(row["alert_id"], row["body"]) for row in rows(database, "ledger")])
        database.close()
    assert said[0] == said[1]
