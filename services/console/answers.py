"""What the siblings answer, as frozen models that tolerate fields they do not know. In: JSON; out: values the pages draw."""

from __future__ import annotations

import datetime as dt
from typing import Any, Generic, TypeVar

from pydantic import Field

from shared.events import Assessment, Counterfactual, Direction, Frozen, Level, Lifecycle, Mechanism, Move, Stage, Target, Tlp, Words

Row = TypeVar("Row")


class Listing(Frozen, Generic[Row]):
    """One page of a list: its rows, the cursor of the next page, how many there are in all."""

    items: tuple[Row, ...] = ()
    next: str | None = None
    total: int = 0


class Alert(Frozen):
    """An alert as it stands in a list (`/v1/alerts`)."""

    alert_id: str
    move_id: str = ""
    kind: str = "move"
    lifecycle: Lifecycle = Lifecycle.ALERT
    level: Level
    previous_level: Level | None = None
    peak_level: Level | None = None
    direction: Direction | None = None
    targets: tuple[Target, ...] = ()
    mechanisms: tuple[Mechanism, ...] = ()
    stage: Stage | None = None
    risk: float | None = None
    severity: float | None = None
    imminence: float | None = None
    confidence: float | None = None
    p_law: float | None = None
    p_law_base: float | None = None
    earliest_law: dt.date | None = None
    headline: Words
    title: str = ""
    title_en: str | None = None
    revision: int = 1
    sequence: int = 0
    opened_as_of: dt.date | None = None
    changed_as_of: dt.date | None = None
    recorded_at: dt.datetime | None = None
    tlp: Tlp = Tlp.GREEN
    exercise: bool = False
    backfill: bool = False

    @property
    def cancelled(self) -> bool:
        return self.lifecycle is Lifecycle.CANCEL


class Revision(Frozen):
    """One revision of an alert in the ledger."""

    revision: int
    sequence: int
    lifecycle: Lifecycle
    level: Level
    previous_level: Level | None = None
    as_of: dt.date
    recorded_at: dt.datetime
    reason: Words | None = None
    hash: str = ""


class AlertDetail(Alert):
    """An alert with all that is known of it (`/v1/alerts/{alert_id}`)."""

    body: Words = Words()
    assessment: Assessment | None = None
    move: Move | None = None
    history: tuple[Revision, ...] = ()
    checkpoint: dict[str, Any] | None = None
    counterfactuals: tuple[Counterfactual, ...] = ()


class Summary(Frozen):
    """Totals of alerting (`/v1/summary`). `last_as_of` is the newest day it has seen."""

    scored: int = 0
    alerted: int = 0
    by_level: dict[str, int] = {}
    open_by_level: dict[str, int] = {}
    last_sequence: int = 0
    last_as_of: dt.date | None = None


class Institution(Frozen):
    """Pressure on one institution today and a year ago, and its open alerts by level (`/v1/institutions`)."""

    code: Target
    name: Words
    pressure: float = 0
    previous_year: float | None = None
    open: dict[str, int] = {}


class Point(Frozen):
    """Pressure on a day."""

    date: dt.date
    value: float


class Pressure(Frozen):
    """The daily series of one institution (`/v1/institutions/{code}/pressure`)."""

    series: tuple[Point, ...] = ()


class SourceHealth(Frozen):
    """When a source was last seen and what came of it (`/v1/sources`)."""

    source: str
    kind: str = ""
    status: str = "unknown"
    last_seen: dt.datetime | None = None
    count: int = 0


class Subscription(Frozen):
    """Where alerts are delivered to (`/v1/subscriptions`). `secret` is given once, at creation."""

    id: str
    url: str
    description: str = ""
    min_level: Level | None = None
    status: str = "active"
    language: str = ""
    created_at: dt.datetime | None = None
    secret: str | None = None


class Delivery(Frozen):
    """One alert revision on its way to one subscriber (`/v1/deliveries`)."""

    id: str
    subscription_id: str
    alert_id: str = ""
    sequence: int = 0
    status: str = "pending"
    attempts: int = 0
    last_code: int | None = None
    last_reason: str | None = None
    created_at: dt.datetime | None = None
    delivered_at: dt.datetime | None = None


class Created(Frozen):
    """What creating a subscription answers."""

    id: str
    url: str = ""
    secret: str = Field(default="")
