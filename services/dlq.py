"""`veedor dlq`: what went wrong for ever, looked at and sent again. In: the dead-letter topics; out: rows for people, or the original bytes back on their topic.

The group `veedor.dlq` remembers what was sent again; listing commits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.bus.contract import Bus, Consumer, Delivery, Record
from shared.errors import Refused
from shared.events import TOPICS, dead_letters

GROUP = "veedor.dlq"
ORIGIN = "veedor-origin-"
SETTLE_POLLS = 6


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter: where it lies, where it came from, why it was refused, and its raw bytes."""

    delivery: Delivery

    @property
    def place(self) -> str:
        """`topic:partition:offset` of the dead letter itself."""
        return f"{self.delivery.topic}:{self.delivery.partition}:{self.delivery.offset}"

    def header(self, name: str) -> str:
        found = [value for key, value in self.delivery.headers if key == name]
        return found[-1].decode("utf-8", "replace") if found else ""

    @property
    def origin(self) -> str:
        return f"{self.header(ORIGIN + 'topic')}:{self.header(ORIGIN + 'partition')}:{self.header(ORIGIN + 'offset')}"

    @property
    def error(self) -> str:
        return self.header("veedor-error")

    def again(self) -> Record:
        """The original message for its original topic, without our headers."""
        headers = tuple((name, value) for name, value in self.delivery.headers if not name.startswith("veedor-"))
        return Record(self.delivery.topic.removesuffix(".dlq"), self.delivery.key, self.delivery.value, headers)


@contextmanager
def _member(bus: Bus) -> Iterator[Consumer]:
    consumer = bus.consumer(GROUP, [dead_letters(topic) for topic in TOPICS])
    try:
        yield consumer
    finally:
        consumer.close()


def _read(consumer: Consumer) -> Iterator[DeadLetter]:
    """Everything from the group's position to the end."""
    empty = 0
    while empty < SETTLE_POLLS:
        found = consumer.poll(0.5, 500)
        empty = 0 if found else empty + (1 if consumer.assigned() else 0)
        yield from map(DeadLetter, found)


def listed(bus: Bus) -> list[DeadLetter]:
    """The dead letters that were not sent again. Raises Retryable."""
    with _member(bus) as consumer:
        return list(_read(consumer))


def shown(bus: Bus, place: str) -> DeadLetter:
    """One dead letter by its place. Raises Refused when there is none."""
    found = next((letter for letter in listed(bus) if letter.place == place), None)
    if found is None:
        raise Refused(f"no dead letter at {place!r}: `veedor dlq list` shows the places", field="place")
    return found


def replayed(bus: Bus) -> int:
    """Sends everything again, then remembers it as sent; returns how many. A crash in between sends some twice, with the same bytes."""
    producer = bus.producer()
    with _member(bus) as consumer:
        letters = list(_read(consumer))
        producer.publish([letter.again() for letter in letters])
        if letters:
            consumer.commit({(letter.delivery.topic, letter.delivery.partition): letter.delivery.offset + 1 for letter in letters})
    producer.close()
    return len(letters)
