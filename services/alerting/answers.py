"""The shapes of alerting's API: what may be asked and what is answered."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from services.alerting.alert import Alert
from services.alerting.catalogue import AlertFilter, Day, Sort
from services.alerting.checkpoint import Checkpoint
from services.alerting.cluster import Member
from shared.events import Assessment, Counterfactual, Direction, Level, Lifecycle, Move, Stage, Target, Words
from shared.http import Paging, Query

Sequence = Annotated[int, Field(ge=0, le=2**31 - 1)]
Size = Annotated[int, Field(ge=1, le=2**31 - 1)]


class AlertQuery(AlertFilter, Paging):
    """A page of the filtered list."""

    sort: Sort = Field(default="-changed", description="Newest revision first, highest risk first, or gravest at its peak first")


class AlertPath(BaseModel):
    alert_id: str = Field(pattern=r"^[A-Za-z0-9._:\-]{1,200}$")


class InstitutionPath(BaseModel):
    code: str = Field(pattern=r"^[A-Za-z0-9._:\-]{1,200}$")


class PressureQuery(Query):
    since: Day | None = None
    until: Day | None = None


class LedgerQuery(Query):
    since: Sequence = 0
    limit: int = Field(default=100, ge=1, le=500)


class ProofQuery(Query):
    sequence: Size


class ConsistencyQuery(Query):
    first: Size = Field(alias="from", description="Size of an earlier checkpoint")
    second: Size | None = Field(default=None, alias="to", description="Size of a later one; the latest unless given")


class StreamQuery(Query):
    since: Sequence | None = Field(default=None, description="Replay what came after this ledger sequence; the header Last-Event-ID goes before it")


class ClusterQuery(Paging):
    """A page of the clusters, newest revision first; `state` open leaves out those that ended."""

    state: Literal["open", "all"] = "open"
    institution: list[Target] = Field(default=[], max_length=12)

    def chosen(self) -> AlertFilter:
        lifecycle = [found for found in Lifecycle if found is not Lifecycle.CANCEL] if self.state == "open" else []
        return AlertFilter(kind=["cluster"], institution=self.institution, lifecycle=lifecycle)


class Item(Alert):
    """An alert in a list. `sequence` is its last ledger entry. The fields from `window_from` on are of clusters only (see ClusterAlert)."""

    sequence: int
    recorded_at: dt.datetime
    updated_at: dt.datetime
    window_from: dt.date | None = None
    window_until: dt.date | None = None
    count: int | None = None
    pending: int | None = None
    expected: float | None = None
    chance: float | None = None
    members: tuple[Member, ...] | None = None


class AlertPage(BaseModel):
    """`total` is exact up to 10,000; `total_is_floor` says that there are more."""

    items: list[Item]
    next: str | None
    total: int
    total_is_floor: bool


class Revision(BaseModel):
    """One ledger entry of an alert; what was said is null when it is withheld."""

    revision: int
    sequence: int
    lifecycle: Lifecycle | None
    level: Level | None
    previous_level: Level | None
    as_of: dt.date
    recorded_at: dt.datetime
    reason: Words | None
    hash: str


class CoursePoint(BaseModel):
    """What an assessment said on a day."""

    as_of: dt.date
    level: Level
    risk: float
    stage: Stage
    direction: Direction


class LatestAssessment(Assessment):
    """The newest assessment, with the versions that made it."""

    pack_version: str
    model_version: str
    as_of: dt.date
    move_revision: int


class AlertDetail(Item):
    """An alert with everything: its text, the whole assessment and move, all revisions, the course of its level, proof."""

    body: Words | None
    assessment: LatestAssessment | None
    move: Move | None
    history: list[Revision]
    course: list[CoursePoint]
    counterfactuals: list[Counterfactual]
    checkpoint: Checkpoint | None


class Summary(BaseModel):
    """`by_level` counts each move at its peak; `waiting` entries have not reached the bus yet.

    `withheld`: there are alerts above the caller's clearance; what they would change is null then, because any number would be false.
    """

    scored: int
    withheld: bool
    alerted: int | None
    not_alerted: int | None
    by_level: dict[str, int] | None
    open_by_level: dict[str, int] | None
    last_sequence: int
    waiting: int
    last_as_of: dt.date | None


class Point(BaseModel):
    date: dt.date
    value: float


class Institution(BaseModel):
    """`pressure` now and a year ago; `series` is two years in steps of two weeks."""

    code: Target
    name: Words
    pressure: float
    previous_year: float
    open: dict[str, int]
    open_total: int
    series: list[Point]


class InstitutionPage(BaseModel):
    items: list[Institution]
    next: None
    total: int
    as_of: dt.date | None
    half_life_days: float


class Pressure(BaseModel):
    code: Target
    name: Words
    as_of: dt.date | None
    half_life_days: float
    series: list[Point]


class LedgerEntry(BaseModel):
    """`entry` hashes to `hash`; `salt` and `body` to its `body_digest`, or are null when withheld.

    `withheld`: the entry is above the caller's clearance; it names its alert, so only its place and its hash are shown, which is what the signed checkpoints cover.
    """

    sequence: int
    withheld: bool
    entry: dict[str, Any] | None
    hash: str
    salt: str | None
    body: dict[str, Any] | None


class LedgerPage(BaseModel):
    """`next` is the `since` of the next page."""

    items: list[LedgerEntry]
    next: int | None
    total: int


class Inclusion(BaseModel):
    """RFC 9162, 2.1.3: hashes in hex, from the leaf up."""

    sequence: int
    size: int
    leaf: str
    path: list[str]
    checkpoint: Checkpoint


class Consistency(BaseModel):
    """RFC 9162, 2.1.4: hashes in hex."""

    first: int = Field(alias="from")
    second: int = Field(alias="to")
    path: list[str]
