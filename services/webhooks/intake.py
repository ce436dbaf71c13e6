"""Alerts become deliveries. In: a batch of alert events; out: durable rows, each with its number in its subscription - once, however often the batch comes."""

from __future__ import annotations

import datetime as dt
import functools
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session

from services.webhooks.message import alert_body, message_id, trial_body
from services.webhooks.store import DELIVERIES, SUBSCRIPTIONS, Status, Store
from services.webhooks.subscription import Filters, State, Subscription, matches
from shared.errors import Refused
from shared.events import AlertChanged, Lifecycle, Tlp

CHUNK = 5000
"""Ids in one IN list; SQLite takes 32,766 parameters, PostgreSQL 65,535."""


@functools.lru_cache(4096)
def parsed_filters(written: str) -> Filters:
    return Filters.model_validate_json(written)


def subscription_of(row: Any) -> Subscription:
    return Subscription(row.subscription_id, row.url, State(row.state), parsed_filters(row.filters), Tlp(row.clearance))


class Intake:
    """Takes alerts in; idempotent by `webhook-id`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def take(self, alerts: Sequence[AlertChanged]) -> set[str]:
        """Ids of the subscriptions that got rows to send. One transaction; numbers are given under the subscription's lock, so that replicas leave no gap."""
        with self.store.writing() as (session, now):
            wanted = self._matching(session, alerts)
            subscriptions = {row.subscription_id: row for row in _locked(session, {subscription.subscription_id for subscription, _ in wanted})}
            known = _known(session, [message_id(alert.event_id, subscription.subscription_id) for subscription, alert in wanted])
            rows = [row for subscription, alert in wanted if (row := self._row(subscriptions, known, subscription, alert, now))]
            _insert(session, rows)
        return {row["subscription_id"] for row in rows if row["status"] == Status.PENDING}

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
        columns = (SUBSCRIPTIONS.c.subscription_id, SUBSCRIPTIONS.c.url, SUBSCRIPTIONS.c.state, SUBSCRIPTIONS.c.filters, SUBSCRIPTIONS.c.clearance)
        found = session.connection().execute(select(*columns).where(SUBSCRIPTIONS.c.state != State.DELETED).order_by(SUBSCRIPTIONS.c.subscription_id))
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

    __slots__ = ("last_sequence", "state", "subscription_id", "url")

    def __init__(self, row: Any) -> None:
        self.subscription_id: str = row.subscription_id
        self.url: str | None = row.url
        self.state: str = row.state
        self.last_sequence: int = row.last_sequence


def _locked(session: Session, ids: Iterable[str]) -> Iterator[_Counter]:
    """The subscriptions, locked in the order of their ids so that two replicas cannot wait for each other."""
    columns = (SUBSCRIPTIONS.c.subscription_id, SUBSCRIPTIONS.c.url, SUBSCRIPTIONS.c.state, SUBSCRIPTIONS.c.last_sequence)
    for some in chunks(sorted(ids)):
        query = select(*columns).where(SUBSCRIPTIONS.c.subscription_id.in_(some)).order_by(SUBSCRIPTIONS.c.subscription_id).with_for_update()
        yield from map(_Counter, session.connection().execute(query))


def _known(session: Session, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that are stored."""
    query = select(DELIVERIES.c.delivery_id)
    return {found for some in chunks(ids) for found in session.connection().execute(query.where(DELIVERIES.c.delivery_id.in_(some))).scalars()}


def _told(session: Session, alert_ids: Iterable[str]) -> set[tuple[str, str]]:
    """(subscription, alert) of what went out about these alerts before."""
    query = select(DELIVERIES.c.subscription_id, DELIVERIES.c.alert_id).distinct()
    return {(row.subscription_id, row.alert_id) for some in chunks(sorted(alert_ids)) for row in session.connection().execute(query.where(DELIVERIES.c.alert_id.in_(some)))}


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
    }


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """The rows and the counters they moved on."""
    if not rows:
        return
    session.connection().execute(insert(DELIVERIES), list(rows))
    last = {row["subscription_id"]: row["sequence"] for row in rows}
    moved = update(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.subscription_id == bindparam("which")).values(last_sequence=bindparam("last"))
    session.connection().execute(moved, [{"which": which, "last": number} for which, number in sorted(last.items())])


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
