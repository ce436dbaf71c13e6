"""Composition root of scoring: moves in, assessments out; it stores nothing, so it publishes directly."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.scoring.app import create_app
from services.scoring.assess import ScoringPack, assess_all
from services.scoring.wire import Wire
from shared.bus.contract import Record
from shared.consumer import Loop
from shared.events import ASSESSMENTS, MOVES, MoveObserved
from shared.process import Context, Part


def build(context: Context) -> Part:
    pack = ScoringPack.load(context.settings.country)
    wire = Wire(pack)

    def handle(events: Sequence[MoveObserved]) -> list[Record]:
        found = assess_all([(event.move, event.as_of) for event in events], pack)
        return [Record(ASSESSMENTS, event.key, wire.encoded(event, said)) for event, said in zip(events, found, strict=True)]

    turned, limit = context.liveness.register("scoring"), context.settings.dead_letter_limit
    loop = Loop("scoring", context.bus, MOVES, MoveObserved, handle, context.stop, turned=turned, dead_letter_limit=limit)
    app = create_app(context.door({}), pack, lambda: context.now().astimezone(ZoneInfo(pack.country.timezone)).date())
    return Part("scoring", app, {"scoring": loop.run})
