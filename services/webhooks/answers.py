"""The shapes of the API: what may be asked for and what is shown. In: rows; out: pydantic models. No secret leaves but in Created."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from services.webhooks.signing import written_secret
from services.webhooks.store import AttemptRow, DeliveryRow, Status, SubscriptionRow
from services.webhooks.subscribers import Waiting
from services.webhooks.subscription import Filters, Kind, Language, State
from shared.errors import Refused
from shared.events import Direction, Level, Target, Tlp, Words
from shared.http import Body, Cursor, Paging, Query

EARLIEST, LATEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
MAX_SEQUENCE = 2**53


def _plain(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain NUL characters")
    return value


Text = Annotated[str, AfterValidator(_plain)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:\-]{1,200}$")]
Url = Annotated[Text, Field(min_length=1, max_length=2000, description="https address that takes the POSTs")]
Description = Annotated[Text, Field(max_length=500)]
Rate = Annotated[int, Field(ge=1, le=1000, description="Most attempts a second")]
FILTERS = tuple(Filters.model_fields)


class NewSubscription(Body):
    """Without `url` it is a pull feed: nothing is sent, `/v1/feed` has it. Empty lists ask for everything; `levels`, when given, replaces `min_level`."""

    url: Url | None = None
    description: Description = ""
    min_level: Level = Level.ELEVATED
    levels: list[Level] = Field(default=[], max_length=10)
    institutions: list[Target] = Field(default=[], max_length=20)
    directions: list[Direction] = Field(default=[], max_length=10)
    kinds: list[Kind] = Field(default=[], max_length=10)
    country: Annotated[Text, Field(pattern=r"^[a-z]{2}$")] | None = None
    language: Language = "both"
    max_per_second: Rate = 1000

    def filters(self) -> Filters:
        return Filters.model_validate(self.model_dump(include=set(FILTERS)))


class SubscriptionChanges(Body):
    """What is absent stays as it is."""

    url: Url | None = None
    description: Description | None = None
    status: Literal["active", "paused"] | None = None
    min_level: Level | None = None
    levels: list[Level] | None = Field(default=None, max_length=10)
    institutions: list[Target] | None = Field(default=None, max_length=20)
    directions: list[Direction] | None = Field(default=None, max_length=10)
    kinds: list[Kind] | None = Field(default=None, max_length=10)
    country: Annotated[Text, Field(pattern=r"^[a-z]{2}$")] | None = None
    language: Language | None = None
    max_per_second: Rate | None = None

    def given(self) -> dict[str, Any]:
        """What the caller wrote. `country: null` asks for all countries; null elsewhere changes nothing."""
        return {name: value for name in self.model_fields_set if (value := getattr(self, name)) is not None or name == "country"}

    def columns(self) -> dict[str, Any]:
        return {name: value for name, value in self.given().items() if name not in FILTERS and name != "status"}

    def filters(self) -> dict[str, Any]:
        return {name: tuple(value) if isinstance(value, list) else value for name, value in self.given().items() if name in FILTERS}


class SecretRenewal(Body):
    """How long the old secret signs beside the new one; 0 revokes it at once."""

    overlap_hours: int = Field(default=24, ge=0, le=168)


class SubscriptionPublic(BaseModel):
    """A subscription as its owner sees it. `notice` says why the system stopped it; `last_sequence` is the number its newest event has."""

    id: str
    url: str | None
    description: str
    status: State
    notice: Words | None
    min_level: Level
    levels: list[Level]
    institutions: list[Target]
    directions: list[Direction]
    kinds: list[Kind]
    country: str | None
    language: Language
    max_per_second: int
    clearance: Tlp
    owner: str
    organisation: str
    last_sequence: int
    acknowledged: int
    pending: int
    held: int
    last_delivered_at: dt.datetime | None
    last_failed_at: dt.datetime | None
    last_reason: str | None
    created_at: dt.datetime
    updated_at: dt.datetime


class Created(SubscriptionPublic):
    """With the secret, shown this once."""

    secret: str


class SubscriptionPage(BaseModel):
    items: list[SubscriptionPublic]
    next: str | None
    total: int


class DeliveryPublic(BaseModel):
    """`id` is the `webhook-id`; `sequence` its number in the subscription."""

    id: str
    subscription_id: str
    sequence: int
    kind: Literal["alert", "test"]
    alert_id: str | None
    event_id: str
    status: Status
    attempts: int
    next_attempt_at: dt.datetime | None
    last_code: int | None
    last_reason: str | None
    created_at: dt.datetime
    delivered_at: dt.datetime | None


class AttemptPublic(BaseModel):
    """One try; times in milliseconds, `answer` is the start of what was answered."""

    at: dt.datetime
    reason: str
    code: int | None
    detail: str
    dns_ms: float
    connect_ms: float
    total_ms: float
    address: str | None
    answer: str


class DeliveryDetail(DeliveryPublic):
    """With every attempt, oldest first, and the event that was sent."""

    attempt_log: list[AttemptPublic]
    event: dict[str, Any]


class DeliveryPage(BaseModel):
    items: list[DeliveryPublic]
    next: str | None
    total: int


class FeedItem(BaseModel):
    """An event as a webhook would have brought it: `body` is the exact text the three headers sign."""

    sequence: int
    webhook_id: str
    webhook_timestamp: str
    webhook_signature: str
    body: str


class FeedPage(BaseModel):
    """`next` is always given: keep it, and ask for what follows it later. `total` counts the events after the place asked for."""

    subscription_id: str
    items: list[FeedItem]
    next: str
    total: int


class DeliveryQuery(Paging):
    subscription: Id | None = None
    status: Status | None = None
    alert_id: Id | None = None
    since: AwareDatetime | None = Field(default=None, ge=EARLIEST, le=LATEST)


class FeedQuery(Query):
    """`after` (a sequence number) or `cursor` (the `next` of a page) name the place; neither means from the first event."""

    subscription: Id | None = None
    cursor: Cursor | None = None
    after: int | None = Field(default=None, ge=0, le=MAX_SEQUENCE)
    limit: int = Field(default=50, ge=1, le=500)

    def place(self) -> int:
        """Raises Refused (field `cursor`)."""
        if self.cursor is None:
            return self.after or 0
        (after,) = opened(self.cursor, 1)
        if not isinstance(after, int) or not 0 <= after <= MAX_SEQUENCE:
            raise Refused(_NO_CURSOR, field="cursor")
        return after


class SubscriptionPath(BaseModel):
    subscription_id: Id


class DeliveryPath(BaseModel):
    delivery_id: Id


class KeySet(BaseModel):
    """JWK set (RFC 7517) of the Ed25519 keys behind the `v1a` signatures."""

    keys: list[dict[str, str]]


_NO_CURSOR = "is no place in this list: use the `next` of a page"


def cursor(*place: object) -> str:
    """An opaque, url-safe place in a list."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).rstrip(b"=").decode()


def opened(written: str, length: int) -> list[Any]:
    """The parts of a cursor. Raises Refused (field `cursor`)."""
    try:
        place = orjson.loads(base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)))
    except (binascii.Error, orjson.JSONDecodeError, ValueError) as error:
        raise Refused(_NO_CURSOR, field="cursor") from error
    if not isinstance(place, list) or len(place) != length:
        raise Refused(_NO_CURSOR, field="cursor")
    return place


def opened_time(written: str | None) -> tuple[dt.datetime, str] | None:
    """The (time, id) of a cursor. Raises Refused (field `cursor`)."""
    if written is None:
        return None
    at, which = opened(written, 2)
    try:
        time = dt.datetime.fromisoformat(at)
        if not isinstance(which, str) or "\x00" in which or not EARLIEST <= time <= LATEST:
            raise ValueError(which)
    except (TypeError, ValueError) as error:
        raise Refused(_NO_CURSOR, field="cursor") from error
    return time, which


def shown_subscription(row: SubscriptionRow, waiting: Waiting) -> SubscriptionPublic:
    return SubscriptionPublic.model_validate(_subscription(row, waiting))


def created(row: SubscriptionRow) -> Created:
    return Created.model_validate({**_subscription(row, Waiting()), "secret": written_secret(row.secret)})


def _subscription(row: SubscriptionRow, waiting: Waiting) -> dict[str, Any]:
    notice = Words(es=row.notice_es, en=row.notice_en) if row.notice_en else None
    same = ("url", "description", "max_per_second", "clearance", "owner", "organisation", "last_sequence", "acknowledged", "last_delivered_at", "last_failed_at", "last_reason")
    return {
        **{name: getattr(row, name) for name in (*same, "created_at", "updated_at")},
        **Filters.model_validate_json(row.filters).model_dump(),
        "id": row.subscription_id,
        "status": row.state,
        "notice": notice,
        "pending": waiting.pending + waiting.pull,
        "held": waiting.held,
    }


def shown_delivery(row: DeliveryRow) -> DeliveryPublic:
    return DeliveryPublic.model_validate(_delivery(row))


def detailed(row: DeliveryRow, attempts: list[AttemptRow]) -> DeliveryDetail:
    log = [AttemptPublic.model_validate({**attempt.model_dump(include=set(AttemptPublic.model_fields)), "answer": attempt.excerpt}) for attempt in attempts]
    return DeliveryDetail.model_validate({**_delivery(row), "attempt_log": log, "event": orjson.loads(row.body)})


def _delivery(row: DeliveryRow) -> dict[str, Any]:
    same = row.model_dump(include=set(DeliveryPublic.model_fields))
    return {**same, "id": row.delivery_id, "next_attempt_at": row.next_attempt_at if row.status == Status.PENDING else None}
