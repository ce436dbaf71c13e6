"""Searching alerts by words. In: what somebody typed; out: the condition over the alerts it names.

A word of the question is the beginning of a word of the alert, and the whole of one when it ends in a digit ("PL 598" is not "PL 5981").
The comparison decides; the index of words, which each database has its own of, only spares it the alerts that cannot match (PostgreSQL has no word of over 2,000 letters in its).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, and_, cast, func, literal, literal_column, select, table
from sqlalchemy.dialects.postgresql import TSQUERY

from services.alerting import tables
from services.alerting.phrasing import searchable

WORDS = "to_tsvector('simple', search)"
"""What PostgreSQL's index holds, word for word. SQLite's is a table of its own, `alert_words`, which triggers keep. Both are made by migration 0004."""
Word: TypeAlias = tuple[str, bool]
"""A word, and whether it is only the beginning of one."""


def matching(connection: Connection, question: str, few: int) -> ColumnElement[bool] | None:
    """The condition; None when nothing is asked for. Of more than `few` alerts a page is there sooner by reading on: an index of words gives all it has at once, in no order."""
    asked = [plain for word in question.split() if (plain := searchable(word))]
    if not asked:
        return None
    compared = and_(*(tables.alerts.c.search.contains(f" {plain} " if plain[-1].isdigit() else f" {plain}", autoescape=True) for plain in asked))
    words = list(_words(asked))
    if not words:
        return compared
    spared, expected = _sqlite(connection, words, few) if connection.dialect.name == "sqlite" else _postgres(connection, words, compared)
    return and_(spared, compared) if expected <= few else compared


def _words(asked: list[str]) -> Iterator[Word]:
    """The words an index can be asked for, less those that it may take apart ("5e6f"). Of several that were typed as one, only the last may be a beginning."""
    for plain in asked:
        *whole, last = plain.split()
        for word, begins in (*((word, False) for word in whole), (last, not last[-1].isdigit())):
            if word.isascii() and (word[0].isalpha() or word.isdigit()):
                yield word, begins


def _postgres(connection: Connection, words: Sequence[Word], compared: ColumnElement[bool]) -> tuple[ColumnElement[bool], int]:
    """What the index finds, and how many that is, as PostgreSQL expects of the comparison: of beginnings of words it expects the same whatever they are."""
    query = " & ".join(f"'{word}':*" if begins else f"'{word}'" for word, begins in words)
    asked = select(literal(1)).select_from(tables.alerts).where(compared).compile(connection)
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {asked}", asked.params).scalar_one()
    return literal_column(WORDS).op("@@", is_comparison=True)(cast(literal(query), TSQUERY)), plan[0]["Plan"]["Plan Rows"]


def _sqlite(connection: Connection, words: Sequence[Word], few: int) -> tuple[ColumnElement[bool], int]:
    """What the index finds, and how many that is, counted to one more than `few`."""
    query = " ".join(f'"{word}"*' if begins else f'"{word}"' for word, begins in words)
    found: Select[Any] = select(literal_column("rowid")).select_from(table("alert_words")).where(literal_column("alert_words").op("MATCH")(literal(query)))
    several = connection.execute(select(func.count()).select_from(found.limit(few + 1).subquery())).scalar_one()
    return literal_column("alerts.rowid").in_(found), several
