"""Alerting on real files: a store over SQLite (or PostgreSQL), and a process that can be broken and started again on the same files."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from services.alerting import tables
from services.alerting.store import Store
from shared.database import Database
from tests.unit.alerting.sample import pack

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ORIGIN = "veedor/test"


@dataclass
class Clock:
    """Real time for tests: a second later at every look."""

    at: dt.datetime = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        self.at += dt.timedelta(seconds=1)
        return self.at


def sqlite(folder: Path) -> Database:
    return migrated(f"sqlite:///{folder / 'alerting.db'}")


def migrated(url: str) -> Database:
    database = Database(url, "alerting")
    database.migrate()
    return database


def store(database: Database, clock: Callable[[], dt.datetime] | None = None, written: Callable[[], object] = lambda: None, salt: Callable[[], bytes] | None = None) -> Store:
    return Store(database, pack(), KEY, ORIGIN, clock or Clock(), written=written, salt=salt or (lambda: b"s" * 16))


def rows(database: Database, name: str) -> list[dict[str, object]]:
    """All of a table, by primary key."""
    table = getattr(tables, name)
    with database.reading() as session:
        return [dict(row._mapping) for row in session.connection().execute(select(table).order_by(*table.primary_key))]


def items(database: Database) -> dict[str, dict[str, object]]:
    return {str(row["alert_id"]): orjson.loads(bytes(row["item"])) for row in rows(database, "alerts")}  # type: ignore[call-overload]


class KilledError(RuntimeError):
    """The process ended here."""


@dataclass
class Dies:
    """A callable that ends the process at its `nth` call, and does what it wraps at all others."""

    inner: Callable[[], object]
    nth: int
    calls: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __call__(self) -> object:
        if next(self.calls) == self.nth:
            raise KilledError
        return self.inner()
