"""What a bus promises. `local.py` and `kafka.py` keep it; tests/integration/shared/test_bus_contract.py holds both to it.

* publish returns only when every record is durable; records of one key stay in order.
* poll hands out records from the group's committed offset on; nothing is committed but by commit.
* after a crash everything not committed comes again (at least once).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from shared.errors import InvalidMessage

Headers = tuple[tuple[str, bytes], ...]
TopicPartition = tuple[str, int]

MAX_RECORD_BYTES = 900_000
"""Larger records (key, value and headers) are refused before they reach a broker, whose own limit is 1 MiB a batch."""


class Record(NamedTuple):
    """What a publisher sends. `value` is opaque bytes; `key` decides the partition."""

    topic: str
    key: str
    value: bytes
    headers: Headers = ()

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        return len(self.key.encode()) + len(self.value) + sum(len(name) + len(value) for name, value in self.headers)


def refuse_oversize(records: Sequence[Record]) -> None:
    """Raises InvalidMessage for the first record over MAX_RECORD_BYTES: none of them may be sent then."""
    for record in records:
        if record.size > MAX_RECORD_BYTES:
            raise InvalidMessage(f"record {record.key[:100]} of {record.size} bytes for {record.topic} is over the limit of {MAX_RECORD_BYTES}")


class Delivery(NamedTuple):
    """What a consumer receives; `offset` counts from 0 in its partition; `timestamp` is Unix milliseconds."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Headers
    timestamp: int


class Producer(Protocol):
    def publish(self, records: Sequence[Record]) -> None:
        """All durable on return. Raises InvalidMessage for a record too large (none is sent), Retryable when the bus does not take them now (some may stand)."""

    def close(self) -> None: ...


class Consumer(Protocol):
    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        """At most `limit` records after at most `timeout` seconds. Raises Retryable."""

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """The group goes on at these offsets (the *next* to read). Raises Retryable, also when a partition is no longer ours to commit."""

    def rewind(self) -> None:
        """What was handed out and not committed comes again at the next poll."""

    def pause(self) -> None:
        """poll returns nothing, membership stays, until resume."""

    def resume(self) -> None: ...

    def assigned(self) -> bool:
        """Whether this member holds a partition (liveness watches it)."""

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records not yet committed, a partition this member holds."""

    def close(self) -> None:
        """Leaves the group; once more does nothing."""


class Bus(Protocol):
    def ensure_topics(self, topics: Sequence[str]) -> None:
        """Creates what is missing. Safe to call from several processes."""

    def producer(self) -> Producer: ...

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer: ...

    def ready(self) -> bool:
        """Whether the bus answers now."""

    def lag(self, group: str, topic: str) -> int:
        """Records of `topic` that `group` has not committed. Raises Retryable."""

    def count(self, topic: str) -> int:
        """Records `topic` holds now. Raises Retryable."""

    def close(self) -> None: ...
