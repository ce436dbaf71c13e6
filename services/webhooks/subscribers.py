"""Subscriptions as people make and change them. In: what the API was asked, by whom; out: rows. A subscriber sees and touches only their own."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlmodel import Session, col

from services.webhooks.queue import OPEN, hasten, hold, let_go
from services.webhooks.signing import SECRET_BYTES
from services.webhooks.store import DELIVERIES, Status, Store, SubscriptionRow
from services.webhooks.subscription import Filters, State, capped
from shared.errors import Refused
from shared.identity import Identity, Role

MOST_PER_OWNER = 100


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows of a subscription that are not delivered yet."""

    pending: int = 0
    held: int = 0
    pull: int = 0


def sees_all(caller: Identity) -> bool:
    return caller.may(Role.OPERATOR)


class Subscribers:
    """Transactions on subscriptions. Every method raises Refused (404) for what the caller may not see."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create(self, caller: Identity, *, url: str | None, description: str, filters: Filters, max_per_second: int) -> SubscriptionRow:
        """The new row, secret included. Raises Refused (409) beyond the limit an owner."""
        with self.store.writing() as (session, now):
            mine = select(func.count()).select_from(SubscriptionRow).where(col(SubscriptionRow.owner) == caller.subject, col(SubscriptionRow.state) != State.DELETED)
            if session.connection().execute(mine).scalar_one() >= MOST_PER_OWNER:
                raise Refused(f"{caller.subject} has {MOST_PER_OWNER} subscriptions already: delete one first", status=409)
            row = SubscriptionRow(
                subscription_id=f"sub_{secrets.token_hex(12)}",
                owner=caller.subject,
                organisation=caller.organisation,
                clearance=capped(caller.clearance),
                url=url,
                description=description,
                filters=filters.model_dump_json(),
                max_per_second=max_per_second,
                state=State.ACTIVE,
                secret=secrets.token_bytes(SECRET_BYTES),
                created_at=now,
                updated_at=now,
            )
            session.add(row)
        return row

    def get(self, caller: Identity, subscription_id: str) -> SubscriptionRow:
        with self.store.database.reading() as session:
            return _own(session, caller, subscription_id)

    def page(self, caller: Identity, limit: int, after: tuple[dt.datetime, str] | None) -> tuple[list[SubscriptionRow], int]:
        """At most `limit` rows, oldest first, from after a place on; and how many there are in all."""
        with self.store.database.reading() as session:
            seen = _seen(caller)
            total = session.connection().execute(select(func.count()).select_from(SubscriptionRow).where(seen)).scalar_one()
            query = select(SubscriptionRow).where(seen).order_by(col(SubscriptionRow.created_at), col(SubscriptionRow.subscription_id)).limit(limit)
            if after:
                at, which = after
                later = and_(col(SubscriptionRow.created_at) == at, col(SubscriptionRow.subscription_id) > which)
                query = query.where(or_(col(SubscriptionRow.created_at) > at, later))
            return list(session.scalars(query)), total

    def waiting(self, ids: Sequence[str]) -> dict[str, Waiting]:
        """What waits, a subscription."""
        with self.store.database.reading() as session:
            statuses = (*OPEN, Status.PULL.value)
            query = select(DELIVERIES.c.subscription_id, DELIVERIES.c.status, func.count()).where(DELIVERIES.c.subscription_id.in_(ids), DELIVERIES.c.status.in_(statuses))
            counted: dict[str, dict[str, int]] = {}
            for which, status, count in session.connection().execute(query.group_by(DELIVERIES.c.subscription_id, DELIVERIES.c.status)):
                counted.setdefault(which, {})[status] = count
        return {which: Waiting(**statuses) for which, statuses in counted.items()}

    def change(self, caller: Identity, subscription_id: str, changes: Mapping[str, Any], filters: Mapping[str, Any], state: State | None) -> SubscriptionRow:
        """Columns, single filters and the state. A new address, or `active`, also ends what the system stopped; held rows go out then."""
        with self.store.writing() as (session, now):
            row = _own(session, caller, subscription_id, lock=True)
            if "url" in changes and (changes["url"] is None) != (row.url is None):
                raise Refused("cannot turn a webhook into a pull feed or back: create another subscription", field="url", status=409)
            for name, value in changes.items():
                setattr(row, name, value)
            if filters:
                row.filters = Filters.model_validate_json(row.filters).model_copy(update=dict(filters)).model_dump_json()
            if state is None and "url" in changes and row.state == State.DISABLED:
                state = State.ACTIVE
            if state is not None:
                _enter(session, row, state, now)
            if "url" in changes:
                hasten(session, subscription_id, now)
            row.updated_at = now
            session.add(row)
        return row

    def delete(self, caller: Identity, subscription_id: str) -> None:
        """Stops at once: what waits is dropped and says why, the secret is erased, the log stays."""
        with self.store.writing() as (session, now):
            row = _own(session, caller, subscription_id, lock=True)
            row.state, row.secret, row.previous_secret, row.updated_at = State.DELETED, b"", None, now
            session.add(row)
            session.flush()
            waiting = update(DELIVERIES).where(DELIVERIES.c.subscription_id == subscription_id, DELIVERIES.c.status.in_((*OPEN, Status.PULL.value)))
            session.connection().execute(waiting.values(status=Status.DROPPED.value, last_reason="deleted", leased_by=None, lease_until=None))

    def renew_secret(self, caller: Identity, subscription_id: str, overlap: dt.timedelta) -> SubscriptionRow:
        """A new secret; the one before signs beside it for `overlap` (zero revokes it at once)."""
        with self.store.writing() as (session, now):
            row = _own(session, caller, subscription_id, lock=True)
            row.previous_secret, row.previous_until = (row.secret, now + overlap) if overlap else (None, None)
            row.secret = secrets.token_bytes(SECRET_BYTES)
            row.updated_at = now
            session.add(row)
        return row


def _enter(session: Session, row: SubscriptionRow, state: State, now: dt.datetime) -> None:
    row.state, row.notice_es, row.notice_en = state, "", ""
    session.add(row)
    session.flush()
    if state is State.ACTIVE:
        let_go(session, row.subscription_id, now)
    else:
        hold(session, row.subscription_id)


def _seen(caller: Identity) -> ColumnElement[bool]:
    alive = col(SubscriptionRow.state) != State.DELETED
    return alive if sees_all(caller) else and_(alive, col(SubscriptionRow.owner) == caller.subject)


def _own(session: Session, caller: Identity, subscription_id: str, *, lock: bool = False) -> SubscriptionRow:
    query = select(SubscriptionRow).where(_seen(caller), col(SubscriptionRow.subscription_id) == subscription_id)
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Refused(f"there is no subscription {subscription_id}", status=404)
    return row
