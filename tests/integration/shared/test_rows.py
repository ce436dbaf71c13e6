"""Many rows in one statement, on both databases: the same rows stand afterwards, whatever the types."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Connection, Date, Float, Integer, LargeBinary, MetaData, String, Table, Text, bindparam, select, text
from sqlalchemy.exc import IntegrityError

from shared.database import Database, Utc
from shared.errors import Retryable
from shared.rows import insert_new, insert_rows, read_rows

THINGS = Table(
    "things",
    MetaData(),
    Column("id", String(32), primary_key=True),
    Column("index", Integer),
    Column("large", BigInteger),
    Column("told", Boolean),
    Column("size", Float),
    Column("day", Date),
    Column("moment", Utc),
    Column("raw", LargeBinary),
    Column("words", Text),
)
DAY, MOMENT = dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC)


def row(name: str, **changes: object) -> dict[str, object]:
    return {"id": name, "index": 70_000, "large": 2**40, "told": True, "size": 0.5, "day": DAY, "moment": MOMENT, "raw": b"\x00\xff", "words": "año, {\"\\'} NULL"} | changes


@pytest.fixture
def things(database: Database) -> Database:
    with database.transaction() as session:
        THINGS.create(session.connection())
    return database


def stored(database: Database) -> dict[str, dict[str, object]]:
    with database.reading() as session:
        return {found["id"]: dict(found) for found in session.connection().execute(select(THINGS)).mappings()}


def test_all_types_come_back_as_they_went_in(things: Database) -> None:
    rows = [
        row("a"),
        row("b", index=None, large=None, told=None, size=None, day=None, moment=None, raw=None, words=None),
        row("c", index=1, told=False, words="señal\t\\N\u2028😀"),
    ]
    with things.transaction() as session:
        insert_rows(session.connection(), THINGS, rows)
    assert list(stored(things).values()) == rows


def test_a_column_of_nothing_but_nulls_is_taken(things: Database) -> None:
    with things.transaction() as session:
        insert_rows(session.connection(), THINGS, [row("a", raw=None, index=None), row("b", raw=None, index=None)])
    assert stored(things)["b"]["raw"] is None


def test_what_stands_under_the_key_is_replaced_kept_or_refused_as_told(things: Database) -> None:
    with things.transaction() as session:
        connection = session.connection()
        insert_rows(connection, THINGS, [row("a", words="first"), row("b", words="first")])
        insert_rows(connection, THINGS, [row("a", words="second"), row("c", words="second")], "replace")
        insert_rows(connection, THINGS, [row("b", words="third"), row("d", words="third")], "ignore")
    assert {name: found["words"] for name, found in stored(things).items()} == {"a": "second", "b": "first", "c": "second", "d": "third"}
    with pytest.raises(IntegrityError), things.transaction() as session:
        insert_rows(session.connection(), THINGS, [row("e"), row("a")])
    assert "e" not in stored(things)


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**40])
def test_an_integer_that_does_not_fit_its_column_is_an_error_and_never_another_integer(things: Database, number: int) -> None:
    if things.is_sqlite:
        pytest.skip("a column of SQLite takes any integer")
    with pytest.raises(OverflowError, match=r"things\.index .* four bytes"), things.transaction() as session:
        insert_rows(session.connection(), THINGS, [row("a", index=None), row("b", index=number), row("c")])
    with things.transaction() as session:
        insert_rows(session.connection(), THINGS, [row("least", index=-(2**31)), row("most", index=2**31 - 1)])
    assert {name: found["index"] for name, found in stored(things).items()} == {"least": -(2**31), "most": 2**31 - 1}


def test_only_new_keys_are_named(things: Database) -> None:
    with things.transaction() as session:
        assert insert_new(session.connection(), THINGS, [row("a"), row("b")]) == {"a", "b"}
        assert insert_new(session.connection(), THINGS, [row("b"), row("c")]) == {"c"}
        assert insert_new(session.connection(), THINGS, []) == set()


def test_a_server_that_is_gone_meanwhile_is_told_as_such_and_the_next_transaction_works(things: Database) -> None:
    if things.is_sqlite:
        pytest.skip("there is no server")
    with pytest.raises(Retryable), things.transaction() as session:
        _insert_after_the_server_hung_up(things, session.connection())
    with things.transaction() as session:
        insert_rows(session.connection(), THINGS, [row("b")])
    assert set(stored(things)) == {"b"}


def test_what_is_large_is_compressed_the_quick_way_where_the_server_knows_it(things: Database) -> None:
    if things.is_sqlite:
        pytest.skip("SQLite compresses nothing")
    with things.transaction() as session:
        known = session.execute(text("SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")).scalar_one()
        insert_rows(session.connection(), THINGS, [row("a", words="the same words again and again " * 1000)])
        used = session.execute(text("SELECT pg_column_compression(words) FROM things")).scalar_one()
    assert used == ("lz4" if known else "pglz")


def _insert_after_the_server_hung_up(things: Database, connection: Connection) -> None:
    mine = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with things.reading() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
    insert_rows(connection, THINGS, [row("a")])


def test_rows_are_read_as_they_were_written(things: Database) -> None:
    wanted = select(THINGS.c.id, THINGS.c.large, THINGS.c.raw, THINGS.c.words).where(THINGS.c.index > bindparam("above")).order_by(THINGS.c.id).limit(bindparam("most"))
    with things.transaction() as session:
        insert_rows(session.connection(), THINGS, [row(name, raw=bytes(range(256)), words="señal 100 %") for name in "abc"])
        found = read_rows(session.connection(), wanted, {"above": 1, "most": 2})
    assert [tuple(one) for one in found] == [(name, 2**40, bytes(range(256)), "señal 100 %") for name in "ab"]
