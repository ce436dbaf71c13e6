"""Composition root of webhooks: alerts in, signed deliveries out."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import structlog

from services.webhooks.app import Parts, create_app
from services.webhooks.dispatcher import Dispatcher
from services.webhooks.egress import Egress
from services.webhooks.history import History
from services.webhooks.intake import Intake
from services.webhooks.queue import Queue
from services.webhooks.sender import Sender
from services.webhooks.store import Store
from services.webhooks.subscribers import Subscribers
from shared.bus.contract import Record
from shared.consumer import Loop
from shared.events import ALERTS, AlertChanged
from shared.identity import load_key
from shared.process import Context, Part, utc_now

log = structlog.get_logger(__name__)


def build(context: Context) -> Part:
    settings = context.settings
    database = context.database("webhooks")
    store = Store(database)
    key = load_key(settings.keys / "webhooks.pem")
    egress = Egress(settings.webhook_allow_private)
    if settings.webhook_allow_private:
        log.warning("webhooks may be sent to loopback and private addresses and over plain http", setting="VEEDOR_WEBHOOK_ALLOW_PRIVATE")
    queue = Queue(store, worker=secrets.token_hex(8))
    if database.is_sqlite:
        # One process owns an embedded database: leases found at its start belong to nobody.
        queue.release(everyone=True)
    # Signatures carry real time even in a replay, and the database's even where this machine's clock is off: receivers refuse old ones.
    dispatcher = Dispatcher(queue, Sender(egress), key, store.seconds, context.stop, context.liveness.register("webhooks.lanes"))
    intake = Intake(store)

    def handle(alerts: Sequence[AlertChanged]) -> list[Record]:
        dispatcher.wake(intake.take(alerts, dispatcher))
        return []

    loop = Loop("webhooks", context.bus, ALERTS, AlertChanged, handle, context.stop, turned=context.liveness.register("webhooks"), dead_letter_limit=settings.dead_letter_limit)
    parts = Parts(Subscribers(store), intake, History(store), egress, dispatcher, key, utc_now)
    return Part("webhooks", create_app(context.door({"database": database.ready}), parts), {"webhooks": loop.run, "webhooks lanes": dispatcher.run})
