"""The three events of the house and their vocabulary. In: JSON bytes of a CloudEvents 1.0 envelope; out: frozen models, and back.

The only thing services share about each other. Pure: no I/O, no clock; ids are hashes of what the event says.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.errors import InvalidMessage

MOVES = "veedor.moves.v1"
ASSESSMENTS = "veedor.assessments.v1"
ALERTS = "veedor.alerts.v1"
TOPICS = (MOVES, ASSESSMENTS, ALERTS)


def dead_letters(topic: str) -> str:
    """The topic on which the undecodable messages of `topic` end."""
    return f"{topic}.dlq"


class Word(StrEnum):
    """Base of the vocabulary. Writing JSON asks every word for its value, which `Enum` looks up in Python: that was a sixth of writing an assessment."""

    if not TYPE_CHECKING:
        value = property(attrgetter("_value_"))


class Stage(Word):
    """Country-neutral stages of a move; a native stage that no pack maps is `other` and keeps its label."""

    FILED = "filed"
    ADMITTED = "admitted"
    COMMITTEE = "committee"
    REPORT = "report"
    FLOOR = "floor"
    FIRST_VOTE = "first_vote"
    SECOND_VOTE = "second_vote"
    PASSED = "passed"
    ENACTED = "enacted"
    PUBLISHED = "published"
    IN_FORCE = "in_force"
    OBSERVED = "observed"
    INSISTENCE = "insistence"
    SHELVED = "shelved"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    STRUCK_DOWN = "struck_down"
    RESTORED = "restored"
    OTHER = "other"


class Instrument(Word):
    """Legal form of a move."""

    BILL = "bill"
    CONSTITUTIONAL_REFORM = "constitutional_reform"
    LAW = "law"
    LEGISLATIVE_RESOLUTION = "legislative_resolution"
    CONSTITUTIONAL_ACCUSATION = "constitutional_accusation"
    MOTION = "motion"
    DECREE = "decree"
    RULING = "ruling"
    APPOINTMENT = "appointment"
    OTHER = "other"


class Target(Word):
    """Institution or field of rules that a move touches."""

    JNE = "JNE"
    ONPE = "ONPE"
    RENIEC = "RENIEC"
    ELECTIONS = "ELECTIONS"
    PJ = "PJ"
    TC = "TC"
    JNJ = "JNJ"
    MP = "MP"
    CRIME = "CRIME"
    OVERSIGHT = "OVERSIGHT"
    CHECKS = "CHECKS"
    CIVIC = "CIVIC"


class Mechanism(Word):
    """How a move works on its target: the fourteen of the labels' codebook, less its `none`."""

    APPOINTMENT = "appointment"
    REMOVAL = "removal"
    TENURE = "tenure"
    POWERS = "powers"
    BUDGET = "budget"
    PROCEDURE = "procedure"
    IMMUNITY = "immunity"
    ELECTORAL_SYSTEM = "electoral_system"
    CANDIDACY_PARTIES = "candidacy_parties"
    ELECTORAL_ADMIN = "electoral_admin"
    AMNESTY_LIMITATION = "amnesty_limitation"
    STRUCTURE = "structure"
    CIVIC_SPACE = "civic_space"
    OTHER = "other"


class Direction(Word):
    """Likely effect on the independence, integrity or capacity of the target."""

    WEAKENS = "weakens"
    STRENGTHENS = "strengthens"
    MIXED = "mixed"
    NEUTRAL = "neutral"


class Level(Word):
    """How dangerous; ordered by `rank`. An alert opens at watch."""

    NONE = "none"
    WATCH = "watch"
    ELEVATED = "elevated"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}


class Tlp(Word):
    """Traffic Light Protocol 2.0: exactly one marking an output, from most open to most closed."""

    CLEAR = "TLP:CLEAR"
    GREEN = "TLP:GREEN"
    AMBER = "TLP:AMBER"
    AMBER_STRICT = "TLP:AMBER+STRICT"
    RED = "TLP:RED"

    @property
    def rank(self) -> int:
        return _TLP_RANKS[self]


_TLP_RANKS = {tlp: rank for rank, tlp in enumerate(Tlp)}


class Lifecycle(Word):
    """CAP 1.2 msgType of an alert revision."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"


Precision = Literal["day", "month", "year"]
Unit = Annotated[float, Field(ge=0, le=1)]
Hundred = Annotated[float, Field(ge=0, le=100)]


_HTTP = re.compile(r"https?://[^\s/?#]+", re.IGNORECASE)


def http_url(value: str) -> str:
    if not _HTTP.match(value):
        raise ValueError("must be an http or https address")
    return value


HttpUrl = Annotated[str, Field(max_length=2000), AfterValidator(http_url)]


class Frozen(BaseModel):
    """A value: immutable, tolerant of fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Words(Frozen):
    """The same sentence in Spanish and English, for people."""

    es: str = ""
    en: str = ""


class Source(Frozen):
    """Where something can be read. `date` is the source's own, ISO."""

    url: HttpUrl | None = None
    title: str | None = None
    date: str | None = None


class Votes(Frozen):
    """A recorded vote, in members."""

    yes: int = Field(ge=0, le=100_000)
    no: int | None = Field(default=None, ge=0, le=100_000)
    abstentions: int | None = Field(default=None, ge=0, le=100_000)


class Step(Frozen):
    """One dated public step of a move. `date` is the first day of an imprecise period; `note` is hindsight for people, scoring never reads it."""

    stage: Stage
    native_stage: str | None = None
    date: dt.date
    precision: Precision = "day"
    detail: str | None = None
    votes: Votes | None = None
    shortcut: str | None = None
    source: Source | None = None
    confidence: Literal["sourced", "inferred"] = "sourced"
    note: Words | None = None


class Move(Frozen):
    """What is known of a move on a day. `summary` and `text` are official texts; `groups` and `related` (numbers of moves it was joined with or renews) are never scored."""

    move_id: str
    key: str
    country: str
    period: str
    chamber: str
    instrument: Instrument
    aliases: tuple[str, ...] = ()
    title: str
    title_origin: Literal["official", "reconstructed"] = "official"
    title_en: str | None = None
    summary: str | None = None
    text: str | None = None
    proponent: str | None = None
    groups: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    url: HttpUrl | None = None

    @property
    def stage(self) -> Stage:
        """The stage reached last; `other` steps do not move a move."""
        for step in reversed(self.steps):
            if step.stage is not Stage.OTHER:
                return step.stage
        return Stage.FILED


class Provenance(Frozen):
    """Where this revision came from: source id, address, when it was fetched (UTC), SHA-256 of the snapshot (hex)."""

    source: str
    url: HttpUrl | None = None
    fetched_at: dt.datetime | None = None
    sha256: str | None = None


class Factor(Frozen):
    """One reason of a score. `points` may be negative; a part is the clipped sum of its factors."""

    rule: str
    part: Literal["severity", "imminence", "confidence"]
    points: float
    quote: str | None = None
    citation: str
    label: Words | None = None


@lru_cache(maxsize=4096, typed=True)
def _factor(rule: object, part: object, points: object, quote: object, citation: object, label: tuple[object, object] | None) -> Factor:
    words = dict(zip(("es", "en"), label, strict=True)) if label else None
    return Factor.model_validate({"rule": rule, "part": part, "points": points, "quote": quote, "citation": citation, "label": words})


def _met_before(said: Any) -> Any:
    """A reason as JSON tells it, as the one object that says so; what is no reason is left for the model to refuse."""
    try:
        label = said.get("label")
        return _factor(said["rule"], said["part"], said["points"], said.get("quote"), said["citation"], None if label is None else (label["es"], label["en"]))
    except (AttributeError, KeyError, TypeError, ValidationError):
        return said


def _all_met_before(said: Any) -> Any:
    """Thousands of assessments give the same few reasons: made anew for each, they were half of what a batch holds in memory and a third of the time to read it."""
    return [_met_before(one) for one in said] if isinstance(said, list) else said


class Milestone(Frozen):
    """The next dated point of the electoral calendar and how far it is, in days."""

    code: str
    label: Words
    date: dt.date
    days: int


class Counterfactual(Frozen):
    """What the level would be if one thing were otherwise, from the same function."""

    change: Words
    level: Level
    risk: Hundred


class Assessment(Frozen):
    """What a move means on a day: meaning, direction, the three parts, risk, level and the reasons."""

    relevance: Unit
    targets: tuple[Target, ...] = ()
    mechanisms: tuple[Mechanism, ...] = ()
    direction: Direction
    direction_probabilities: dict[Direction, Unit] = {}
    abstained: bool
    abstained_because: Words | None = None
    severity: Hundred
    imminence: Hundred
    confidence: Unit
    risk: Hundred
    level: Level
    p_law: Unit | None = None
    p_law_base: Unit | None = None
    earliest_law: dt.date | None = None
    milestone: Milestone | None = None
    inside_one_year: bool = False
    factors: Annotated[tuple[Factor, ...], BeforeValidator(_all_met_before)] = ()
    counterfactuals: tuple[Counterfactual, ...] = ()


def digest(*parts: object) -> str:
    """A deterministic id: 32 hex characters of SHA-256 over the parts joined by an unprintable separator."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def assessment_id(move_id: str, revision: int, as_of: dt.date, pack_version: str, model_version: str) -> str:
    """The id of an assessment event: the same move, day and scorer give the same id."""
    return digest(move_id, revision, as_of, pack_version, model_version)


def seconds(day: dt.date) -> str:
    """Midnight UTC of a day, as CloudEvents writes time: an event says when it is *about*, not when it was made."""
    return f"{day.isoformat()}T00:00:00Z"


class Event(Frozen):
    """Base of the three: encodes itself as a structured CloudEvent and decodes itself, or raises InvalidMessage."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]
    SOURCE: ClassVar[str]

    @property
    def event_id(self) -> str:
        raise NotImplementedError

    @property
    def key(self) -> str:
        """Partition key: order is kept per key."""
        raise NotImplementedError

    @property
    def time(self) -> str:
        raise NotImplementedError

    def envelope(self) -> dict[str, Any]:
        """The CloudEvent as plain JSON values."""
        return self._around(self.model_dump(mode="json", exclude_none=True))

    def _around(self, data: object) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": self.event_id,
            "source": self.SOURCE,
            "type": self.TYPE,
            "subject": self.key,
            "time": self.time,
            "datacontenttype": "application/json",
            "data": data,
        }

    def encode(self) -> bytes:
        # pydantic writes JSON at once, in the order of the fields: a dictionary of it, to be sorted and written, would take half as long again.
        return orjson.dumps(self._around(orjson.Fragment(self.__pydantic_serializer__.to_json(self, exclude_none=True))))

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Raises InvalidMessage naming what is wrong; fields we do not know are passed over."""
        try:
            envelope = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise InvalidMessage(f"not JSON: {error}") from error
        if not isinstance(envelope, dict):
            raise InvalidMessage("not a CloudEvent: the value is no JSON object")
        if envelope.get("specversion") != "1.0":
            raise InvalidMessage(f"specversion: {envelope.get('specversion')!r} is not 1.0")
        if envelope.get("type") != cls.TYPE:
            raise InvalidMessage(f"type: {envelope.get('type')!r} is not {cls.TYPE}")
        try:
            event = cls.model_validate(envelope.get("data"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise InvalidMessage(f"data.{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        if event.event_id != envelope.get("id"):
            raise InvalidMessage("id: does not follow from the data")
        return event


class MoveObserved(Event):
    """A move as ingest knows it on `as_of`. `reason` says why it was issued: something observed, the daily clock, or a correction."""

    TYPE: ClassVar[str] = "org.veedor.move.observed.v1"
    TOPIC: ClassVar[str] = MOVES
    SOURCE: ClassVar[str] = "/veedor/ingest"

    move: Move
    revision: int = Field(ge=1)
    as_of: dt.date
    reason: Literal["observed", "clock", "correction", "period_ended"] = "observed"
    changed: tuple[str, ...] = ()
    backfill: bool = False
    exercise: bool = False
    provenance: Provenance | None = None

    @property
    def event_id(self) -> str:
        return digest(self.move.move_id, self.revision, self.as_of)

    @property
    def key(self) -> str:
        return self.move.move_id

    @property
    def time(self) -> str:
        return seconds(self.as_of)


class MoveAssessed(Event):
    """A move and what scoring says of it on `as_of`; the move travels along so that alerting asks nobody."""

    TYPE: ClassVar[str] = "org.veedor.move.assessed.v1"
    TOPIC: ClassVar[str] = ASSESSMENTS
    SOURCE: ClassVar[str] = "/veedor/scoring"

    move: Move
    revision: int = Field(ge=1)
    as_of: dt.date
    reason: str = "observed"
    backfill: bool = False
    exercise: bool = False
    pack_version: str
    model_version: str
    assessment: Assessment

    @property
    def event_id(self) -> str:
        return assessment_id(self.move.move_id, self.revision, self.as_of, self.pack_version, self.model_version)

    @property
    def key(self) -> str:
        return self.move.move_id

    @property
    def time(self) -> str:
        return seconds(self.as_of)


class AlertChanged(Event):
    """One revision of an alert, as it stands in the ledger at `sequence`. `checkpoint` is the ledger's latest signed checkpoint.

    `members`: alert ids of a cluster's moves. `inhibited_by`: the open cluster beside which this mere change of stage need not be told to whoever was told of the cluster.
    """

    TYPE: ClassVar[str] = "org.veedor.alert.changed.v1"
    TOPIC: ClassVar[str] = ALERTS
    SOURCE: ClassVar[str] = "/veedor/alerting"

    alert_id: str
    sequence: int = Field(ge=1)
    revision: int = Field(ge=1)
    kind: Literal["move", "cluster", "blind", "correction"] = "move"
    lifecycle: Lifecycle
    level: Level
    previous_level: Level | None = None
    headline: Words
    body: Words
    reason: Words | None = None
    tlp: Tlp = Tlp.GREEN
    country: str
    subject_id: str
    targets: tuple[Target, ...] = ()
    direction: Direction | None = None
    stage: Stage | None = None
    risk: Hundred | None = None
    links: tuple[str, ...] = ()
    members: tuple[str, ...] | None = None
    inhibited_by: str | None = None
    as_of: dt.date
    recorded_at: dt.datetime
    backfill: bool = False
    exercise: bool = False
    hash: str
    checkpoint: dict[str, Any] | None = None

    @property
    def event_id(self) -> str:
        return digest(self.alert_id, self.revision)

    @property
    def key(self) -> str:
        return self.alert_id

    @property
    def time(self) -> str:
        return self.recorded_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
