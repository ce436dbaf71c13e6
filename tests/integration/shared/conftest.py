"""Both buses, as every test of the contract gets them: a bus, a topic of its own, members and producers that are closed when the test ends."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.bus import open_bus
from shared.bus.contract import Bus, Consumer, Delivery, Producer, Record
from shared.database import Database
from tests.parts.kafka import Kafka

OPTIONS = "partitions=4&timeout_ms=4000&session_timeout_ms=6000&heartbeat_interval_ms=500"


@dataclass
class House:
    """A bus with one topic; `url` and `home` let another process open the same."""

    url: str
    home: Path
    bus: Bus
    topic: str = field(default_factory=lambda: f"test.{uuid.uuid4().hex}")
    group: str = field(default_factory=lambda: f"group.{uuid.uuid4().hex}")
    open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def join(self, group: str | None = None) -> Consumer:
        consumer = self.bus.consumer(group or self.group, [self.topic])
        self.open.callback(consumer.close)
        return consumer

    def producer(self) -> Producer:
        producer = self.bus.producer()
        self.open.callback(producer.close)
        return producer

    def publish(self, *values: str, key: str = "a") -> None:
        """Values of one key, acknowledged."""
        self.producer().publish([Record(self.topic, key, value.encode()) for value in values])


def take(consumer: Consumer, count: int, *, seconds: float = 60.0) -> list[Delivery]:
    """The next `count` records, at least."""
    found: list[Delivery] = []
    deadline = time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} records within {seconds} s"
        found += consumer.poll(0.3, 500)
    return found


def nothing_comes(consumer: Consumer, *, seconds: float = 1.0) -> bool:
    """Whether polls stay empty for a while."""
    deadline = time.monotonic() + seconds
    return not any(consumer.poll(0.2, 500) for _ in iter(lambda: time.monotonic() < deadline, False))


def positions(deliveries: Sequence[Delivery]) -> dict[tuple[str, int], int]:
    """Where to go on after these."""
    return {(delivery.topic, delivery.partition): delivery.offset + 1 for delivery in sorted(deliveries, key=lambda delivery: delivery.offset)}


def values(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.value.decode() for delivery in deliveries]


@pytest.fixture
def kafka_url(kafka: Kafka) -> str:
    """A Kafka bus of which tests need not wait long."""
    return f"{kafka.url}?{OPTIONS}"


@pytest.fixture(params=["local", "kafka"])
def bus_url(request: pytest.FixtureRequest) -> str:
    return "local" if request.param == "local" else str(request.getfixturevalue("kafka_url"))


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[Callable[[str], House]]:
    """Opens a bus by its address with a fresh topic."""
    with contextlib.ExitStack() as stack:

        def make(url: str) -> House:
            house = House(url, tmp_path, open_bus(url, home=tmp_path, max_bytes=1 << 30))
            stack.callback(house.bus.close)
            stack.enter_context(house.open)
            house.bus.ensure_topics([house.topic])
            return house

        yield make


@pytest.fixture
def house(bus_url: str, open_house: Callable[[str], House]) -> House:
    return open_house(bus_url)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of a service of its own, on both kinds."""
    service = f"service_{uuid.uuid4().hex[:8]}"
    url = f"sqlite:///{tmp_path / 'service.db'}" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))
    made = Database(url, service)
    if not made.is_sqlite:
        with made.transaction() as session:
            session.connection().execute(text(f"CREATE SCHEMA {service}"))
    yield made
    made.close()
