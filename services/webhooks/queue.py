"""The durable queue. In: who has room for how much; out: rows leased to this worker - and back: what became of them, a batch a transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, or_, select, update
from sqlmodel import Session

from services.webhooks.retry import MAX_AGE, Outcome, Reason, wait_after
from services.webhooks.store import ATTEMPTS, DELIVERIES, SUBSCRIPTIONS, Status, Store
from services.webhooks.subscription import State
from shared.rows import DIALECTS, among, insert_rows

LEASE_SECONDS = 30.0
"""Longer than an attempt's deadline (15 s) and the longest a leased row may wait before its attempt (START_WITHIN in lane.py) together."""
Wait = Callable[[int, float | None], float | None]
ENDPOINT = (
    SUBSCRIPTIONS.c.subscription_id,
    SUBSCRIPTIONS.c.url,
    SUBSCRIPTIONS.c.secret,
    SUBSCRIPTIONS.c.previous_secret,
    SUBSCRIPTIONS.c.previous_until,
    SUBSCRIPTIONS.c.max_per_second,
)
OPEN = (Status.PENDING.value, Status.HELD.value)

NOTICES = {
    Reason.GONE: ("La dirección respondió 410 Gone: dejamos de enviar. Lo pendiente se conserva.", "The address answered 410 Gone: sending stopped. What is pending is kept."),
    Reason.REFUSED_ADDRESS: (
        "La dirección lleva a una red a la que no se envía: dejamos de enviar. Lo pendiente se conserva.",
        "The address leads to a network that is never dialled: sending stopped. What is pending is kept.",
    ),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and with which secrets, as of the claim; `rate` in attempts a second."""

    subscription_id: str
    url: str
    secrets: tuple[bytes, ...]
    rate: float


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery leased to this worker."""

    delivery_id: str
    endpoint: Endpoint
    sequence: int
    body: bytes
    attempts: int
    queued_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt that ended. `hasten`: the endpoint works again, what waits for it need not wait longer; `disable`: it must not be dialled again."""

    claimed: Claimed
    outcome: Outcome
    hasten: bool = False
    disable: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: rows due or to be tried again, rows held, seconds since the oldest pending one was queued."""

    pending: int
    held: int
    oldest_seconds: float


class Queue:
    """Claims and results of one worker, named `worker`; leases end by the database's clock."""

    def __init__(self, store: Store, worker: str, *, lease_seconds: float = LEASE_SECONDS, wait: Wait = wait_after) -> None:
        self.store = store
        self.worker = worker
        self.wait = wait
        self.lease = dt.timedelta(seconds=lease_seconds)

    def due(self) -> set[str]:
        """Active subscriptions with at least one row that may go now."""
        with self.store.database.reading() as session:
            now = self.store.time(session)
            some = exists().where(
                DELIVERIES.c.subscription_id == SUBSCRIPTIONS.c.subscription_id, DELIVERIES.c.status == Status.PENDING, DELIVERIES.c.next_attempt_at <= now, _free(now)
            )
            return set(session.connection().execute(select(SUBSCRIPTIONS.c.subscription_id).where(SUBSCRIPTIONS.c.state == State.ACTIVE, some)).scalars())

    def claim(self, room: Mapping[str, int]) -> list[Claimed]:
        """At most `room[subscription]` due rows each: first attempts by sequence, then late retries."""
        with self.store.noting() as (session, now):
            endpoints = _endpoints(session, sorted(room), now)
            rows = [(endpoint, row) for endpoint in endpoints for row in self._rows(session, endpoint, room, now)]
            claimed = [Claimed(row.delivery_id, endpoint, row.sequence, row.body, row.attempts, row.queued_at) for endpoint, row in rows]
            if claimed:
                session.connection().execute(_LEASED, [{"which": one.delivery_id, "worker": self.worker, "until": now + self.lease} for one in claimed])
        return claimed

    def _rows(self, session: Session, endpoint: Endpoint, room: Mapping[str, int], now: dt.datetime) -> list[Any]:
        most = room[endpoint.subscription_id]
        mine = select(DELIVERIES).where(DELIVERIES.c.subscription_id == endpoint.subscription_id, DELIVERIES.c.status == Status.PENDING, _free(now))
        rows = _taken(session, mine.where(DELIVERIES.c.attempts == 0).order_by(DELIVERIES.c.sequence), most)
        if len(rows) < most:
            late = mine.where(DELIVERIES.c.attempts > 0, DELIVERIES.c.next_attempt_at <= now).order_by(DELIVERIES.c.next_attempt_at, DELIVERIES.c.sequence)
            rows += _taken(session, late, most - len(rows))
        return rows

    def record(self, results: Sequence[Result], returned: Sequence[str] = ()) -> dict[str, float]:
        """Notes what came of the attempts and gives back rows that were not tried. Returns seconds from queued to delivered, by webhook-id."""
        with self.store.noting() as (session, now):
            connection = session.connection()
            results = sorted(results, key=lambda result: result.claimed.delivery_id)
            # Subscriptions before deliveries, both in the order of their ids, as everywhere: two transactions never wait for each other.
            self._note_on_subscriptions(session, results, now)
            if results:
                insert_rows(connection, ATTEMPTS, [_attempt(result, now) for result in results])
            delivered = [result for result in results if result.outcome.delivered]
            failed = [result for result in results if not result.outcome.delivered]
            if delivered:
                connection.execute(_DELIVERED, [_delivered(result, now) for result in delivered])
            if failed:
                connection.execute(_FAILED, [self._failed(result, now) for result in failed])
            if returned:
                connection.execute(_RETURNED, [{"which": which, "worker": self.worker} for which in sorted(returned)])
            self._follow_up(session, results, now)
        return {result.claimed.delivery_id: (now - result.claimed.queued_at).total_seconds() for result in delivered}

    def _failed(self, result: Result, now: dt.datetime) -> dict[str, Any]:
        wait = self.wait(result.claimed.attempts + 1, result.outcome.retry_after)
        return {
            "which": result.claimed.delivery_id,
            "worker": self.worker,
            "becomes": (Status.FAILED if wait is None else Status.PENDING).value,
            "next": now if wait is None else now + dt.timedelta(seconds=wait),
            "code": result.outcome.status,
            "why": result.outcome.reason.value,
        }

    def _note_on_subscriptions(self, session: Session, results: Sequence[Result], now: dt.datetime) -> None:
        """The last success and failure of each subscription."""
        last = {(result.claimed.endpoint.subscription_id, result.outcome.delivered): result for result in results}
        for (subscription_id, good), result in sorted(last.items(), key=lambda item: item[0]):
            session.connection().execute(_SUCCEEDED if good else _WENT_WRONG, {"which": subscription_id, "why": result.outcome.reason.value, "now": now})

    def _follow_up(self, session: Session, results: Sequence[Result], now: dt.datetime) -> None:
        """What works again is hastened, what must stop is stopped."""
        for subscription_id in sorted({result.claimed.endpoint.subscription_id for result in results if result.hasten}):
            hasten(session, subscription_id, now)
        for result in results:
            if result.disable:
                disable(session, result.claimed.endpoint, result.outcome.reason, now)

    def release(self, *, everyone: bool = False) -> int:
        """Gives back this worker's leases; all leases when no other worker can exist (the embedded database, at start)."""
        with self.store.writing() as (session, _):
            mine = DELIVERIES.c.leased_by.is_not(None) if everyone else DELIVERIES.c.leased_by == self.worker
            return session.connection().execute(update(DELIVERIES).where(DELIVERIES.c.status == Status.PENDING, mine).values(leased_by=None, lease_until=None)).rowcount

    def expire(self) -> int:
        """Ends what has been due for longer than MAX_AGE."""
        with self.store.writing() as (session, now):
            old = update(DELIVERIES).where(DELIVERIES.c.status == Status.PENDING, DELIVERIES.c.queued_at < now - MAX_AGE, _free(now))
            return session.connection().execute(old.values(status=Status.FAILED.value, last_reason=Reason.EXPIRED.value)).rowcount

    def backlog(self) -> Backlog:
        with self.store.database.reading() as session:
            query = select(DELIVERIES.c.status, func.count(), func.min(DELIVERIES.c.queued_at)).where(DELIVERIES.c.status.in_(OPEN)).group_by(DELIVERIES.c.status)
            found = {status: (count, oldest) for status, count, oldest in session.connection().execute(query)}
            pending, oldest = found.get(Status.PENDING, (0, None))
            age = (self.store.time(session) - oldest).total_seconds() if oldest else 0.0
            return Backlog(pending, found.get(Status.HELD, (0, None))[0], max(0.0, age))


def hasten(session: Session, subscription_id: str, now: dt.datetime) -> None:
    """What waits for its next try is due now."""
    waiting = update(DELIVERIES).where(DELIVERIES.c.subscription_id == subscription_id, DELIVERIES.c.status == Status.PENDING, DELIVERIES.c.next_attempt_at > now)
    session.connection().execute(waiting.values(next_attempt_at=now))


def disable(session: Session, endpoint: Endpoint, reason: Reason, now: dt.datetime) -> None:
    """Stops a subscription with a notice and keeps its rows; not when its owner gave it another address or paused it meanwhile."""
    es, en = NOTICES[reason]
    stop = update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.subscription_id == endpoint.subscription_id, SUBSCRIPTIONS.c.url == endpoint.url, SUBSCRIPTIONS.c.state == State.ACTIVE)
    stopped = session.connection().execute(stop.values(state=State.DISABLED.value, notice_es=es, notice_en=en, updated_at=now)).rowcount
    if stopped:
        hold(session, endpoint.subscription_id)


def hold(session: Session, subscription_id: str) -> None:
    """Pending rows wait for their subscription."""
    pending = update(DELIVERIES).where(DELIVERIES.c.subscription_id == subscription_id, DELIVERIES.c.status == Status.PENDING)
    session.connection().execute(pending.values(status=Status.HELD.value, leased_by=None, lease_until=None))


def let_go(session: Session, subscription_id: str, now: dt.datetime) -> None:
    """Held rows are due now, in order, with all their tries before them."""
    held = update(DELIVERIES).where(DELIVERIES.c.subscription_id == subscription_id, DELIVERIES.c.status == Status.HELD)
    session.connection().execute(held.values(status=Status.PENDING.value, attempts=0, next_attempt_at=now, queued_at=now, leased_by=None, lease_until=None))


def _free(now: dt.datetime) -> Any:
    return or_(DELIVERIES.c.lease_until.is_(None), DELIVERIES.c.lease_until <= now)


def _taken(session: Session, query: Select[Any], most: int) -> list[Any]:
    """Rows no other worker is taking at this moment (SQLite has one writer and needs no such word)."""
    return list(session.connection().execute(query.limit(most).with_for_update(skip_locked=True)))


def _endpoints(session: Session, ids: Sequence[str], now: dt.datetime) -> list[Endpoint]:
    connection = session.connection()
    return [endpoint_of(row, now) for row in connection.execute(_ACTIVE[connection.dialect.name], {"ids": ids})]


def endpoint_of(row: Any, now: dt.datetime) -> Endpoint:
    """The endpoint a row with the columns ENDPOINT describes."""
    return Endpoint(row.subscription_id, row.url, _secrets(row, now), float(row.max_per_second))


def _secrets(row: Any, now: dt.datetime) -> tuple[bytes, ...]:
    """The secret, and the one before while it still counts."""
    return (row.secret, row.previous_secret) if row.previous_secret and row.previous_until and row.previous_until > now else (row.secret,)


_ACTIVE = {
    dialect: select(*ENDPOINT)
    .where(among(dialect, SUBSCRIPTIONS.c.subscription_id, "ids"), SUBSCRIPTIONS.c.state == State.ACTIVE, SUBSCRIPTIONS.c.url.is_not(None))
    .order_by(SUBSCRIPTIONS.c.subscription_id)
    for dialect in DIALECTS
}
_LEASED = update(DELIVERIES).where(DELIVERIES.c.delivery_id == bindparam("which")).values(leased_by=bindparam("worker"), lease_until=bindparam("until"))
_SUCCEEDED, _WENT_WRONG = (
    update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.subscription_id == bindparam("which")).values({"last_reason": bindparam("why"), name: bindparam("now")})
    for name in ("last_delivered_at", "last_failed_at")
)
_WHICH = DELIVERIES.c.delivery_id == bindparam("which")
_DELIVERED = (
    update(DELIVERIES)
    .where(_WHICH, DELIVERIES.c.status != Status.DELIVERED.value)
    .values(
        status=Status.DELIVERED.value,
        attempts=DELIVERIES.c.attempts + 1,
        last_code=bindparam("code"),
        last_reason=Reason.OK.value,
        delivered_at=bindparam("now"),
        leased_by=None,
        lease_until=None,
    )
)
# A failure counts only while the lease is ours: another worker may be sending by now.
_FAILED = (
    update(DELIVERIES)
    .where(_WHICH, DELIVERIES.c.leased_by == bindparam("worker"), DELIVERIES.c.status == Status.PENDING.value)
    .values(
        status=bindparam("becomes"),
        attempts=DELIVERIES.c.attempts + 1,
        next_attempt_at=bindparam("next"),
        last_code=bindparam("code"),
        last_reason=bindparam("why"),
        leased_by=None,
        lease_until=None,
    )
)
_RETURNED = update(DELIVERIES).where(_WHICH, DELIVERIES.c.leased_by == bindparam("worker")).values(leased_by=None, lease_until=None)


def _delivered(result: Result, now: dt.datetime) -> dict[str, Any]:
    return {"which": result.claimed.delivery_id, "code": result.outcome.status, "now": now}


def _attempt(result: Result, now: dt.datetime) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "delivery_id": result.claimed.delivery_id,
        "at": now,
        "reason": outcome.reason.value,
        "code": outcome.status,
        "detail": outcome.detail[:500].replace("\x00", ""),
        "dns_ms": outcome.dns_ms,
        "connect_ms": outcome.connect_ms,
        "total_ms": outcome.total_ms,
        "address": outcome.address,
        "excerpt": outcome.excerpt.decode("utf-8", "replace").replace("\x00", "\ufffd"),
    }
