"""Composition root of alerting: assessments in; alerts out through the ledger, its API and its stream."""

from __future__ import annotations

from services.alerting.app import Parts, create_app
from services.alerting.archive import Archive
from services.alerting.catalogue import Catalogue
from services.alerting.checkpoint import fingerprint
from services.alerting.glance import Glance
from services.alerting.institutions import Institutions
from services.alerting.store import Store
from services.alerting.stream import Broadcaster
from shared.consumer import Loop
from shared.countries import load
from shared.events import ASSESSMENTS
from shared.identity import load_key, public_pem
from shared.outbox import Relay
from shared.process import Context, Part


def build(context: Context) -> Part:
    settings = context.settings
    pack = load(settings.country)
    database = context.database("alerting")
    key = load_key(settings.keys / "ledger.pem")
    public = key.public_key()
    archive = Archive(database)
    broadcaster = Broadcaster(archive, settings.watchers)
    origin = f"veedor/{settings.country}/{fingerprint(public)}"
    store = Store(database, pack, key, origin, context.now, public_url=settings.public_url, written=broadcaster.notify)
    relay = Relay("alerting", database, context.bus, store.pending, store.mark)
    loop = Loop(
        "alerting",
        context.bus,
        ASSESSMENTS,
        Glance,
        store.handle,
        context.stop,
        after=relay.drain,
        turned=context.liveness.register("alerting"),
        dead_letter_limit=settings.dead_letter_limit,
    )
    outbox, stream = context.liveness.register("alerting.outbox"), context.liveness.register("alerting.stream")
    parts = Parts(Catalogue(database), Institutions(database, pack), archive, broadcaster, public_pem(public))
    return Part(
        "alerting",
        create_app(context.door({"database": database.ready}), parts),
        {
            "alerting": loop.run,
            # What a crash left unpublished leaves from here; in the ordinary course the loop drains it.
            "alerting outbox": lambda: relay.run(context.stop, outbox),
            "alerting stream": lambda: broadcaster.run(context.stop, stream),
        },
        broadcaster.close,
    )
