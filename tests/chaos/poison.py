"""Messages that nobody can ever understand, put on the topics as a broken publisher would. Out: the key of each, to be found among the dead letters."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from shared.bus.contract import Record
from shared.bus.kafka import KafkaBus
from shared.errors import Retryable
from shared.events import TOPICS

TYPES = {"veedor.moves.v1": "org.veedor.move.observed", "veedor.assessments.v1": "org.veedor.move.assessed", "veedor.alerts.v1": "org.veedor.alert.changed"}


def kinds(topic: str, draw: random.Random) -> Iterator[bytes]:
    """Not JSON, no event, another major version, wrong types, an id that does not follow from the data, NUL, nothing at all; over and over."""
    envelope = {"specversion": "1.0", "type": f"{TYPES[topic]}.v1", "id": "0" * 32, "data": {}}
    move = {"move_id": "pe.x", "key": "x", "country": "pe", "period": "x", "chamber": "C", "instrument": "bill", "title": "x"}
    while True:
        yield draw.randbytes(200)
        yield b"[1, 2, 3]"
        yield orjson.dumps(envelope | {"type": f"{TYPES[topic]}.v2"})
        yield orjson.dumps(envelope | {"data": {"move": 7, "revision": "many"}})
        yield orjson.dumps(envelope | {"data": {"move": move, "revision": 1, "as_of": "2026-11-25"}})
        yield b'{"specversion": "1.0\x00"}'
        yield b""


@dataclass
class Poison:
    """`taken` are the keys that the broker took, `tried` all it was given: some of what it did not confirm may stand."""

    url: str
    seed: int
    taken: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)
        draw = random.Random(self.seed)
        self.values = {topic: kinds(topic, draw) for topic in TOPICS}

    def send(self, amount: int) -> bool:
        """Puts `amount` of them on the topics in turn; False when the broker does not take them now."""
        records = []
        for number in itertools.islice(self.numbers, amount):
            topic = TOPICS[number % len(TOPICS)]
            records.append(Record(topic, f"poison-{number}", next(self.values[topic])))
        self.tried |= {record.key for record in records}
        producer = KafkaBus(f"{self.url}?timeout_ms=5000").producer()
        try:
            producer.publish(records)
        except Retryable:
            return False
        finally:
            producer.close()
        self.taken |= {record.key for record in records}
        return True
