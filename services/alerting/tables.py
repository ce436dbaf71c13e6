"""The tables of alerting. What people read of an alert is one JSON value (`item`); the columns beside it exist to filter and sort."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Index, LargeBinary, Table, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database import Utc

MARKED = text("tlp_rank > 1")
"""Above TLP:GREEN, which alerts are unless somebody marks them: few, and an index holds only those."""

REVISED = text("lifecycle = 'Update'")
"""Open and revised since: of history that was imported there may be none. An index holds only those, so that no other alert pays for it."""

EXERCISES: dict[str, Any] = {"postgresql_where": text("exercise IS true"), "sqlite_where": text("exercise IS 1")}


class Base(SQLModel, registry=registry()):
    """A registry of our own: the metadata of this service and of no other."""


class AssessmentRow(Base, table=True):
    """Every assessment taken, once, compact: the history of a move's level and risk."""

    __tablename__ = "assessments"
    __table_args__ = (Index("assessments_of_a_move", "move_id", "as_of"), Index("assessments_by_day", "as_of"))

    event_id: str = Field(primary_key=True, max_length=32)
    move_id: str = Field(sa_type=Text)
    revision: int
    as_of: dt.date
    level: str = Field(max_length=16)
    risk: float
    direction: str = Field(max_length=16)
    stage: str = Field(max_length=16)


class MoveRow(Base, table=True):
    """The newest assessment of each move and what the move adds to pressure (`latest`: the MoveAssessed as JSON, empty when no alert ever stood for the move)."""

    __tablename__ = "moves"

    move_id: str = Field(primary_key=True, sa_type=Text)
    revision: int
    as_of: dt.date
    weight: float
    targets: str = Field(max_length=200)
    latest: bytes = Field(sa_type=LargeBinary)


class AlertRow(Base, table=True):
    """An alert as it stands. `sequence` is its last ledger entry, `recorded_at` when that was written, `updated_at` when any figure last changed (UTC)."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("alerts_by_change", "changed_as_of", "sequence"),
        Index("alerts_by_risk", "risk", "sequence"),
        Index("alerts_by_peak", "peak_rank", "peak_risk", "sequence"),
        Index("alerts_by_level", "level_rank", "changed_as_of", "sequence"),
        Index("alerts_by_stage", "stage", "changed_as_of", "sequence"),
        Index("alerts_by_direction", "direction", "changed_as_of", "sequence"),
        Index("alerts_by_country", "country", "changed_as_of", "sequence"),
        Index("alerts_of_exercises", "changed_as_of", "sequence", **EXERCISES),
        Index("alerts_revised", "changed_as_of", "sequence", postgresql_where=REVISED, sqlite_where=REVISED),
        Index("alerts_marked", "tlp_rank", postgresql_where=MARKED, sqlite_where=MARKED),
        Index("alerts_by_kind", "kind", "country"),
    )

    alert_id: str = Field(primary_key=True, sa_type=Text)
    move_id: str = Field(sa_type=Text)
    kind: str = Field(max_length=16)
    lifecycle: str = Field(max_length=16)
    level: str = Field(max_length=16)
    level_rank: int
    peak_level: str = Field(max_length=16)
    peak_rank: int
    peak_risk: float
    direction: str = Field(max_length=16)
    stage: str = Field(max_length=16)
    country: str = Field(max_length=16)
    risk: float
    opened_as_of: dt.date
    changed_as_of: dt.date
    recorded_at: dt.datetime = Field(sa_type=Utc, index=True)
    updated_at: dt.datetime = Field(sa_type=Utc, index=True)
    revision: int
    sequence: int
    tlp_rank: int
    exercise: bool
    backfill: bool
    search: str = Field(sa_type=Text)
    item: bytes = Field(sa_type=LargeBinary)


class AlertTarget(Base, table=True):
    """Which institutions an alert is about."""

    __tablename__ = "alert_targets"
    __table_args__ = (Index("alert_targets_of_an_alert", "alert_id"),)

    target: str = Field(primary_key=True, max_length=16)
    alert_id: str = Field(primary_key=True, sa_type=Text)


class LedgerRow(Base, table=True):
    """One entry of the chain, and the event that tells of it: the ledger is the outbox. A withheld entry has lost its body and its salt."""

    __tablename__ = "ledger"

    sequence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    alert_id: str = Field(sa_type=Text, index=True)
    entry: bytes = Field(sa_type=LargeBinary)
    previous: str = Field(max_length=64)
    hash: str = Field(max_length=64)
    salt: bytes | None = Field(default=None, sa_type=LargeBinary)
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    tlp_rank: int
    event: bytes = Field(sa_type=LargeBinary)
    recorded_at: dt.datetime = Field(sa_type=Utc)


class TileRow(Base, table=True):
    """Hashes of complete subtrees of the ledger's Merkle tree, every eighth level."""

    __tablename__ = "tiles"

    level: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    index: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    hash: bytes = Field(sa_type=LargeBinary)


class CheckpointRow(Base, table=True):
    """Signed checkpoints (JSON), by the size they cover."""

    __tablename__ = "checkpoints"

    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    checkpoint: bytes = Field(sa_type=LargeBinary)


class HeadRow(Base, table=True):
    """One row: where the chain stands and how much of it is published."""

    __tablename__ = "head"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int
    hash: str = Field(max_length=64)
    frontier: str = Field(sa_type=Text)
    published_through: int
    checkpoint: bytes | None = Field(default=None, sa_type=LargeBinary)


class PressureRow(Base, table=True):
    """What a day added to the running sum of an institution (pressure.py says how a series is read from it)."""

    __tablename__ = "pressure"

    target: str = Field(primary_key=True, max_length=16)
    day: dt.date = Field(primary_key=True)
    change: float


class FilingRow(Base, table=True):
    """A move once alerted as weakening an institution, a row for each: what clusters are counted from (`filing`: cluster.Filing as JSON)."""

    __tablename__ = "filings"
    __table_args__ = (Index("filings_by_group", "country", "target", "groups"), Index("filings_of_a_move", "move_id"))

    country: str = Field(primary_key=True, max_length=16)
    target: str = Field(primary_key=True, max_length=16)
    move_id: str = Field(primary_key=True, sa_type=Text)
    groups: str = Field(max_length=64)
    filing: bytes = Field(sa_type=LargeBinary)


def _of(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


assessments, moves, alerts, alert_targets = _of(AssessmentRow), _of(MoveRow), _of(AlertRow), _of(AlertTarget)
ledger, tiles, checkpoints, head, pressure = _of(LedgerRow), _of(TileRow), _of(CheckpointRow), _of(HeadRow), _of(PressureRow)
filings = _of(FilingRow)
"""The same tables for statements over many rows, where an object a row would cost."""
