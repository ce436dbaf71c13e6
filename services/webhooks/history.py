"""What was sent to whom and what came of it: the delivery log and the pull feed. In: a caller and filters; out: rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true, update
from sqlmodel import Session, col

from services.webhooks.store import AttemptRow, DeliveryRow, Status, Store, SubscriptionRow
from services.webhooks.subscribers import sees_all
from services.webhooks.subscription import State
from shared.errors import Refused
from shared.identity import Identity

AGAIN = (Status.DELIVERED, Status.FAILED)
"""What may be sent again; the rest is on its way already, or has nowhere to go."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the delivery log; None asks for all. `since` looks at when a row was made (UTC)."""

    subscription: str | None = None
    status: Status | None = None
    alert_id: str | None = None
    since: dt.datetime | None = None


class History:
    def __init__(self, store: Store) -> None:
        self.store = store

    def page(self, caller: Identity, wanted: Wanted, limit: int, after: tuple[dt.datetime, str] | None) -> tuple[list[DeliveryRow], int]:
        """At most `limit` rows, newest first, from after a place on; and how many match in all."""
        with self.store.database.reading() as session:
            matching = and_(_seen(caller), *_conditions(wanted))
            total = session.connection().execute(select(func.count()).select_from(DeliveryRow).where(matching)).scalar_one()
            query = select(DeliveryRow).where(matching).order_by(col(DeliveryRow.created_at).desc(), col(DeliveryRow.delivery_id).desc()).limit(limit)
            if after:
                at, which = after
                query = query.where(or_(col(DeliveryRow.created_at) < at, and_(col(DeliveryRow.created_at) == at, col(DeliveryRow.delivery_id) < which)))
            return list(session.scalars(query)), total

    def get(self, caller: Identity, delivery_id: str) -> tuple[DeliveryRow, list[AttemptRow]]:
        """A delivery and its attempts, oldest first. Raises Refused (404)."""
        with self.store.database.reading() as session:
            row = _own(session, caller, delivery_id)
            attempts = session.scalars(select(AttemptRow).where(col(AttemptRow.delivery_id) == delivery_id).order_by(col(AttemptRow.attempt_id)))
            return row, list(attempts)

    def send_again(self, caller: Identity, delivery_id: str) -> DeliveryRow:
        """Queues it once more, same webhook-id, same body, all tries before it. Raises Refused (404, 409)."""
        with self.store.writing() as (session, now):
            row = _own(session, caller, delivery_id)
            subscription = session.scalars(select(SubscriptionRow).where(col(SubscriptionRow.subscription_id) == row.subscription_id).with_for_update()).one()
            if subscription.state != State.ACTIVE:
                raise Refused(f"its subscription is {subscription.state}: only an active one is sent to", field="status", status=409)
            if row.status not in AGAIN or subscription.url is None:
                raise Refused(f"the delivery is {row.status}: only what was delivered or has failed is sent again", field="status", status=409)
            row.status, row.attempts, row.next_attempt_at, row.queued_at, row.delivered_at = Status.PENDING, 0, now, now, None
            session.add(row)
        return row

    def feed(self, subscription_id: str, after: int, limit: int) -> tuple[list[DeliveryRow], int]:
        """Events numbered above `after`, in order, whatever became of their delivery; and how many there are above it."""
        with self.store.database.reading() as session:
            later = and_(col(DeliveryRow.subscription_id) == subscription_id, col(DeliveryRow.sequence) > after)
            total = session.connection().execute(select(func.count()).select_from(DeliveryRow).where(later)).scalar_one()
            return list(session.scalars(select(DeliveryRow).where(later).order_by(col(DeliveryRow.sequence)).limit(limit))), total

    def acknowledge(self, subscription: SubscriptionRow, through: int) -> None:
        """A reader that asks for what follows `through` has everything up to it: the pull feed's rows count as delivered."""
        if subscription.url is not None or through <= subscription.acknowledged:
            return
        with self.store.writing() as (session, now):
            row = session.scalars(select(SubscriptionRow).where(col(SubscriptionRow.subscription_id) == subscription.subscription_id).with_for_update()).one()
            row.acknowledged = max(row.acknowledged, min(through, row.last_sequence))
            row.last_delivered_at = now
            session.add(row)
            fetched = update(DeliveryRow).where(
                col(DeliveryRow.subscription_id) == row.subscription_id, col(DeliveryRow.status) == Status.PULL, col(DeliveryRow.sequence) <= row.acknowledged
            )
            session.connection().execute(fetched.values(status=Status.DELIVERED.value, delivered_at=now, last_reason="pulled"))


def _conditions(wanted: Wanted) -> Sequence[Any]:
    found = []
    if wanted.subscription is not None:
        found.append(col(DeliveryRow.subscription_id) == wanted.subscription)
    if wanted.status is not None:
        found.append(col(DeliveryRow.status) == wanted.status.value)
    if wanted.alert_id is not None:
        found.append(col(DeliveryRow.alert_id) == wanted.alert_id)
    if wanted.since is not None:
        found.append(col(DeliveryRow.created_at) >= wanted.since)
    return found


def _seen(caller: Identity) -> ColumnElement[bool]:
    if sees_all(caller):
        return true()
    return col(DeliveryRow.subscription_id).in_(select(col(SubscriptionRow.subscription_id)).where(col(SubscriptionRow.owner) == caller.subject))


def _own(session: Session, caller: Identity, delivery_id: str) -> DeliveryRow:
    row = session.scalars(select(DeliveryRow).where(_seen(caller), col(DeliveryRow.delivery_id) == delivery_id)).one_or_none()
    if row is None:
        raise Refused(f"there is no delivery {delivery_id}", status=404)
    return row
