"""How every SQLite file of the house is set up: a write-ahead log, each commit on the disk when it returns, waiting for a lock instead of failing."""

from __future__ import annotations

import sqlite3
import threading
import time

LOCK_SECONDS = 30


def prepare(connection: sqlite3.Connection) -> None:
    """Sets the pragmas of a new connection. Raises sqlite3.OperationalError."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={LOCK_SECONDS * 1000}")
    _become_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def is_full(error: object) -> bool:
    """Whether SQLite could not write because the disk has no room; other systems' quotas are told as an I/O error and cannot be told apart."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _become_wal(connection: sqlite3.Connection) -> None:
    """Two connections that turn a new file into a WAL at once do not wait for each other: SQLite never calls the busy handler there."""
    deadline = time.monotonic() + LOCK_SECONDS
    pause = threading.Event()
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            pause.wait(0.01)
