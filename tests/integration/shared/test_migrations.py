"""Every service's migrations with rows in every table: step by step up, whole again after a step down and up, down to nothing, and from several processes at once."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Column, Connection, Date, DateTime, Float, Integer, LargeBinary, MetaData, Table, func, insert, select

from shared.database import SERVICES, Database

MIGRATED = sorted(path.parent.name for path in SERVICES.glob("*/migrations"))
VALUES: dict[type, Any] = {
    Boolean: True,
    Integer: 7,
    Float: 0.5,
    LargeBinary: b"{}",
    Date: dt.date(2026, 11, 25),
    DateTime: dt.datetime(2026, 11, 25, 9, 30, tzinfo=dt.UTC),
}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'a.db'}" if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


@pytest.fixture(params=MIGRATED)
def database(request: pytest.FixtureRequest, url: str) -> Iterator[Database]:
    """A service's database without a schema."""
    made = Database(url, request.param)
    made.migrate("base")
    yield made
    made.migrate("base")
    made.close()


def revisions(service: str) -> list[str]:
    """From the first to the newest."""
    config = Config()
    config.set_main_option("script_location", str(SERVICES / service / "migrations"))
    return [script.revision for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions()))]


def tables(database: Database, connection: Connection) -> dict[str, Table]:
    found = MetaData(schema=None if database.is_sqlite else database.service)
    found.reflect(connection)
    # An index of words is tables too on SQLite, but their rows are nobody's.
    own = connection.exec_driver_sql("SELECT name FROM pragma_table_list WHERE type IN ('virtual', 'shadow')").scalars().all() if database.is_sqlite else ()
    return {table.name: table for table in found.tables.values() if table.name not in ("alembic_version", *own)}


def value(column: Column[Any]) -> Any:
    """Something the column takes."""
    return next((found for kind, found in VALUES.items() if isinstance(column.type, kind)), "x")


def fill(database: Database) -> dict[str, int]:
    """A row in every table that has none; how many rows each has then."""
    with database.transaction() as session:
        connection = session.connection()
        for table in tables(database, connection).values():
            if not connection.execute(select(func.count()).select_from(table)).scalar_one():
                connection.execute(insert(table).values({column.name: value(column) for column in table.columns}))
    return counts(database)


def counts(database: Database) -> dict[str, int]:
    with database.reading() as session:
        connection = session.connection()
        return {name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in tables(database, connection).items()}


def test_rows_survive_every_step_up_and_a_step_down(database: Database) -> None:
    held: dict[str, int] = {}
    steps = revisions(database.service)
    for revision in steps:
        database.migrate(revision)
        assert {name: count for name, count in counts(database).items() if name in held} == held
        held = fill(database)
        assert all(held.values())
    for below in reversed(steps[:-1]):
        database.migrate(below, down=True)
        left = counts(database)
        assert left
        assert {name: held[name] for name in left} == left
    database.migrate()
    assert set(counts(database)) == set(held)


def test_a_schema_with_rows_goes_down_to_nothing_and_comes_back_empty(database: Database) -> None:
    database.migrate()
    before = fill(database)
    database.migrate("base")
    assert counts(database) == {}
    database.migrate()
    after = counts(database)
    assert set(after) == set(before)
    assert sum(after.values()) <= 1


CODE = "import sys; from shared.database import Database; Database(sys.argv[1], sys.argv[2]).migrate(sys.argv[3])"


def test_several_processes_at_once_migrate_once_and_keep_the_rows(database: Database) -> None:
    before = ["base", *revisions(database.service)][-2]
    database.migrate(before)
    held = fill(database)
    command = [sys.executable, "-c", CODE, database.url, database.service, "head"]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [(process.communicate(timeout=120)[1], process.returncode) for process in processes] == [("", 0)] * 4
    after = counts(database)
    assert {name: after[name] for name in held} == held
    with database.reading() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM alembic_version").scalar() == 1
