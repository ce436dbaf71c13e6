"""The tables of webhooks and the way into them. In: a Database; out: transactions with the database's own time in hand."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Index, LargeBinary, text
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel

from shared.database import Database, Utc


class Status(StrEnum):
    """`pending` goes out when due; `held` waits for its subscription; `pull` waits to be fetched; `dropped` lost its subscription."""

    PENDING = "pending"
    HELD = "held"
    PULL = "pull"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class Base(SQLModel, registry=registry()):
    """Tables of this service only."""


class SubscriptionRow(Base, table=True):
    """A subscription; `filters` is the JSON of Filters; `last_sequence` the number given last; `acknowledged` how far a pull feed was confirmed."""

    __tablename__ = "subscriptions"

    subscription_id: str = Field(primary_key=True)
    owner: str = Field(index=True)
    organisation: str
    clearance: str
    url: str | None
    description: str
    filters: str
    max_per_second: int
    state: str
    notice_es: str = ""
    notice_en: str = ""
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    previous_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    previous_until: dt.datetime | None = Field(default=None, sa_type=Utc)
    last_sequence: int = Field(default=0, sa_type=BigInteger)
    acknowledged: int = Field(default=0, sa_type=BigInteger)
    created_at: dt.datetime = Field(sa_type=Utc)
    updated_at: dt.datetime = Field(sa_type=Utc)
    last_delivered_at: dt.datetime | None = Field(default=None, sa_type=Utc)
    last_failed_at: dt.datetime | None = Field(default=None, sa_type=Utc)
    last_reason: str | None = None


class DeliveryRow(Base, table=True):
    """One body to one subscription; the key is its `webhook-id`. `queued_at` is when it was last allowed to go; leases and times are the database's."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("deliveries_sequence", "subscription_id", "sequence", unique=True),
        Index("deliveries_first", "subscription_id", "status", "attempts", "sequence"),
        Index("deliveries_due", "subscription_id", "status", "next_attempt_at"),
        Index("deliveries_age", "status", "queued_at"),
        Index("deliveries_alert", "alert_id"),
        Index("deliveries_created", "created_at", "delivery_id"),
    )

    delivery_id: str = Field(primary_key=True)
    subscription_id: str
    sequence: int = Field(sa_type=BigInteger)
    kind: str
    alert_id: str | None
    event_id: str
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: str
    attempts: int = 0
    next_attempt_at: dt.datetime = Field(sa_type=Utc)
    lease_until: dt.datetime | None = Field(default=None, sa_type=Utc)
    leased_by: str | None = None
    last_code: int | None = None
    last_reason: str | None = None
    created_at: dt.datetime = Field(sa_type=Utc)
    queued_at: dt.datetime = Field(sa_type=Utc)
    delivered_at: dt.datetime | None = Field(default=None, sa_type=Utc)


class AttemptRow(Base, table=True):
    """One try: what came of it, how long each part took (milliseconds), which address was dialled, how the answer began."""

    __tablename__ = "attempts"

    attempt_id: int | None = Field(default=None, primary_key=True)
    delivery_id: str = Field(index=True)
    at: dt.datetime = Field(sa_type=Utc, index=True)
    reason: str
    code: int | None
    detail: str
    dns_ms: float
    connect_ms: float
    total_ms: float
    address: str | None
    excerpt: str


SUBSCRIPTIONS = SubscriptionRow.__table__  # type: ignore[attr-defined]
DELIVERIES = DeliveryRow.__table__  # type: ignore[attr-defined]
ATTEMPTS = AttemptRow.__table__  # type: ignore[attr-defined]


class Store:
    """Transactions that know the database's time, so that no worker's clock decides whose lease has ended."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ahead: float | None = None
        """Seconds from our monotonic clock to the database's time, as last asked."""

    @contextmanager
    def writing(self) -> Iterator[tuple[Session, dt.datetime]]:
        """One write transaction and the time it began. Raises Retryable."""
        with self.database.transaction() as session:
            yield session, self.time(session)

    @contextmanager
    def noting(self) -> Iterator[tuple[Session, dt.datetime]]:
        """The same for leases and what came of attempts: lost with the power, they cost another try under the same id. Raises Retryable."""
        with self.database.noting() as session:
            yield session, self.time(session)

    def time(self, session: Session) -> dt.datetime:
        """Now, by the database (UTC)."""
        now = self._ask(session)
        self.ahead = now.timestamp() - time.monotonic()
        return now

    def seconds(self) -> float:
        """Now by the database, carried on by a clock that only grows (Unix seconds): a machine whose own clock is off still signs with the time receivers have."""
        if self.ahead is None:
            with self.database.reading() as session:
                self.time(session)
        assert self.ahead is not None
        return time.monotonic() + self.ahead

    def _ask(self, session: Session) -> dt.datetime:
        if self.database.is_sqlite:
            # Its clock is this machine's, to the millisecond.
            return dt.datetime.fromtimestamp(int(time.time() * 1000) / 1000, dt.UTC)
        found: dt.datetime = session.connection().execute(_NOW).scalar_one()
        return found.astimezone(dt.UTC)


_NOW = text("SELECT clock_timestamp()")
