"""What the siblings answer, as frozen models that tolerate fields they do not know. In: JSON; out: values the pages draw."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Generic, TypeVar

from shared.events import Assessment, Counterfactual, Direction, Frozen, Level, Lifecycle, Mechanism, Move, Stage, Target, Tlp, Words

Row = TypeVar("Row")
REJECTED = re.compile(r"(\d+) of (\d+) lines rejected")


class Listing(Frozen, Generic[Row]):
    """One page of a list: its rows, the cursor of the next page, how many there are in all (`total_is_floor`: at least)."""

    items: tuple[Row, ...] = ()
    next: str | None = None
    total: int = 0
    total_is_floor: bool = False


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

    @property
    def shown_level(self) -> Level:
        """The level to show: of a cancelled alert the one it had at its gravest."""
        return self.peak_level if self.cancelled and self.peak_level else self.level


class Revision(Frozen):
    """One revision of an alert in the ledger; what was said is None where it is withheld from this reader."""

    revision: int
    sequence: int
    lifecycle: Lifecycle | None = None
    level: Level | None = None
    previous_level: Level | None = None
    as_of: dt.date
    recorded_at: dt.datetime
    reason: Words | None = None
    hash: str = ""


class CoursePoint(Frozen):
    """What an assessment said on a day."""

    as_of: dt.date
    level: Level
    risk: float


class Member(Frozen):
    """A move of a cluster; no longer `pending` when it died or reads otherwise now."""

    alert_id: str
    key: str = ""
    title: str = ""
    title_en: str | None = None
    filed: dt.date
    pending: bool = True
    level: Level


class AlertDetail(Alert):
    """An alert with all that is known of it (`/v1/alerts/{alert_id}`); `course` is its risk day by day, oldest first; `members` are a cluster's moves."""

    body: Words | None = None
    assessment: Assessment | None = None
    move: Move | None = None
    history: tuple[Revision, ...] = ()
    course: tuple[CoursePoint, ...] = ()
    checkpoint: dict[str, Any] | None = None
    counterfactuals: tuple[Counterfactual, ...] = ()
    members: tuple[Member, ...] = ()


class Summary(Frozen):
    """Totals of alerting (`/v1/summary`), None where alerts are `withheld` from this reader. `last_as_of` is the newest day it has seen."""

    scored: int = 0
    withheld: bool = False
    open_by_level: dict[str, int] | None = None
    last_sequence: int = 0
    last_as_of: dt.date | None = None


class Point(Frozen):
    """Pressure on a day."""

    date: dt.date
    value: float


class Institution(Frozen):
    """Pressure on one institution today, a year ago and over two years, and its open alerts by level (`/v1/institutions`)."""

    code: Target
    pressure: float = 0
    previous_year: float | None = None
    open: dict[str, int] = {}
    series: tuple[Point, ...] = ()


class Pressure(Frozen):
    """The daily series of one institution (`/v1/institutions/{code}/pressure`)."""

    series: tuple[Point, ...] = ()


class SourceHealth(Frozen):
    """When a source was last seen, what came of it and what is wrong with it (`/v1/sources`)."""

    source: str
    kind: str = ""
    status: str = "unknown"
    last_seen: dt.datetime | None = None
    count: int = 0
    trouble: str | None = None

    @property
    def rejected(self) -> tuple[int, int] | None:
        """How many lines of a file were rejected, and how many it has, when that is the trouble."""
        found = REJECTED.fullmatch(self.trouble or "")
        return (int(found[1]), int(found[2])) if found else None


class Subscription(Frozen):
    """Where alerts are delivered to (`/v1/subscriptions`); without `url` a pull feed. `notice` says why the system stopped it, `secret` is given once, at creation."""

    id: str
    url: str | None = None
    description: str = ""
    min_level: Level | None = None
    status: str = "active"
    notice: Words | None = None
    pending: int = 0
    held: int = 0
    last_delivered_at: dt.datetime | None = None
    secret: str | None = None

    @property
    def name(self) -> str:
        return self.description or self.url or self.id


class Delivery(Frozen):
    """One alert revision on its way to one subscriber (`/v1/deliveries`); `alert_id` is None for a test."""

    id: str
    subscription_id: str
    alert_id: str | None = None
    sequence: int = 0
    status: str = "pending"
    attempts: int = 0
    last_code: int | None = None
    last_reason: str | None = None
    created_at: dt.datetime | None = None
    delivered_at: dt.datetime | None = None
