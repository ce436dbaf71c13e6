"""One way to reach a database: SQLModel on SQLite or PostgreSQL, a schema a service, transactions that roll back by default."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, DateTime, Engine, MetaData, TypeDecorator, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, TimeoutError
from sqlalchemy.pool import QueuePool
from sqlmodel import Session

from shared.errors import DiskFull, Refused, Retryable
from shared.sqlite import is_full, prepare

SERVICES = Path(__file__).resolve().parent.parent / "services"


class Utc(TypeDecorator[dt.datetime]):
    """A point in time, always with zone UTC, on databases that keep the zone and on those that drop it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        """Raises ValueError for a time without zone: it would be taken for this machine's."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone")
        return value.astimezone(dt.UTC) if value is not None else None

    def process_result_value(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def _sqlite_engine(url: str) -> Engine:
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    # The connection used last goes first: another would read its pages anew after each write that was not its own.
    engine = create_engine(url, poolclass=QueuePool, pool_use_lifo=True, pool_size=8, max_overflow=32, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        prepare(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A transaction that starts by reading cannot be made a writing one while another writes: writers say so first.
        options, raw = connection.get_execution_options(), connection.connection.dbapi_connection
        if options.get("writes"):
            raw.execute("PRAGMA synchronous=NORMAL" if options.get("hasty") else "PRAGMA synchronous=FULL")
        raw.execute("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")

    return engine


def _postgres_engine(url: str, service: str) -> Engine:
    # A plan made while a table was empty reads all of it, and a kept one does so for as long as nobody analyses the table: we plan by what the tables hold now.
    options = f"-csearch_path={service} -cplan_cache_mode=force_custom_plan"
    engine = create_engine(_address(url), pool_size=4, max_overflow=12, pool_pre_ping=True, connect_args={"options": options, "connect_timeout": 5})

    @event.listens_for(engine, "connect")
    def _compress(connection: Any, _record: Any) -> None:
        # What is large (ledger entries, assessments) is compressed: by the server's own way that took three times as long. One built without lz4 keeps its own.
        connection.execute(_LZ4)
        connection.commit()

    return engine


def _address(url: str) -> URL:
    """Raises Refused, without the words of the failure: they may quote a part of the password."""
    try:
        return make_url(url)
    except (ValueError, ArgumentError):
        raise Refused("must be `postgresql+psycopg://user:password@host:port/name`, with a number for the port", field="VEEDOR_DATABASE") from None


_LZ4 = "SELECT set_config(name, 'lz4', false) FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)"


class Database:
    """A service's own database. `transaction()` writes, `reading()` reads; both close what they open."""

    def __init__(self, url: str, service: str) -> None:
        self.url = url
        self.service = service
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgres_engine(url, service)
        self.writer = self.engine.execution_options(writes=True)
        self.hasty = self.engine.execution_options(writes=True, hasty=True)
        # SQLite's own waiting for its one writer sleeps in growing steps; a lock hands over at once.
        self.turn: AbstractContextManager[object] = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One write transaction: committed when the block ends, rolled back when it raises. Raises Retryable when the database does not answer."""
        with self.turn, _named(self.service), Session(self.writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def noting(self) -> Iterator[Session]:
        """A write transaction that does not wait for the disk: losing it with the power (never by a crash of ours) costs a repetition and nothing else."""
        with self.turn, _named(self.service), Session(self.hasty, expire_on_commit=False) as session, session.begin():
            if not self.is_sqlite:
                session.connection().execute(_HASTY)
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view that writes nothing."""
        with _named(self.service), Session(self.engine, expire_on_commit=False) as session:
            yield session

    def ready(self) -> bool:
        try:
            with self.reading() as session:
                session.connection().execute(text("SELECT 1"))
        except Retryable:
            return False
        return True

    def migrate(self, revision: str = "head", *, down: bool = False) -> None:
        """Brings the schema up to `revision` (Alembic), or down to it (`base` is always down); safe to run from several processes at once."""
        # Alembic takes as long to load as the rest of us together: only who migrates waits for it.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(SERVICES / self.service / "migrations"))
        with _named(self.service), self.writer.connect() as connection, connection.begin():
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('veedor migrate'))"))
                connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{self.service}"'))
            config.attributes["connection"] = connection
            if down or revision == "base":
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)

    def close(self) -> None:
        self.engine.dispose()


def open_database(url: str, service: str) -> Database:
    """The service's own database; the embedded one is brought to the newest schema at once, a server's by `veedor migrate`."""
    database = Database(url, service)
    if database.is_sqlite:
        database.migrate()
    return database


_HASTY = text("SET LOCAL synchronous_commit = off")


@contextmanager
def _named(service: str) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise (DiskFull if is_full(error.orig) else Retryable)(f"database of {service}: {error.orig}") from error
    except sqlite3.OperationalError as error:
        # Setting up a new connection is outside what SQLAlchemy translates.
        raise (DiskFull if is_full(error) else Retryable)(f"database of {service}: {error}") from error
    except TimeoutError as error:
        raise Retryable(f"database of {service}: all connections are in use") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Retryable(f"database of {service}: connection lost: {error.orig}") from error
        raise


def run_migrations(metadata: MetaData) -> None:
    """What every `services/*/migrations/env.py` calls: runs on the connection `Database.migrate` hands over."""
    from alembic import context

    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite", transactional_ddl=False)
    context.run_migrations()
