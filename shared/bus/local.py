"""The embedded bus: consumer groups over a durable log in one SQLite file, for one machine.

A record is durable when publish returns. A full log refuses with Full: what was accepted still arrives.
"""

from __future__ import annotations

import itertools
import math
import os
import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from shared.bus.contract import Delivery, Record, TopicPartition, refuse_oversize
from shared.bus.local_log import Log, partition_of
from shared.errors import Retryable

__all__ = ["LocalBus", "LocalConsumer", "LocalProducer", "partition_of"]

LEASE_SECONDS = 120.0
"""How long a living process may go without polling before its partitions pass on; those of a dead one pass on at once."""
LOOK_SECONDS = 0.5
CROSS_PROCESS_POLL = 0.05


class LocalBus:
    """One per process and file. `max_bytes` bounds what the file keeps; consumed records are trimmed first."""

    def __init__(self, path: Path, *, partitions: int = 4, max_bytes: int = 4 << 30) -> None:
        self.partitions = partitions
        self.log = Log(path, max_bytes=max_bytes)

    def ensure_topics(self, topics: Sequence[str]) -> None:
        with closing(self.log.connect()) as connection, self.log.transaction(connection):
            connection.executemany("INSERT OR IGNORE INTO topics VALUES (?, ?, 0)", [(topic, self.partitions) for topic in topics])

    def producer(self) -> LocalProducer:
        return LocalProducer(self.log)

    def consumer(self, group: str, topics: Sequence[str]) -> LocalConsumer:
        return LocalConsumer(self.log, group, topics)

    def ready(self) -> bool:
        try:
            with closing(self.log.connect()) as connection, self.log.transaction(connection):
                return True
        except Retryable:
            return False

    def lag(self, group: str, topic: str) -> int:
        with closing(self.log.connect()) as connection, self.log.named():
            return sum(self.log.end(connection, place) - self.log.committed(connection, group, place) for place in self.log.places(connection, topic))

    def count(self, topic: str) -> int:
        with closing(self.log.connect()) as connection, self.log.named():
            return sum(self.log.end(connection, place) - self.log.begin(connection, place) for place in self.log.places(connection, topic))

    def close(self) -> None:
        return None


class LocalProducer:
    """Publishes in one transaction; thread-safe."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.connection = log.connect()

    def publish(self, records: Sequence[Record]) -> None:
        refuse_oversize(records)
        if records:
            self.log.append(self.connection, records)

    def close(self) -> None:
        self.connection.close()


class LocalConsumer:
    """One member of a group. Partitions are shared evenly among the living members of this machine."""

    def __init__(self, log: Log, group: str, topics: Sequence[str]) -> None:
        self.log = log
        self.group = group
        self.member = uuid.uuid4().hex
        self.connection = log.connect()
        # A position that is lost with the power is only read again; what was published waits for the disk.
        self.connection.execute("PRAGMA synchronous=NORMAL")
        self.held: dict[TopicPartition, int] = {}
        """The next offset to hand out, a partition."""
        self.committed: dict[TopicPartition, int] = {}
        """From where the group would go on, a partition we hold."""
        self.paused = False
        self.closed = False
        self.looked = -math.inf
        self.turns = itertools.count()
        self.topics = tuple(topics)
        self.seen = 0
        """Publishes by this process that our topics had when we last read."""
        try:
            with self.log.named():
                self.places = [place for topic in topics for place in self.log.places(self.connection, topic)]
        except Retryable:
            self.connection.close()
            raise

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        deadline = time.monotonic() + timeout
        while True:
            self._look_after_membership()
            self.seen = self._published()
            found = [] if self.paused else self._read(limit)
            remaining = deadline - time.monotonic()
            if found or remaining <= 0:
                return found
            with self.log.arrived:
                self.log.arrived.wait_for(lambda: self._published() != self.seen, min(remaining, CROSS_PROCESS_POLL))

    def _published(self) -> int:
        return sum(self.log.published[topic] for topic in self.topics)

    def _read(self, limit: int) -> list[Delivery]:
        """From one partition after the other, another one first every time, so that a busy one starves none."""
        found: list[Delivery] = []
        places = sorted(self.held)
        turn = next(self.turns) % max(1, len(places))
        for place in places[turn:] + places[:turn]:
            taken = self.log.read(self.connection, place, self.held[place], limit - len(found))
            if taken:
                self.held[place] = taken[-1].offset + 1
                found += taken
            if len(found) >= limit:
                break
        return found

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        with self.log.transaction(self.connection) as connection:
            if lost := sorted(place for place in positions if self._claims(connection).get(place) != self.member):
                raise Retryable(f"local log: partitions {lost} moved on to another member")
            connection.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", [(self.group, *place, position) for place, position in positions.items()])
        self.committed.update(positions)

    def rewind(self) -> None:
        self.held = dict(self.committed)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def assigned(self) -> bool:
        return bool(self.held)

    def lag(self) -> Mapping[TopicPartition, int]:
        with self.log.named():
            return {place: self.log.end(self.connection, place) - self.committed[place] for place in self.held}

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        with closing(self.connection) as connection, self.log.transaction(connection):
            self._bury(connection, self.member)

    def _look_after_membership(self) -> None:
        """Twice a second: are we known, are all members alive, do we hold our fair share and no more? Writes only when something is to be changed."""
        if time.monotonic() - self.looked < LOOK_SECONDS:
            return
        with self.log.named():
            settled = self._settled(self.connection, time.time())
        if not settled:
            with self.log.transaction(self.connection) as connection:
                self._settle(connection, time.time())
        self.looked = time.monotonic()

    def _settled(self, connection: sqlite3.Connection, now: float) -> bool:
        members = self._members(connection)
        _, until = members.get(self.member, (0, 0.0))
        alive = all(_is_alive(pid, lease, now) for pid, lease in members.values())
        return alive and until > now + LEASE_SECONDS * 2 / 3 and self._fair_share(members) == set(self.held) == self._mine(connection)

    def _settle(self, connection: sqlite3.Connection, now: float) -> None:
        """Renew the lease, bury the dead, give back what is over the fair share, take what is free of it."""
        connection.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)", (self.group, self.member, os.getpid(), now + LEASE_SECONDS))
        for member, (pid, until) in self._members(connection).items():
            if not _is_alive(pid, until, now):
                self._bury(connection, member)
        share = self._fair_share(self._members(connection))
        mine = self._mine(connection)
        taken = {place for place in share if place not in self._claims(connection)}
        connection.executemany("DELETE FROM claims WHERE consumers = ? AND topic = ? AND partition = ?", [(self.group, *place) for place in mine - share])
        connection.executemany("INSERT INTO claims VALUES (?, ?, ?, ?)", [(self.group, *place, self.member) for place in taken])
        before = self.held
        self.committed = {place: self.log.committed(connection, self.group, place) for place in (mine & share) | taken}
        self.held = {place: position if place in taken else before.get(place, position) for place, position in self.committed.items()}
        # A group that has joined and not yet committed must keep its records from being trimmed.
        connection.executemany("INSERT OR IGNORE INTO positions VALUES (?, ?, ?, ?)", [(self.group, *place, self.held[place]) for place in taken])

    def _fair_share(self, members: Mapping[str, object]) -> set[TopicPartition]:
        """Every n-th partition: all members reckon alike, so nobody needs to lead."""
        if self.member not in members:
            return set()
        rank = sorted(members).index(self.member)
        return set(self.places[rank :: len(members)])

    def _bury(self, connection: sqlite3.Connection, member: str) -> None:
        connection.execute("DELETE FROM claims WHERE consumers = ? AND member = ?", (self.group, member))
        connection.execute("DELETE FROM members WHERE consumers = ? AND member = ?", (self.group, member))

    def _members(self, connection: sqlite3.Connection) -> dict[str, tuple[int, float]]:
        """Process id and end of the lease (Unix seconds) of each member."""
        return {member: (pid, until) for member, pid, until in connection.execute("SELECT member, pid, until FROM members WHERE consumers = ?", (self.group,))}

    def _claims(self, connection: sqlite3.Connection) -> dict[TopicPartition, str]:
        rows = connection.execute("SELECT topic, partition, member FROM claims WHERE consumers = ?", (self.group,))
        return {(topic, partition): member for topic, partition, member in rows}

    def _mine(self, connection: sqlite3.Connection) -> set[TopicPartition]:
        return {place for place, member in self._claims(connection).items() if member == self.member}


def _is_alive(pid: int, until: float, now: float) -> bool:
    if until < now:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
