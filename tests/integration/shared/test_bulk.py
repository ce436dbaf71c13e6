"""Rows in bulk: on both databases what is read back is what a plain statement would have written, and what goes wrong has the same names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Date, Float, Integer, LargeBinary, MetaData, String, Table, Text, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from shared.bulk import FEW, Row, write_rows
from shared.database import Database, Utc
from shared.errors import Retryable

MANY = FEW + 20
LIMA = dt.timezone(dt.timedelta(hours=-5))
THINGS = Table(
    "things",
    MetaData(),
    Column("name", String(40), primary_key=True),
    Column("words", Text),
    Column("small", Integer),
    Column("large", BigInteger),
    Column("share", Float),
    Column("raw", LargeBinary),
    Column("told", Boolean),
    Column("day", Date),
    Column("at", Utc),
    Column("serial", BigInteger().with_variant(Integer, "sqlite"), server_default=text("7")),
)


@pytest.fixture
def things(database: Database) -> Database:
    with database.transaction() as session:
        THINGS.create(session.connection())
    return database


def thing(number: int, **said: Any) -> dict[str, Any]:
    return {
        "name": f"n{number}",
        "words": "señal\t\\N\n'\"\u2028😀",
        "small": number - 5,
        "large": 2**40 + number,
        "share": number / 7,
        "raw": bytes(range(256)),
        "told": number % 2 == 0,
        "day": dt.date(2026, 11, 25),
        "at": dt.datetime(2026, 11, 25, 23, 30, 1, 5, tzinfo=LIMA),
    } | said


def kept(database: Database) -> list[dict[str, Any]]:
    with database.reading() as session:
        return [dict(row) for row in session.connection().execute(select(THINGS).order_by(THINGS.c.large)).mappings()]


@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, MANY])
def test_what_is_written_is_read_back(things: Database, count: int) -> None:
    rows = [thing(number) for number in range(count)]
    with things.transaction() as session:
        write_rows(session, THINGS, rows)
    assert kept(things) == [row | {"serial": 7} for row in rows]


def test_nothing_is_kept_as_nothing(things: Database) -> None:
    empty = dict.fromkeys(("words", "small", "share", "raw", "told", "day", "at"))
    with things.transaction() as session:
        write_rows(session, THINGS, [thing(number, **empty) for number in range(MANY)])
    assert [{name: row[name] for name in empty} for row in kept(things)] == [empty] * MANY


def test_a_row_that_is_there_already_is_no_outage_and_takes_the_whole_transaction_with_it(things: Database) -> None:
    rows = [thing(number) for number in range(MANY)]
    with pytest.raises(IntegrityError), things.transaction() as session:
        _write_twice(session, rows)
    assert kept(things) == []


def _write_twice(session: Session, rows: Sequence[Row]) -> None:
    write_rows(session, THINGS, rows)
    write_rows(session, THINGS, [*(row | {"name": f"other {row['name']}"} for row in rows), rows[0]])


def test_a_server_that_goes_away_in_between_is_an_outage_and_found_again(postgres: str) -> None:
    database = Database(postgres, "public")
    with database.transaction() as session:
        THINGS.create(session.connection())
    with pytest.raises(Retryable), database.transaction() as session:
        _lose_and_write(database, session)
    with database.transaction() as session:
        write_rows(session, THINGS, [thing(number) for number in range(MANY)])
    assert len(kept(database)) == MANY
    database.close()


def _lose_and_write(database: Database, session: Session) -> None:
    own = session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one()
    with database.transaction() as other:
        other.connection().execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
    write_rows(session, THINGS, [thing(number) for number in range(MANY)])
