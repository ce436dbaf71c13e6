"""Many rows at once. In: a table and rows as mappings, or a statement; out: rows, as PostgreSQL and SQLite each take and give them fastest.

PostgreSQL gets rows that cannot conflict by COPY, others as one array a column (`unnest`): one statement, however many rows. SQLite, in our own process, gets them one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import orjson
from sqlalchemy import Column, ColumnElement, Connection, Select, Table, Text, TypeDecorator, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.exc import DBAPIError

Conflict = Literal["fail", "ignore", "replace"]
Row = Mapping[str, Any]
DIALECTS = ("sqlite", "postgresql")
"""The two we speak, by SQLAlchemy's names."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row], conflict: Conflict = "fail") -> None:
    """Rows with a value for the same columns each, and no primary key twice. `conflict`: what happens to one whose primary key is there already."""
    if not rows:
        return
    columns = tuple(rows[0])
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_one_by_one(table, columns, conflict), [_bound(table, columns, row) for row in rows])
    elif conflict == "fail":
        _copy(connection, table, columns, rows)
    else:
        connection.exec_driver_sql(_at_once(table, columns, conflict), tuple([row[name] for row in rows] for name in columns))


def read_rows(connection: Connection, statement: Select[Any], values: Row) -> Sequence[Any]:
    """Rows with the values as the driver gives them (no zone is added to a time). PostgreSQL sends them in binary: as text, bytes come at twice their size."""
    if connection.dialect.name == "sqlite":
        return connection.execute(statement, values).all()
    written = _written(statement)
    with _driver(connection, written) as cursor:
        found: Sequence[Any] = cursor.execute(written, values).fetchall()
        return found


@cache
def _written(statement: Select[Any]) -> str:
    return str(statement.compile(dialect=_POSTGRES))


def _copy(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    _check_integers(table, columns, rows)
    statement = f"COPY {_quoted(table.name)} ({_names(columns)}) FROM STDIN (FORMAT BINARY)"
    with _driver(connection, statement) as cursor, cursor.copy(statement) as copy:
        copy.set_types(_driver_types(table, columns))
        for row in rows:
            copy.write_row([row[name] for name in columns])


def _check_integers(table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """psycopg writes the low four bytes of an integer that has more, and says nothing."""
    for name, kind in zip(columns, _driver_types(table, columns), strict=True):
        if kind == "integer":
            values = [value for row in rows if (value := row[name]) is not None]
            if values and (max(values) > _MOST or min(values) < -_MOST - 1):
                raise OverflowError(f"{table.name}.{name} holds integers of four bytes: {max(values, key=abs)} is none")


@contextmanager
def _driver(connection: Connection, statement: str) -> Iterator[Any]:
    """psycopg's own cursor, in the same transaction: SQLAlchemy knows neither COPY nor binary answers. Its failures are SQLAlchemy's."""
    raw: Any = connection.connection.driver_connection
    failure = connection.dialect.loaded_dbapi.Error
    try:
        with raw.cursor(binary=True) as cursor:
            yield cursor
    except failure as error:
        raise DBAPIError.instance(statement, None, error, failure) from error


@cache
def _driver_types(table: Table, columns: tuple[str, ...]) -> list[str]:
    """The columns' types by PostgreSQL's names, without lengths: COPY takes values only in exactly these."""
    found = [_type_of(table, name).partition("(")[0].lower() for name in columns]
    return ["float8" if name == "float" else name for name in found]


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> set[Any]:
    """Inserts the rows whose (single) primary key is not there yet, and returns those keys. The database decides: two writers never both call a row new."""
    if not rows:
        return set()
    columns, key = tuple(rows[0]), table.primary_key.columns[0]
    if connection.dialect.name == "sqlite":
        # The only writer holds the database from its first statement on: nobody adds between these two.
        known = set(connection.exec_driver_sql(_known(table, key), (_json([row[key.name] for row in rows]),)).scalars())
        fresh = [row for row in rows if row[key.name] not in known]
        insert_rows(connection, table, fresh)
        return {row[key.name] for row in fresh}
    statement = f"{_at_once(table, columns, 'ignore')} RETURNING {key.name}"
    return set(connection.exec_driver_sql(statement, tuple([row[name] for row in rows] for name in columns)).scalars())


class _Many(TypeDecorator[Sequence[str]]):
    """A list of texts as one parameter: JSON on SQLite, an array on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else postgresql.ARRAY(Text))

    def process_bind_param(self, value: Sequence[str] | None, dialect: Any) -> Any:
        return _json(value or ()) if dialect.name == "sqlite" else list(value or ())


def among(dialect: str, column: Column[str], name: str) -> ColumnElement[bool]:
    """That a column has one of the many values of the parameter `name`: a statement that can be built once, however many there will be."""
    values = bindparam(name, type_=_Many())
    if dialect == "sqlite":
        return column.in_(select(func.json_each(values).table_valued("value").c.value))
    return column == any_(values)


@cache
def _known(table: Table, key: Column[Any]) -> str:
    return f"SELECT {_quoted(key.name)} FROM {_quoted(table.name)} WHERE {_quoted(key.name)} IN (SELECT value FROM json_each(?))"  # noqa: S608 - names of our own tables


def _json(values: Sequence[str]) -> str:
    return orjson.dumps(list(values)).decode()


@cache
def _at_once(table: Table, columns: tuple[str, ...], conflict: Conflict) -> str:
    arrays = ", ".join(f"%b::{_type_of(table, name)}[]" for name in columns)
    return f"INSERT INTO {_quoted(table.name)} ({_names(columns)}) SELECT * FROM unnest({arrays}){_on_conflict(table, columns, conflict)}"  # noqa: S608 - names of our own tables


def _type_of(table: Table, name: str) -> str:
    return str(table.columns[name].type.compile(postgresql.dialect()))  # type: ignore[no-untyped-call]


@cache
def _one_by_one(table: Table, columns: tuple[str, ...], conflict: Conflict) -> str:
    return f"INSERT INTO {_quoted(table.name)} ({_names(columns)}) VALUES ({', '.join('?' * len(columns))}){_on_conflict(table, columns, conflict)}"  # noqa: S608 - names of our own tables


def _on_conflict(table: Table, columns: tuple[str, ...], conflict: Conflict) -> str:
    if conflict == "fail":
        return ""
    keys = tuple(column.name for column in table.primary_key)
    changes = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in columns if name not in keys)
    return f" ON CONFLICT ({_names(keys)}) DO " + (f"UPDATE SET {changes}" if conflict == "replace" else "NOTHING")


def _names(columns: Sequence[str]) -> str:
    return ", ".join(map(_quoted, columns))


def _quoted(name: str) -> str:
    return f'"{name}"'


def _bound(table: Table, columns: tuple[str, ...], row: Row) -> tuple[Any, ...]:
    """A row as sqlite3 takes it: days and moments by the column's own type."""
    return tuple([bind(row[name]) if bind else row[name] for name, bind in _binders(table, columns)])


@cache
def _binders(table: Table, columns: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, table.columns[name].type.dialect_impl(_SQLITE).bind_processor(_SQLITE)) for name in columns)


_MOST = 2**31 - 1
_SQLITE = sqlite.dialect()
_POSTGRES = psycopg.dialect()  # type: ignore[no-untyped-call]
