"""What the tests of webhooks share: a store, people, shorthand to subscribe and to look."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from services.webhooks.intake import Intake
from services.webhooks.queue import Queue
from services.webhooks.store import ATTEMPTS, DELIVERIES, Store, SubscriptionRow
from services.webhooks.subscribers import Subscribers
from services.webhooks.subscription import Filters
from shared.events import AlertChanged, Tlp
from shared.identity import Identity, Role
from tests.unit.webhooks.alerts import alert

FOREVER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def person(name: str = "embassy", role: Role = Role.SUBSCRIBER, clearance: Tlp = Tlp.AMBER) -> Identity:
    return Identity(name, f"{name} organisation", frozenset({role}), clearance, f"token of {name}", FOREVER)


def alerts(count: int, start: int = 1, **changes: Any) -> list[AlertChanged]:
    """`count` first revisions of different alerts."""
    return [alert(alert_id=f"alert.{number}", sequence=number, **changes) for number in range(start, start + count)]


@dataclass(frozen=True)
class House:
    store: Store
    subscribers: Subscribers
    intake: Intake
    key: Ed25519PrivateKey

    def subscribe(self, url: str | None = "https://example.org/hook", *, who: Identity | None = None, rate: int = 1000, **filters: Any) -> SubscriptionRow:
        return self.subscribers.create(who or person(), url=url, description="", filters=Filters(**filters), max_per_second=rate)

    def queue(self, worker: str = "w1", **more: Any) -> Queue:
        return Queue(self.store, worker, **more)

    def rows(self, subscription_id: str | None = None) -> Sequence[Any]:
        """All deliveries, or one subscription's, by number."""
        query = select(DELIVERIES).order_by(DELIVERIES.c.subscription_id, DELIVERIES.c.sequence)
        if subscription_id:
            query = query.where(DELIVERIES.c.subscription_id == subscription_id)
        with self.store.database.reading() as session:
            return session.connection().execute(query).all()

    def attempts(self) -> Sequence[Any]:
        with self.store.database.reading() as session:
            return session.connection().execute(select(ATTEMPTS).order_by(ATTEMPTS.c.attempt_id)).all()

    def statuses(self, subscription_id: str | None = None) -> list[str]:
        return [row.status for row in self.rows(subscription_id)]

    def numbers(self, subscription_id: str) -> list[int]:
        return [row.sequence for row in self.rows(subscription_id)]
