"""A bus around a real one that pulls the plug at a named step; everything else passes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.bus.contract import Bus, Consumer, Delivery, Producer, Record, TopicPartition

Break = Callable[[str], None]
"""Called with the name of the step just reached; raises where the process is to end."""


@dataclass
class BreakingBus:
    """`at` is called with: polled, publishing, published, committing, committed."""

    inner: Bus
    at: Break

    def ensure_topics(self, topics: Sequence[str]) -> None:
        self.inner.ensure_topics(topics)

    def producer(self) -> Producer:
        return BreakingProducer(self.inner.producer(), self.at)

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer:
        return BreakingConsumer(self.inner.consumer(group, topics), self.at)

    def ready(self) -> bool:
        return self.inner.ready()

    def lag(self, group: str, topic: str) -> int:
        return self.inner.lag(group, topic)

    def count(self, topic: str) -> int:
        return self.inner.count(topic)

    def close(self) -> None:
        self.inner.close()


@dataclass
class BreakingProducer:
    inner: Producer
    at: Break

    def publish(self, records: Sequence[Record]) -> None:
        self.at("publishing")
        self.inner.publish(records)
        self.at("published")

    def close(self) -> None:
        self.inner.close()


@dataclass
class BreakingConsumer:
    inner: Consumer
    at: Break

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        found = self.inner.poll(timeout, limit)
        if found:
            self.at("polled")
        return found

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        self.at("committing")
        self.inner.commit(positions)
        self.at("committed")

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
