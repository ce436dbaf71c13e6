"""The file of the embedded bus: a durable partitioned log in SQLite. In: records, one transaction a publish; out: rows by partition and offset.

Every topic has its own share of the room: a full topic must not keep the consumer that would empty it from publishing what follows.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import orjson

from shared.bus.contract import Delivery, Headers, Record, TopicPartition
from shared.errors import DiskFull, Full, Retryable
from shared.sqlite import is_full, prepare

PAGE_BYTES = 4096
ROW_BYTES = 120
TRIM_ROWS = 10_000
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS topics (topic TEXT PRIMARY KEY, partitions INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS log (topic TEXT, partition INTEGER, offset INTEGER, key TEXT, value BLOB, headers BLOB, timestamp INTEGER, bytes INTEGER,
    PRIMARY KEY (topic, partition, offset))""",
    "CREATE TABLE IF NOT EXISTS ends (topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS positions (consumers TEXT, topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (consumers, topic, partition)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS members (consumers TEXT, member TEXT, pid INTEGER, until REAL, PRIMARY KEY (consumers, member)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS claims (consumers TEXT, topic TEXT, partition INTEGER, member TEXT, PRIMARY KEY (consumers, topic, partition)) WITHOUT ROWID",
)


def partition_of(key: str, partitions: int) -> int:
    """Stable over processes and Python versions."""
    return zlib.crc32(key.encode()) % partitions


def cost(record: Record) -> int:
    """Bytes of the file a record takes: a row beside others, whole pages once it overflows one."""
    size = record.size + ROW_BYTES
    return size if size < PAGE_BYTES else -(-size // PAGE_BYTES) * PAGE_BYTES


class Log:
    """One per process and file. `max_bytes` bounds what is kept; what every group has consumed is trimmed when room is wanted."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.max_bytes = max_bytes
        self.arrived = threading.Condition()
        self.published: Counter[str] = Counter()
        """Publishes by this process, a topic: who waits for one topic sleeps through the others'."""
        self.write_lock = threading.Lock()
        with closing(self.connect()) as connection, self.transaction(connection):
            for statement in SCHEMA:
                connection.execute(statement)

    def connect(self) -> sqlite3.Connection:
        with self.named():
            connection = sqlite3.connect(self.path, check_same_thread=False)
            prepare(connection)
        return connection

    @contextmanager
    def named(self) -> Iterator[None]:
        """A file that is locked, full or unreadable now may be well later."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise (DiskFull if is_full(error) else Retryable)(f"local log {self.path}: {error}") from error

    @contextmanager
    def transaction(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        """One write transaction, durable when the block has ended."""
        with self.write_lock, self.named():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def append(self, connection: sqlite3.Connection, records: Sequence[Record]) -> None:
        """All of them or none. Raises Full when a topic has no room even after trimming."""
        while True:
            try:
                self._append(connection, records)
                break
            except Full:
                if not self._trim(connection, {record.topic for record in records}):
                    raise
        with self.arrived:
            self.published.update({record.topic for record in records})
            self.arrived.notify_all()

    def _append(self, connection: sqlite3.Connection, records: Sequence[Record]) -> None:
        now = int(time.time() * 1000)
        ends: dict[TopicPartition, int] = {}
        rows = []
        with self.transaction(connection):
            partitions = self._take_room(connection, records)
            for record in records:
                place = (record.topic, partition_of(record.key, partitions[record.topic]))
                offset = ends[place] if place in ends else self.end(connection, place)
                ends[place] = offset + 1
                rows.append((*place, offset, record.key, record.value, _pack(record.headers), now, cost(record)))
            connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO ends VALUES (?, ?, ?)", [(*place, end) for place, end in ends.items()])

    def _take_room(self, connection: sqlite3.Connection, records: Sequence[Record]) -> dict[str, int]:
        """The partitions of each topic, once it is known that all fits. An empty topic takes whatever comes: it could never be made emptier."""
        wanted: Counter[str] = Counter()
        for record in records:
            wanted[record.topic] += cost(record)
        share = self.max_bytes // max(1, connection.execute("SELECT count(*) FROM topics").fetchone()[0])
        partitions = {}
        for topic, size in wanted.items():
            row = connection.execute("SELECT partitions, bytes FROM topics WHERE topic = ?", (topic,)).fetchone()
            if row is None:
                raise Retryable(f"topic {topic} does not exist: run `veedor migrate`")
            partitions[topic], used = row
            if used and used + size > share:
                raise Full(f"local log {self.path} is full (topic {topic}, {share} bytes): let its consumers catch up, or raise VEEDOR_LOCAL_LOG_MAX_BYTES")
            connection.execute("UPDATE topics SET bytes = bytes + ? WHERE topic = ?", (size, topic))
        return partitions

    def _trim(self, connection: sqlite3.Connection, topics: set[str]) -> int:
        """Deletes some of the oldest rows that every group of the topic has consumed; returns how many."""
        trimmed = 0
        with self.transaction(connection):
            for topic in sorted(topics):
                consumed = connection.execute("SELECT partition, min(next) FROM positions WHERE topic = ? GROUP BY partition", (topic,)).fetchall()
                for partition, end in consumed:
                    ids = "SELECT rowid FROM log WHERE topic = ? AND partition = ? AND offset < ? ORDER BY offset LIMIT ?"
                    gone = connection.execute(f"DELETE FROM log WHERE rowid IN ({ids}) RETURNING bytes", (topic, partition, end, TRIM_ROWS)).fetchall()  # noqa: S608 - constant
                    trimmed += len(gone)
                    connection.execute("UPDATE topics SET bytes = bytes - ? WHERE topic = ?", (sum(size for (size,) in gone), topic))
        return trimmed

    def read(self, connection: sqlite3.Connection, place: TopicPartition, offset: int, limit: int) -> list[Delivery]:
        """At most `limit` records of a partition from `offset` on."""
        with self.named():
            rows = connection.execute(
                "SELECT offset, key, value, headers, timestamp FROM log WHERE topic = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?", (*place, offset, limit)
            ).fetchall()
        return [Delivery(*place, at, key, value, _unpack(headers), timestamp) for at, key, value, headers, timestamp in rows]

    def end(self, connection: sqlite3.Connection, place: TopicPartition) -> int:
        """The offset the next record of a partition will get."""
        row = connection.execute("SELECT next FROM ends WHERE topic = ? AND partition = ?", place).fetchone()
        return int(row[0]) if row else 0

    def begin(self, connection: sqlite3.Connection, place: TopicPartition) -> int:
        """The oldest offset that is still there, or the end."""
        first = connection.execute("SELECT min(offset) FROM log WHERE topic = ? AND partition = ?", place).fetchone()[0]
        return int(first) if first is not None else self.end(connection, place)

    def committed(self, connection: sqlite3.Connection, group: str, place: TopicPartition) -> int:
        """The offset from which a group goes on."""
        row = connection.execute("SELECT next FROM positions WHERE consumers = ? AND topic = ? AND partition = ?", (group, *place)).fetchone()
        return int(row[0]) if row else self.begin(connection, place)

    def places(self, connection: sqlite3.Connection, topic: str) -> list[TopicPartition]:
        """The partitions of a topic. Raises Retryable when it does not exist."""
        row = connection.execute("SELECT partitions FROM topics WHERE topic = ?", (topic,)).fetchone()
        if row is None:
            raise Retryable(f"topic {topic} does not exist: run `veedor migrate`")
        return [(topic, partition) for partition in range(row[0])]


def _pack(headers: Headers) -> bytes | None:
    return orjson.dumps([[name, value.decode("latin-1")] for name, value in headers]) if headers else None


def _unpack(raw: bytes | None) -> Headers:
    return tuple((name, value.encode("latin-1")) for name, value in orjson.loads(raw)) if raw else ()
