"""Many rows into one table inside the caller's transaction, as cheaply as the database takes them. In: a session, a table, rows; out: nothing, they are written.

PostgreSQL takes them by COPY, one statement a table and batch: it and the writer spend a fraction of what a statement a row costs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Date, DateTime, Float, Integer, LargeBinary, String, Table, TypeDecorator, insert
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

WIRE = {BigInteger: "int8", Integer: "int4", String: "text", LargeBinary: "bytea", Boolean: "bool", Date: "date", Float: "float8", DateTime: "timestamptz"}
"""How COPY is told a column's type."""

FEW = 3
"""Up to so many rows a plain statement is the cheaper one."""

Row = Mapping[str, Any]


def write_rows(session: Session, table: Table, rows: Sequence[Row]) -> None:
    """Inserts `rows`, which name the same columns each. Raises IntegrityError for a row that is there already."""
    if not rows:
        return
    connection = session.connection()
    if connection.dialect.name == "postgresql" and len(rows) > FEW:
        _copy(connection, table, rows)
    else:
        connection.execute(insert(table), list(rows))


def _copy(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    names = tuple(rows[0])
    statement, types = _told(table, names)
    driver = connection.dialect.loaded_dbapi
    try:
        with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
            copy.set_types(types)
            for row in rows:
                copy.write_row([row[name] for name in names])
    except driver.Error as error:
        # Named as SQLAlchemy names what its own statements meet.
        raise DBAPIError.instance(statement, None, error, driver.Error, dialect=connection.dialect) from error


@cache
def _told(table: Table, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The statement and the columns' types on the wire."""
    quoted = ", ".join(f'"{name}"' for name in names)
    return f'COPY "{table.name}" ({quoted}) FROM STDIN (FORMAT BINARY)', tuple(_wire(table, name) for name in names)


def _wire(table: Table, name: str) -> str:
    kind = table.columns[name].type
    plain = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    return next(wire for base, wire in WIRE.items() if isinstance(plain, base))
