"""Composition root of ingest: observations in by HTTP and by file, moves out on the bus, the daily clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

from services.ingest.app import Parts, create_app
from services.ingest.catalogue import Catalogue
from services.ingest.store import Store
from services.ingest.watch import Watch
from shared.countries import load
from shared.process import Context, Part


def build(context: Context) -> Part:
    pack = load(context.settings.country)
    database = context.database("ingest")
    zone = ZoneInfo(pack.timezone)
    store = Store(database, pack, context.now)
    relay = store.relay(context.bus)

    def today() -> dt.date:
        return context.now().astimezone(zone).date()

    publishing = context.liveness.register("ingest.outbox")
    work: dict[str, Callable[[], object]] = {"ingest outbox": lambda: relay.run(context.stop, publishing)}
    if not context.exercise:
        # A replay keeps its own calendar: the real one would end and re-issue what it replays.
        watch, turned = Watch(store, today, relay.wake), context.liveness.register("ingest.watch")
        work["ingest watch"] = lambda: watch.run(context.stop, turned)
    parts = Parts(store, Catalogue(database, pack), today, context.now, relay.wake, relay.check_room, context.exercise)
    return Part("ingest", create_app(context.door({"database": database.ready}, lambda: relay.trouble(store.waiting)), parts), work)
