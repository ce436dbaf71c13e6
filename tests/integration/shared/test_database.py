"""One way to a database, on SQLite and PostgreSQL: times keep their zone, transactions roll back, failures have a name, migrations bear company."""

from __future__ import annotations

import datetime as dt
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Column, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import Field, Session, SQLModel, select

from shared.database import SERVICES, Database, Utc
from shared.errors import Refused, Retryable
from shared.sqlite import prepare
from tests.parts.waiting import free_port

LIMA = dt.timezone(dt.timedelta(hours=-5))
MIGRATED = sorted(path.parent.name for path in SERVICES.glob("*/migrations"))


class Note(SQLModel, table=True):
    """A row with a time, for these tests."""

    __tablename__ = "note"
    id: int | None = Field(default=None, primary_key=True)
    at: dt.datetime | None = Field(default=None, sa_column=Column(Utc))
    words: str = ""


@pytest.fixture
def notes(database: Database) -> Database:
    with database.transaction() as session:
        Note.__table__.create(session.connection())  # type: ignore[attr-defined]
    return database


def test_a_time_comes_back_in_utc(notes: Database) -> None:
    moment = dt.datetime(2026, 7, 28, 23, 30, 0, 123456, tzinfo=LIMA)
    with notes.transaction() as session:
        session.add(Note(id=1, at=moment))
        session.add(Note(id=2, at=None))
    with notes.reading() as session:
        rows = {row.id: row.at for row in session.exec(select(Note))}
    assert rows[1] == moment
    assert rows[1].tzinfo is dt.UTC or rows[1].utcoffset() == dt.timedelta(0)
    assert rows[2] is None


def test_a_time_without_zone_is_refused(notes: Database) -> None:
    with pytest.raises(StatementError, match="no time zone"), notes.transaction() as session:
        session.add(Note(id=1, at=dt.datetime(2026, 7, 28)))  # noqa: DTZ001 - that is the point


def test_a_note_is_kept_and_only_its_own_transaction_does_not_wait_for_the_disk(notes: Database) -> None:
    asked = text("PRAGMA synchronous" if notes.is_sqlite else "SHOW synchronous_commit")
    waits = []
    if not notes.is_sqlite:
        with notes.transaction() as session:
            session.connection().execute(text("SET synchronous_commit = on"))  # the tests' server does without
    for opened in (notes.transaction, notes.noting, notes.transaction):
        with opened() as session:
            waits.append(session.connection().execute(asked).scalar_one())
            session.add(Note(words=opened.__name__))
    assert waits == ([2, 1, 2] if notes.is_sqlite else ["on", "off", "on"])
    with notes.reading() as session:
        assert [row.words for row in session.exec(select(Note))] == ["transaction", "noting", "transaction"]


def test_a_transaction_that_raises_leaves_nothing(notes: Database) -> None:
    with pytest.raises(ZeroDivisionError), notes.transaction() as session:
        _write_half_and_break(session)
    assert count(notes) == 0


def test_a_transaction_that_ends_is_kept_and_its_rows_stay_usable(notes: Database) -> None:
    with notes.transaction() as session:
        row = Note(words="whole")
        session.add(row)
    assert row.words == "whole"
    assert row.id is not None
    assert count(notes) == 1


def test_a_constraint_is_no_outage(notes: Database) -> None:
    with notes.transaction() as session:
        session.add(Note(id=1))
    with pytest.raises(IntegrityError), notes.transaction() as session:
        session.add(Note(id=1))
    assert count(notes) == 1


def test_reading_sees_one_moment(notes: Database) -> None:
    with notes.reading() as session:
        if not notes.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        assert not list(session.exec(select(Note)))
        with notes.transaction() as other:
            other.add(Note(id=1))
        assert not list(session.exec(select(Note)))
    assert count(notes) == 1


def test_transactions_that_read_before_they_write_take_turns(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}", "test")
    with database.transaction() as session:
        Note.__table__.create(session.connection())  # type: ignore[attr-defined]
        session.add(Note(id=1, words="0"))

    def add_one(_: int) -> None:
        with database.transaction() as session:
            row = session.get(Note, 1)
            assert row is not None
            row.words = str(int(row.words) + 1)
            session.add(row)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(40)))
    with database.reading() as session:
        assert session.get(Note, 1).words == "40"  # type: ignore[union-attr]
    database.close()


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}", "test")
    with database.transaction() as session:
        Note.__table__.create(session.connection())  # type: ignore[attr-defined]
    with database.transaction() as session:
        session.add(Note(id=1))
        session.flush()
        assert count(database) == 0
    database.close()


def test_a_sqlite_file_is_durable_and_checks_foreign_keys(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'deep' / 'a.db'}", "test")
    with database.reading() as session:
        pragmas = [session.connection().execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous", "foreign_keys")]
    assert pragmas == ["wal", 2, 1]
    database.close()


def test_many_connections_may_open_a_new_sqlite_file_at_once(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def open_one(path: Path) -> None:
        start.wait()
        connection = sqlite3.connect(path)
        prepare(connection)
        connection.close()

    for number in range(10):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(open_one, [tmp_path / f"{number}.db"] * 8))


def test_a_file_that_cannot_be_opened_is_retryable_and_not_ready(tmp_path: Path) -> None:
    (tmp_path / "a.db").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'a.db'}", "test")
    assert not database.ready()
    with pytest.raises(Retryable, match="database of test"), database.transaction() as session:
        session.connection()
    database.close()


def test_a_server_that_is_not_there_is_retryable_and_not_ready() -> None:
    database = Database(f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/x", "test")
    assert not database.ready()
    with pytest.raises(Retryable, match="database of test"), database.transaction() as session:
        session.connection()
    database.close()


def test_a_connection_that_is_lost_is_retryable(postgres: str) -> None:
    database = Database(postgres, "test")
    assert database.ready()
    with pytest.raises(Retryable), database.transaction() as session:
        _cut_own_connection(database, session)
    assert database.ready()
    database.close()


def test_there_are_services_with_migrations() -> None:
    assert MIGRATED


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("service", MIGRATED)
def test_migrations_go_up_down_and_up_again(request: pytest.FixtureRequest, tmp_path: Path, service: str, kind: str) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}" if kind == "sqlite" else request.getfixturevalue("postgres")
    database = Database(url, service)
    database.migrate()
    tables = table_names(database)
    assert len(tables) > 1
    database.migrate("base")
    assert table_names(database) <= {"alembic_version"}
    database.migrate()
    database.migrate()
    assert table_names(database) == tables
    database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_several_processes_may_migrate_at_once(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    service = MIGRATED[0]
    url = f"sqlite:///{tmp_path / 'a.db'}" if kind == "sqlite" else request.getfixturevalue("postgres")
    code = "import sys; from shared.database import Database; Database(sys.argv[1], sys.argv[2]).migrate()"
    processes = [subprocess.Popen([sys.executable, "-c", code, url, service], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(process.communicate(timeout=60)[1], process.returncode) for process in processes] == [("", 0)] * 3
    database = Database(url, service)
    assert len(table_names(database)) > 1
    database.close()


def _write_half_and_break(session: Session) -> None:
    session.add(Note(id=1, words="half"))
    session.flush()
    raise ZeroDivisionError


def _cut_own_connection(database: Database, session: Session) -> None:
    mine = session.connection().execute(text("SELECT pg_backend_pid()")).scalar()
    with database.transaction() as other:
        other.connection().execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
    session.connection().execute(text("SELECT 1"))


def count(database: Database) -> int:
    with database.reading() as session:
        return len(session.exec(select(Note)).all())


def table_names(database: Database) -> set[str]:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if database.is_sqlite
        else f"SELECT tablename FROM pg_tables WHERE schemaname = '{database.service}'"
    )
    with database.reading() as session:
        return names(session, query)


def names(session: Session, query: str) -> set[str]:
    return {row[0] for row in session.connection().execute(text(query))}


@pytest.mark.parametrize("address", ["u:hunter2@host:port/name", "u:hunter2@[::1/name"])
def test_an_address_that_cannot_be_read_is_refused_by_name_and_without_its_password(address: str) -> None:
    with pytest.raises(Refused, match="VEEDOR_DATABASE") as refused:
        Database(f"postgresql+psycopg://{address}", "service")
    assert "hunter2" not in str(refused.value)
