"""What a bus promises. `local.py` and `kafka.py` keep it; tests/integration/test_bus_contract.py holds both to it.

* publish returns only when every record is durable; records of one key stay in order.
* poll hands out records from the group's committed offset on; nothing is committed but by commit.
* after a crash everything not committed comes again (at least once).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Headers = tuple[tuple[str, bytes], ...]
TopicPartition = tuple[str, int]

MAX_RECORD_BYTES = 900_000
"""Larger values are refused before they reach a broker (whose own limit is 1 MiB a batch)."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a publisher sends. `value` is opaque bytes; `key` decides the partition."""

    topic: str
    key: str
    value: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Delivery:
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
        """The group goes on at these offsets (the *next* to read). Raises Retryable."""

    def rewind(self) -> None:
        """What was handed out and not committed comes again at the next poll."""

    def pause(self) -> None:
        """poll returns nothing, membership stays, until resume."""

    def resume(self) -> None: ...

    def assigned(self) -> bool:
        """Whether this member holds a partition (liveness watches it)."""

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records not yet committed, a partition this member holds."""

    def close(self) -> None: ...


class Bus(Protocol):
    def ensure_topics(self, topics: Sequence[str]) -> None:
        """Creates what is missing. Safe to call from several processes."""

    def producer(self) -> Producer: ...

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer: ...

    def ready(self) -> bool:
        """Whether the bus answers now."""

    def close(self) -> None: ...
