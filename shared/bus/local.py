"""The embedded bus: a durable partitioned log in one SQLite file (WAL) with consumer groups, for one machine.

A publish is one transaction; a record is durable when it returns. A full log refuses with Full: what was accepted still arrives.
"""

from __future__ import annotations

import itertools
import math
import os
import sqlite3
import threading
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

from shared.bus.contract import MAX_RECORD_BYTES, Delivery, Record, TopicPartition
from shared.errors import InvalidMessage, Retryable

LEASE_SECONDS = 30.0
CROSS_PROCESS_POLL = 0.05
SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (topic TEXT PRIMARY KEY, partitions INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (topic TEXT, partition INTEGER, offset INTEGER, key TEXT, value BLOB, headers BLOB, timestamp INTEGER,
    PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ends (topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (consumers TEXT, topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (consumers, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (consumers TEXT, member TEXT, pid INTEGER, until REAL, PRIMARY KEY (consumers, member)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (consumers TEXT, topic TEXT, partition INTEGER, member TEXT, PRIMARY KEY (consumers, topic, partition)) WITHOUT ROWID;
"""


class Full(Retryable):
    """The log has reached its limit: nothing of this publish was taken."""


def partition_of(key: str, partitions: int) -> int:
    """Stable over processes and Python versions."""
    return zlib.crc32(key.encode()) % partitions


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class LocalBus:
    """One per process and file. `max_bytes` bounds the file; consumed records are trimmed first."""

    def __init__(self, path: Path, *, partitions: int = 4, max_bytes: int = 4 << 30) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.partitions = partitions
        self.max_bytes = max_bytes
        self.arrived = threading.Condition()
        self.write_lock = threading.Lock()
        with self.transaction() as connection:
            connection.executescript(SCHEMA)

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    @contextmanager
    def transaction(self, connection: sqlite3.Connection | None = None) -> Iterator[sqlite3.Connection]:
        """One write transaction; a connection of its own unless given one."""
        mine = connection is None
        connection = connection or self.connect()
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            if connection.in_transaction:
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Retryable(f"local log {self.path}: {error}") from error
        finally:
            if mine:
                connection.close()

    def ensure_topics(self, topics: Sequence[str]) -> None:
        with self.write_lock, self.transaction() as connection:
            for topic in topics:
                connection.execute("INSERT OR IGNORE INTO topics VALUES (?, ?)", (topic, self.partitions))

    def producer(self) -> LocalProducer:
        return LocalProducer(self)

    def consumer(self, group: str, topics: Sequence[str]) -> LocalConsumer:
        return LocalConsumer(self, group, topics)

    def ready(self) -> bool:
        try:
            with self.transaction():
                return True
        except Retryable:
            return False

    def close(self) -> None:
        return None

    def used_bytes(self, connection: sqlite3.Connection) -> int:
        """Bytes of the file that hold something."""
        pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
        return int((pages - free) * size)

    def make_room(self, connection: sqlite3.Connection, wanted: int) -> None:
        """Trims what every group of a topic has committed; raises Full when that is not enough."""
        if self.used_bytes(connection) + wanted <= self.max_bytes // 2:
            return
        connection.execute("DELETE FROM log WHERE offset < (SELECT min(p.next) FROM positions p WHERE p.topic = log.topic AND p.partition = log.partition)")
        if self.used_bytes(connection) + wanted > self.max_bytes:
            raise Full(f"local log {self.path} is full ({self.max_bytes} bytes): let the consumers catch up, or raise VEEDOR_LOCAL_LOG_MAX_BYTES")


class LocalProducer:
    """Publishes in one transaction; thread-safe."""

    def __init__(self, bus: LocalBus) -> None:
        self.bus = bus
        self.connection = bus.connect()
        self.partitions: dict[str, int] = {}

    def publish(self, records: Sequence[Record]) -> None:
        for record in records:
            if len(record.value) > MAX_RECORD_BYTES:
                raise InvalidMessage(f"record of {len(record.value)} bytes for {record.topic} is over the limit of {MAX_RECORD_BYTES}")
        if not records:
            return
        with self.bus.write_lock, self.bus.transaction(self.connection) as connection:
            self.bus.make_room(connection, sum(len(record.value) + 200 for record in records))
            self._append(connection, records)
        with self.bus.arrived:
            self.bus.arrived.notify_all()

    def _append(self, connection: sqlite3.Connection, records: Sequence[Record]) -> None:
        now = int(time.time() * 1000)
        ends: dict[TopicPartition, int] = {}
        rows = []
        for record in records:
            place = (record.topic, partition_of(record.key, self._partitions(connection, record.topic)))
            offset = ends[place] if place in ends else self._end(connection, place)
            ends[place] = offset + 1
            headers = orjson.dumps([[name, value.decode("latin-1")] for name, value in record.headers]) if record.headers else None
            rows.append((*place, offset, record.key, record.value, headers, now))
        connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.executemany("INSERT OR REPLACE INTO ends VALUES (?, ?, ?)", [(*place, end) for place, end in ends.items()])

    def _partitions(self, connection: sqlite3.Connection, topic: str) -> int:
        if topic not in self.partitions:
            row = connection.execute("SELECT partitions FROM topics WHERE topic = ?", (topic,)).fetchone()
            if row is None:
                raise Retryable(f"topic {topic} does not exist: run `veedor migrate`")
            self.partitions[topic] = row[0]
        return self.partitions[topic]

    @staticmethod
    def _end(connection: sqlite3.Connection, place: TopicPartition) -> int:
        row = connection.execute("SELECT next FROM ends WHERE topic = ? AND partition = ?", place).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        self.connection.close()


class LocalConsumer:
    """One member of a group. Partitions are shared evenly among the live members of this machine."""

    def __init__(self, bus: LocalBus, group: str, topics: Sequence[str]) -> None:
        self.bus = bus
        self.group = group
        self.topics = tuple(topics)
        self.member = uuid.uuid4().hex
        self.connection = bus.connect()
        self.held: dict[TopicPartition, int] = {}
        self.paused = False
        self.renewed = -math.inf
        self.turns = itertools.count()

    def poll(self, timeout: float, limit: int) -> list[Delivery]:
        deadline = time.monotonic() + timeout
        while True:
            self._keep_membership()
            found = [] if self.paused else self._read(limit)
            remaining = deadline - time.monotonic()
            if found or remaining <= 0:
                return found
            with self.bus.arrived:
                self.bus.arrived.wait(min(remaining, CROSS_PROCESS_POLL))

    def _read(self, limit: int) -> list[Delivery]:
        found: list[Delivery] = []
        places = sorted(self.held)
        turn = next(self.turns) % max(1, len(places))
        for place in places[turn:] + places[:turn]:
            rows = self.connection.execute(
                "SELECT offset, key, value, headers, timestamp FROM log WHERE topic = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
                (*place, self.held[place], limit - len(found)),
            ).fetchall()
            found += [Delivery(*place, offset, key, value, _headers(headers), timestamp) for offset, key, value, headers, timestamp in rows]
            if rows:
                self.held[place] = rows[-1][0] + 1
            if len(found) >= limit:
                break
        return found

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        with self.bus.write_lock, self.bus.transaction(self.connection) as connection:
            connection.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", [(self.group, *place, position) for place, position in positions.items()])

    def rewind(self) -> None:
        self.held = {place: self._committed(place) for place in self.held}

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def assigned(self) -> bool:
        return bool(self.held)

    def lag(self) -> Mapping[TopicPartition, int]:
        return {place: LocalProducer._end(self.connection, place) - self._committed(place) for place in list(self.held)}

    def close(self) -> None:
        with self.bus.write_lock, self.bus.transaction(self.connection) as connection:
            connection.execute("DELETE FROM claims WHERE consumers = ? AND member = ?", (self.group, self.member))
            connection.execute("DELETE FROM members WHERE consumers = ? AND member = ?", (self.group, self.member))
        self.connection.close()

    def _committed(self, place: TopicPartition) -> int:
        row = self.connection.execute("SELECT next FROM positions WHERE consumers = ? AND topic = ? AND partition = ?", (self.group, *place)).fetchone()
        if row:
            return int(row[0])
        first = self.connection.execute("SELECT min(offset) FROM log WHERE topic = ? AND partition = ?", place).fetchone()[0]
        return int(first or 0)

    def _keep_membership(self) -> None:
        """Once a second: renew, bury the dead, take a fair share of the partitions, give back what is over it."""
        now = time.time()
        if now - self.renewed < 1.0 and self.held:
            return
        if now - self.renewed < CROSS_PROCESS_POLL:
            return
        with self.bus.write_lock, self.bus.transaction(self.connection) as connection:
            connection.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)", (self.group, self.member, os.getpid(), now + LEASE_SECONDS))
            for member, pid, until in connection.execute("SELECT member, pid, until FROM members WHERE consumers = ?", (self.group,)).fetchall():
                if until < now or not _alive(pid):
                    connection.execute("DELETE FROM members WHERE consumers = ? AND member = ?", (self.group, member))
                    connection.execute("DELETE FROM claims WHERE consumers = ? AND member = ?", (self.group, member))
            mine = self._claim_share(connection)
        self.renewed = now
        self.held = {place: self.held[place] if place in self.held else self._committed(place) for place in mine}

    def _claim_share(self, connection: sqlite3.Connection) -> list[TopicPartition]:
        marks = ", ".join("?" * len(self.topics))
        sizes = connection.execute(f"SELECT topic, partitions FROM topics WHERE topic IN ({marks})", self.topics).fetchall()
        every = sorted((topic, partition) for topic, count in sizes for partition in range(count))
        (members,) = connection.execute("SELECT count(*) FROM members WHERE consumers = ?", (self.group,)).fetchone()
        claimed = {(topic, partition): member for topic, partition, member in connection.execute("SELECT topic, partition, member FROM claims WHERE consumers = ?", (self.group,))}
        mine = [place for place in every if claimed.get(place) == self.member]
        share = math.ceil(len(every) / max(1, members))
        for place in mine[share:]:
            connection.execute("DELETE FROM claims WHERE consumers = ? AND topic = ? AND partition = ?", (self.group, *place))
        free = [place for place in every if place not in claimed][: max(0, share - len(mine))]
        connection.executemany("INSERT INTO claims VALUES (?, ?, ?, ?)", [(self.group, *place, self.member) for place in free])
        return sorted(mine[:share] + free)


def _headers(raw: bytes | None) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in orjson.loads(raw)) if raw else ()
