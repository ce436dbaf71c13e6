"""Counts over all alerts, which cost more the more there are. In: how to count; out: the count, worked out again only when an alert has changed since."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from sqlalchemy import Connection, func, select

from services.alerting import tables

State: TypeAlias = tuple[int, dt.datetime | None]
Count = TypeVar("Count")
SOON = 0.25
"""Seconds: what is counted faster is never given when it is older than the alerts."""
LONG = 60.0
"""Seconds after which it is counted again in any case: replicas whose clocks differ may hide a change from each other."""


def state(connection: Connection) -> State:
    """Where the alerts stand, read before they are counted: every change of one moves the ledger or the newest moment of writing, and both are read at once."""
    head = select(tables.head.c.sequence).scalar_subquery()
    row = connection.execute(select(head, func.max(tables.alerts.c.updated_at))).one()
    return row[0], row[1]


@dataclass
class _Held(Generic[Count]):
    count: Count
    state: State | None
    soon: float
    long: float

    def stands(self, now: float, at: State | None) -> bool:
        return now < (self.long if at is not None and self.state == at else self.soon)


@dataclass
class Tally(Generic[Count]):
    """One count for each of several readers' clearances. Threads may share it: one counts, the others wait for its answer.

    While alerts keep changing, a count that took long is given for as long as it took: however many people ask, counting takes at most half of the time.
    """

    clock: Callable[[], float] = time.monotonic
    held: dict[Hashable, _Held[Count]] = field(default_factory=dict)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def count(self, connection: Connection, reader: Hashable, work: Callable[[], Count], *, changing: bool = False) -> Count:
        """`changing`: what is counted changes without a sign that costs less to read than to count."""
        with self.turn:
            now, at = self.clock(), None if changing else state(connection)
            found = self.held.get(reader)
            if found is not None and found.stands(now, at):
                return found.count
            count = work()
            done = self.clock()
            spent = done - now
            self.held[reader] = _Held(count, at, soon=done + spent if spent > SOON else now, long=done + LONG)
            return count
