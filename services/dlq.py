"""`veedor dlq`: what went wrong for ever, looked at and sent again. In: the dead-letter topics; out: letters for people, or the original bytes back on their topic.

The group `veedor.dlq` remembers what was dealt with; looking commits nothing.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.bus.contract import Bus, Consumer, Delivery, Record
from shared.consumer import CUT, ERROR, ORIGIN, REPLAYED, TIME
from shared.errors import InvalidMessage, Refused, Retryable
from shared.events import TOPICS, AlertChanged, Event, MoveAssessed, MoveObserved, dead_letters

GROUP = "veedor.dlq"
PATIENCE_SECONDS = 45.0
"""Longer than a member that was killed holds its partitions."""
EVENTS: dict[str, type[Event]] = {event.TOPIC: event for event in (MoveObserved, MoveAssessed, AlertChanged)}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter: where it lies, where it first came from, why and when it was refused, and its raw bytes."""

    delivery: Delivery

    @property
    def place(self) -> str:
        """`topic:partition:offset` of the dead letter itself."""
        return f"{self.delivery.topic}:{self.delivery.partition}:{self.delivery.offset}"

    @property
    def topic(self) -> str:
        """The topic on which it was refused, and on which it is sent again."""
        return self.delivery.topic.removesuffix(".dlq")

    def header(self, name: str) -> str:
        found = [value for key, value in self.delivery.headers if key == name]
        return found[-1].decode("utf-8", "replace") if found else ""

    @property
    def origin(self) -> dict[str, Any]:
        """Where the message first stood."""
        partition, offset = (self.header(f"{ORIGIN}{name}") for name in ("partition", "offset"))
        return {"topic": self.header(f"{ORIGIN}topic"), "partition": int(partition or -1), "offset": int(offset or -1)}

    @property
    def error(self) -> str:
        return self.header(ERROR)

    @property
    def published_at(self) -> str:
        """When the message was published on its topic (ISO 8601, UTC)."""
        written = self.header(TIME)
        return dt.datetime.fromtimestamp(int(written) / 1000, dt.UTC).isoformat(timespec="seconds") if written.isdigit() else ""

    @property
    def replayed(self) -> int:
        """How often it was sent again already."""
        return int(self.header(REPLAYED) or 0)

    @property
    def whole_bytes(self) -> int:
        """How long the message was; more than it has here when it was cut."""
        return int(self.header(CUT) or len(self.delivery.value))

    def trouble(self) -> str | None:
        """Why sending it again would be useless, as far as can be told from here; None when there is no reason."""
        if self.whole_bytes > len(self.delivery.value):
            return f"only its first {len(self.delivery.value)} of {self.whole_bytes} bytes are kept here: the whole stands at {self.origin_words}, have its publisher send it again"
        try:
            EVENTS[self.topic].decode(self.delivery.value)
        except InvalidMessage as error:
            return str(error)
        return None

    def again(self) -> Record:
        """The original bytes for their topic; the headers still say where they first came from, and how often they were sent."""
        kept = tuple((name, value) for name, value in self.delivery.headers if name not in (ERROR, TIME, REPLAYED))
        return Record(self.topic, self.delivery.key, self.delivery.value, (*kept, (REPLAYED, str(self.replayed + 1).encode())))

    def kept(self) -> Record:
        """The letter itself, for the end of its own topic."""
        return Record(self.delivery.topic, self.delivery.key, self.delivery.value, self.delivery.headers)

    @property
    def origin_words(self) -> str:
        return f"topic {self.origin['topic']}, partition {self.origin['partition']}, offset {self.origin['offset']}"

    def described(self) -> dict[str, Any]:
        """What `--json` tells of it."""
        return {
            "place": self.place,
            "key": self.delivery.key,
            "origin": self.origin,
            "error": self.error,
            "time": self.published_at,
            "bytes": self.whole_bytes,
            "replayed": self.replayed,
        }


@dataclass
class Replay:
    """What came of sending again: `sent`, and those that `stayed` with the reason."""

    sent: list[DeadLetter] = field(default_factory=list)
    stayed: list[tuple[DeadLetter, str]] = field(default_factory=list)

    def described(self) -> dict[str, Any]:
        return {"sent": len(self.sent), "stayed": [{"place": letter.place, "error": why} for letter, why in self.stayed]}


@contextmanager
def _member(bus: Bus) -> Iterator[Consumer]:
    consumer = bus.consumer(GROUP, [dead_letters(topic) for topic in TOPICS])
    try:
        yield consumer
    finally:
        consumer.close()


def _read(bus: Bus, consumer: Consumer, patience: float) -> list[DeadLetter]:
    """Everything from the group's position to what is the end now. Raises Retryable when it does not come: somebody else has it in hand."""
    wanted = sum(bus.lag(GROUP, dead_letters(topic)) for topic in TOPICS)
    found: list[Delivery] = []
    deadline = time.monotonic() + patience
    while len(found) < wanted:
        if time.monotonic() > deadline:
            raise Retryable(f"{len(found)} of {wanted} dead letters came: another `veedor dlq` is at work, try again when it is done")
        found += consumer.poll(0.5, 500)
    return [DeadLetter(delivery) for delivery in found]


def listed(bus: Bus, *, patience: float = PATIENCE_SECONDS) -> list[DeadLetter]:
    """The dead letters that were not sent again, oldest first. Raises Retryable."""
    with _member(bus) as consumer:
        return sorted(_read(bus, consumer, patience), key=lambda letter: (letter.delivery.timestamp, letter.place))


def shown(bus: Bus, place: str, *, patience: float = PATIENCE_SECONDS) -> DeadLetter:
    """One dead letter by its place. Raises Refused when there is none."""
    found = next((letter for letter in listed(bus, patience=patience) if letter.place == place), None)
    if found is None:
        raise Refused(f"no dead letter at {place!r}: `veedor dlq list` shows the places", field="place")
    return found


def replayed(bus: Bus, *, patience: float = PATIENCE_SECONDS) -> Replay:
    """Sends again what can be understood by now, and remembers it as sent; what still cannot stays, at the end of its topic.

    A crash in between sends or keeps some twice, with the same bytes: whoever handles them knows the id. Raises Retryable.
    """
    with _member(bus) as consumer:
        done = sorted_out(_read(bus, consumer, patience))
        if done.sent:
            with closing(bus.producer()) as producer:
                producer.publish([*(letter.again() for letter in done.sent), *(letter.kept() for letter, _ in done.stayed)])
            consumer.commit(_next([*done.sent, *(letter for letter, _ in done.stayed)]))
    return done


def sorted_out(letters: Sequence[DeadLetter]) -> Replay:
    """What can be sent, and what cannot with the reason."""
    done = Replay()
    for letter in letters:
        why = letter.trouble()
        if why is None:
            done.sent.append(letter)
        else:
            done.stayed.append((letter, why))
    return done


def _next(letters: Sequence[DeadLetter]) -> dict[tuple[str, int], int]:
    """Where the group goes on, a partition."""
    positions: dict[tuple[str, int], int] = {}
    for letter in letters:
        place = (letter.delivery.topic, letter.delivery.partition)
        positions[place] = max(positions.get(place, 0), letter.delivery.offset + 1)
    return positions
