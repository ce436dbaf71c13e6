"""The relay of an outbox: what a service wrote in its transaction reaches the bus, in order, at least once, with the same ids.

ingest and alerting publish only through here; a crash between publishing and marking publishes again, and consumers know the id. So a mark need not wait for the disk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import Select, func, literal_column, select, text
from sqlmodel import Session

from shared.bus.contract import Bus, Producer, Record
from shared.consumer import full_jitter, gather
from shared.database import Database
from shared.errors import Full, Retryable

log = structlog.get_logger(__name__)

MOST_BYTES = 8_000_000
"""A batch of rows ends with the one that reaches this: a thousand of the largest would be too much for memory, and for a broker within its time."""

MAX_PAUSE = 5.0
"""Seconds: after an outage of the broker what waits leaves soon, for alerts are in it."""

PUBLISHED = Counter("veedor_outbox_published_total", "Outbox rows published.", ["service"])
DEPTH = Gauge("veedor_outbox_depth", "Outbox rows waiting, as last read (at most one batch is counted).", ["service"])


_TURN = text("SELECT pg_advisory_xact_lock(hashtext(:name))")


class Pending(NamedTuple):
    """A stored row that is not published yet; `position` grows with the order of writing."""

    position: int
    record: Record


def within_bytes(oldest: Select[Any], value: str) -> Select[Any]:
    """Of rows in the order of their first column those whose column `value` comes to MOST_BYTES, the one that reaches it included."""
    rows = oldest.subquery()
    order, size = rows.columns[0], func.length(rows.columns[value])
    summed = select(*rows.columns, (func.sum(size).over(order_by=order) - size).label("before")).subquery()
    kept = [summed.columns[column.name] for column in rows.columns]
    return select(*kept).where(summed.c.before < literal_column(f"{MOST_BYTES}")).order_by(kept[0])


@dataclass
class Relay:
    """`pending(session, limit)` gives the oldest unpublished rows in order; `mark(session, position)` notes that all up to it are out.

    Rows must become visible in the order of their positions, so writers take turns (a lock on PostgreSQL, SQLite has but one):
    a row committed late below a position already marked would never leave.
    """

    service: str
    database: Database
    bus: Bus
    pending: Callable[[Session, int], Sequence[Pending]]
    mark: Callable[[Session, int], None]
    batch: int = 1000
    look: float = 0.5
    """Seconds between looks at what nobody woke it for."""

    def __post_init__(self) -> None:
        self.producer: Producer | None = None
        self.lock = threading.Lock()
        self.written = threading.Event()
        self.full: Full | None = None
        """Why the bus took nothing at the last try, while it is full."""

    def wake(self) -> None:
        """Called after a write: the relay need not wait for its next look."""
        self.written.set()

    def drain(self) -> int:
        """Publishes everything waiting; returns how many. Raises Retryable."""
        total, more = 0, True
        while more:
            rows = self._one_batch()
            total += len(rows)
            more = len(rows) == self.batch or sum(len(row.record.value) for row in rows) >= MOST_BYTES
        return total

    def _one_batch(self) -> Sequence[Pending]:
        with self.lock:
            rows = self._as_the_only_process() if self.database.is_sqlite else self._in_turn()
        PUBLISHED.labels(self.service).inc(len(rows))
        return rows

    def _in_turn(self) -> Sequence[Pending]:
        """One publisher at a time over all replicas: rows leave in the order they were written."""
        with self.database.noting() as session:
            session.connection().execute(_TURN, {"name": f"outbox {self.service}"})
            rows = self.pending(session, self.batch)
            if self._publish(rows):
                self.mark(session, rows[-1].position)
        return rows

    def _as_the_only_process(self) -> Sequence[Pending]:
        """An embedded database has one writer at a time: it is not kept waiting while the bus takes what was read."""
        with self.database.reading() as session:
            rows = self.pending(session, self.batch)
        if self._publish(rows):
            with self.database.noting() as session:
                self.mark(session, rows[-1].position)
        return rows

    def _publish(self, rows: Sequence[Pending]) -> bool:
        """Whether there was anything to publish; it is durable on return."""
        DEPTH.labels(self.service).set(len(rows))
        if not rows:
            return False
        self.producer = self.producer or self.bus.producer()
        try:
            self.producer.publish([row.record for row in rows])
        except Full as error:
            self.full = error
            raise
        self.full = None
        return True

    def check_room(self) -> None:
        """Raises Full while the bus is: work accepted now would wait in the outbox without end."""
        if self.full is not None:
            raise self.full

    def trouble(self, waiting: Callable[[], int]) -> str:
        """What an operator is told while the bus is full; `waiting` counts what cannot leave. Raises Retryable."""
        return f"{self.full}; {waiting()} events wait to leave, new work is refused" if self.full is not None else ""

    def run(self, stop: threading.Event, turned: Callable[[], None] = lambda: None) -> None:
        """Drains on every wake and every `look` seconds until `stop` is set."""
        attempt = 0
        while not stop.is_set():
            turned()
            self.written.clear()
            started = time.monotonic()
            try:
                count = self.drain()
                attempt = 0
            except Retryable as error:
                attempt += 1
                pause = full_jitter(attempt, cap=MAX_PAUSE)
                log.warning("outbox waits", service=self.service, attempt=attempt, seconds=round(pause, 2), why=str(error))
                stop.wait(pause)
                continue
            gather(stop, count, self.batch, time.monotonic() - started)
            self.written.wait(self.look)
        self.close()

    def close(self) -> None:
        if self.producer is not None:
            self.producer.close()
            self.producer = None
