"""The tables of ingest, on a base of its own: moves as they stand, their names, everything observed, the outbox, replay cursors, sources."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database import Utc

Serial = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts only columns of exactly INTEGER."""


class Base(SQLModel, registry=registry()):
    """Base of every table here."""


class MoveRow(Base, table=True):
    """A move as it stands: `content` is the Move's canonical JSON, `as_of` the day of the last event about it, `changed_on` the day of the last revision."""

    __tablename__ = "moves"
    __table_args__ = (
        Index("moves_to_issue", "pending", "as_of"),
        Index("moves_to_end", "pending", "lapses_on"),
        Index("moves_listed", "changed_on", "move_id"),
        Index("moves_updated", "updated_at"),
    )

    move_id: str = Field(primary_key=True, max_length=200)
    country: str = Field(max_length=2)
    period: str = Field(max_length=20)
    stage: str = Field(max_length=30)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    search: str = Field(sa_column=Column(Text, nullable=False))
    provenance: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    revision: int
    pending: bool
    lapses_on: dt.date | None = None
    watched_until: dt.date
    backfill: bool
    exercise: bool
    as_of: dt.date
    changed_on: dt.date
    updated_at: dt.datetime = Field(sa_column=Column(Utc, nullable=False))


class AliasRow(Base, table=True):
    """A name of a move: `alias` is country|scope|series:value and belongs to one move; `name` (series:value) finds it when nobody knows the period."""

    __tablename__ = "aliases"

    alias: str = Field(primary_key=True, max_length=300)
    name: str = Field(index=True, max_length=260)
    scope: str = Field(max_length=30)
    move_id: str = Field(max_length=200)


class ObservationRow(Base, table=True):
    """One thing a source said, never changed: `content` is its canonical JSON, `digest` what makes it the same thing."""

    __tablename__ = "observations"

    id: int | None = Field(default=None, sa_column=Column(Serial, primary_key=True, autoincrement=True))
    digest: str = Field(unique=True, max_length=32)
    move_id: str = Field(index=True, max_length=200)
    content: str = Field(sa_column=Column(Text, nullable=False))
    source: str = Field(max_length=300)
    as_of: dt.date
    recorded_at: dt.datetime = Field(sa_column=Column(Utc, nullable=False))


class OutboxRow(Base, table=True):
    """An event that is not published yet; gone once it is."""

    __tablename__ = "outbox"
    __table_args__ = ({"sqlite_autoincrement": True},)

    position: int | None = Field(default=None, sa_column=Column(Serial, primary_key=True, autoincrement=True))
    topic: str = Field(max_length=200)
    key: str = Field(max_length=200)
    value: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ProgressRow(Base, table=True):
    """How far a replay came: the last day that is wholly in."""

    __tablename__ = "progress"

    name: str = Field(primary_key=True, max_length=100)
    day: dt.date


class SourceRow(Base, table=True):
    """Something that tells us of moves, when it last did and how much in all (observations)."""

    __tablename__ = "sources"

    source: str = Field(primary_key=True, max_length=300)
    kind: str = Field(max_length=20)
    last_seen: dt.datetime = Field(sa_column=Column(Utc, nullable=False))
    count: int = Field(sa_column=Column(BigInteger, nullable=False))
    trouble: str | None = Field(default=None, sa_column=Column(Text))
