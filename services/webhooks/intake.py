"""Alerts become deliveries. In: a batch of alert events; out: durable rows, each with its number in its subscription - once, however often the batch comes."""

from __future__ import annotations

import datetime as dt
import functools
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from services.webhooks.lane import Offer
from services.webhooks.message import alert_body, message_id, trial_body
from services.webhooks.queue import ENDPOINT, Claimed, endpoint_of
from services.webhooks.store import DELIVERIES, SUBSCRIPTIONS, Status, Store
from services.webhooks.subscription import Filters, State, Subscription, matches
from shared.errors import Refused
from shared.events import AlertChanged, Lifecycle, Tlp
from shared.rows import DIALECTS, among, insert_rows


class Lanes(Protocol):
    """Who sends: what may be handed over at once, and the handing over, once it is committed."""

    def offer(self, subscription_id: str) -> Offer | None: ...

    def take(self, leased: Sequence[tuple[Claimed, Offer]]) -> None: ...


@functools.lru_cache(4096)
def parsed_filters(written: str) -> Filters:
    return Filters.model_validate_json(written)


def subscription_of(row: Any) -> Subscription:
    return Subscription(row.subscription_id, row.url, State(row.state), parsed_filters(row.filters), Tlp(row.clearance))


class Intake:
    """Takes alerts in; idempotent by `webhook-id`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def take(self, alerts: Sequence[AlertChanged], lanes: Lanes | None = None) -> set[str]:
        """Ids of the subscriptions that got rows to claim and send; rows that `lanes` had room for are leased already and handed over.

        One transaction; numbers are given under the subscription's lock, so that replicas leave no gap.
        """
        with self.store.writing() as (session, now):
            wanted = self._matching(session, alerts)
            subscriptions = {row.subscription_id: row for row in _locked(session, {subscription.subscription_id for subscription, _ in wanted})}
            known = _known(session, [message_id(alert.event_id, subscription.subscription_id) for subscription, alert in wanted])
            rows = [row for subscription, alert in wanted if (row := self._row(subscriptions, known, subscription, alert, now))]
            leased = _lease(rows, subscriptions, lanes, now) if lanes else []
            _insert(session, rows)
        if lanes:
            lanes.take(leased)
        return {row["subscription_id"] for row in rows if row["status"] == Status.PENDING and row["leased_by"] is None}

    def take_trial(self, subscription_id: str) -> str:
        """Queues a test event; returns its webhook-id. Raises Refused when the subscription is gone or not active."""
        with self.store.writing() as (session, now):
            row = next(iter(_locked(session, {subscription_id})), None)
            if row is None or row.state == State.DELETED:
                raise Refused(f"there is no subscription {subscription_id}", status=404)
            if row.state != State.ACTIVE:
                raise Refused(f"the subscription is {row.state}: set its status to active first", field="status", status=409)
            sequence = row.last_sequence + 1
            event_id = secrets.token_hex(16)
            delivery_id = message_id(event_id, subscription_id)
            body = trial_body(event_id, subscription_id, sequence, now)
            status = Status.PENDING if row.url else Status.PULL
            _insert(session, [_values(delivery_id, subscription_id, sequence, "test", None, event_id, body, status, now)])
        return delivery_id

    def _matching(self, session: Session, alerts: Sequence[AlertChanged]) -> list[tuple[Subscription, AlertChanged]]:
        """Who gets what, in the order of the alerts."""
        found = session.connection().execute(_SUBSCRIBED)
        subscriptions = [subscription_of(row) for row in found]
        if not subscriptions:
            return []
        known = {alert.alert_id for alert in alerts if alert.lifecycle is not Lifecycle.ALERT} | {alert.inhibited_by for alert in alerts if alert.inhibited_by}
        told = _told(session, known)
        wanted = []
        for alert in alerts:
            for subscription in subscriptions:
                pair = (subscription.subscription_id, alert.alert_id)
                inhibited = (subscription.subscription_id, alert.inhibited_by) in told
                if matches(subscription, alert, told=pair in told, inhibited=inhibited):
                    told.add(pair)
                    wanted.append((subscription, alert))
        return wanted

    def _row(self, subscriptions: dict[str, Any], known: set[str], subscription: Subscription, alert: AlertChanged, now: dt.datetime) -> dict[str, Any] | None:
        """The delivery's row, or None when it is there already or its subscription went away."""
        delivery_id = message_id(alert.event_id, subscription.subscription_id)
        row = subscriptions.get(subscription.subscription_id)
        if delivery_id in known or row is None or row.state == State.DELETED:
            return None
        known.add(delivery_id)
        row.last_sequence += 1
        body = alert_body(alert, row.subscription_id, row.last_sequence, subscription.filters.language)
        status = Status.PULL if not row.url else Status.PENDING if row.state == State.ACTIVE else Status.HELD
        return _values(delivery_id, row.subscription_id, row.last_sequence, "alert", alert.alert_id, alert.event_id, body, status, now)


class _Counter:
    """A locked subscription and the number it gives next."""

    __slots__ = ("last_sequence", "row", "state", "subscription_id", "url")

    def __init__(self, row: Any) -> None:
        self.row = row
        self.subscription_id: str = row.subscription_id
        self.url: str | None = row.url
        self.state: str = row.state
        self.last_sequence: int = row.last_sequence


def _lease(rows: Sequence[dict[str, Any]], subscriptions: Mapping[str, _Counter], lanes: Lanes, now: dt.datetime) -> list[tuple[Claimed, Offer]]:
    """Marks as leased what the lanes have room for, and returns it as if it had been claimed."""
    leased = []
    pending = [row for row in rows if row["status"] == Status.PENDING]
    offers = {which: offer for which in {row["subscription_id"] for row in pending} if (offer := lanes.offer(which))}
    given: Counter[str] = Counter()
    for row in pending:
        which = row["subscription_id"]
        offer = offers.get(which)
        if offer and given[which] < offer.room:
            given[which] += 1
            row |= {"leased_by": offer.worker, "lease_until": now + offer.lease}
            leased.append((Claimed(row["delivery_id"], endpoint_of(subscriptions[which].row, now), row["sequence"], row["body"], 0, now), offer))
    return leased


def _locked(session: Session, ids: Iterable[str]) -> Iterator[_Counter]:
    """The subscriptions, locked in the order of their ids so that two replicas cannot wait for each other."""
    connection = session.connection()
    yield from map(_Counter, connection.execute(_LOCKED[connection.dialect.name], {"ids": sorted(ids)}))


def _known(session: Session, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that are stored."""
    connection = session.connection()
    return set(connection.execute(_KNOWN[connection.dialect.name], {"ids": ids}).scalars())


def _told(session: Session, alert_ids: Iterable[str]) -> set[tuple[str, str]]:
    """(subscription, alert) of what went out about these alerts before."""
    connection, ids = session.connection(), sorted(alert_ids)
    return {(row.subscription_id, row.alert_id) for row in connection.execute(_TOLD[connection.dialect.name], {"ids": ids})} if ids else set()


def _values(delivery_id: str, subscription_id: str, sequence: int, kind: str, alert_id: str | None, event_id: str, body: bytes, status: Status, now: dt.datetime) -> dict[str, Any]:
    return {
        "delivery_id": delivery_id,
        "subscription_id": subscription_id,
        "sequence": sequence,
        "kind": kind,
        "alert_id": alert_id,
        "event_id": event_id,
        "body": body,
        "status": status.value,
        "attempts": 0,
        "next_attempt_at": now,
        "created_at": now,
        "queued_at": now,
        "leased_by": None,
        "lease_until": None,
    }


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """The rows and the counters they moved on."""
    if not rows:
        return
    insert_rows(session.connection(), DELIVERIES, rows)
    last = {row["subscription_id"]: row["sequence"] for row in rows}
    session.connection().execute(_MOVED_ON, [{"which": which, "last": number} for which, number in sorted(last.items())])


_SUBSCRIPTION, _DELIVERY = SUBSCRIPTIONS.c, DELIVERIES.c
_SUBSCRIBED = (
    select(_SUBSCRIPTION.subscription_id, _SUBSCRIPTION.url, _SUBSCRIPTION.state, _SUBSCRIPTION.filters, _SUBSCRIPTION.clearance)
    .where(_SUBSCRIPTION.state != State.DELETED)
    .order_by(_SUBSCRIPTION.subscription_id)
)
_LOCKED = {
    dialect: select(*ENDPOINT, _SUBSCRIPTION.state, _SUBSCRIPTION.last_sequence)
    .where(among(dialect, _SUBSCRIPTION.subscription_id, "ids"))
    .order_by(_SUBSCRIPTION.subscription_id)
    .with_for_update()
    for dialect in DIALECTS
}
_KNOWN = {dialect: select(_DELIVERY.delivery_id).where(among(dialect, _DELIVERY.delivery_id, "ids")) for dialect in DIALECTS}
_TOLD = {dialect: select(_DELIVERY.subscription_id, _DELIVERY.alert_id).distinct().where(among(dialect, _DELIVERY.alert_id, "ids")) for dialect in DIALECTS}
_MOVED_ON = update(SUBSCRIPTIONS).where(_SUBSCRIPTION.subscription_id == bindparam("which")).values(last_sequence=bindparam("last"))
