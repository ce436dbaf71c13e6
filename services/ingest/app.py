"""The API of ingest: analysts tell observations, everyone reads moves and sources. In: requests; out: JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from services.ingest import answers as shape
from services.ingest.catalogue import Catalogue
from services.ingest.observation import Observation, understand
from services.ingest.store import Store
from shared.events import Provenance
from shared.http import Door, create_api, reader, reply, require
from shared.identity import Role

MOVES, SOURCES = Tag(name="Moves"), Tag(name="Sources")


@dataclass(frozen=True)
class Parts:
    """What the views work with. `today` is the day in the country's own zone; `wake` tells the outbox of something written, `check_room` raises Full while it cannot leave."""

    store: Store
    catalogue: Catalogue
    today: Callable[[], dt.date]
    now: Callable[[], dt.datetime]
    wake: Callable[[], None]
    check_room: Callable[[], None]
    exercise: bool = False


def create_app(door: Door, parts: Parts) -> OpenAPI:
    app = create_api("ingest", "Veedor ingest", door)

    @app.post("/v1/moves", summary="Tell one observation, in the record's form", tags=[MOVES], responses={"201": shape.Received, "200": shape.Received})
    def post_move(body: Observation) -> Response:
        caller = require(Role.ANALYST)
        received = receive(parts, body, f"api:{caller.subject}"[:300])
        return reply(received, 201 if received.changed else 200, {"Location": f"/v1/moves/{received.move_id}"})

    @app.get("/v1/moves", summary="Moves, the latest change first", tags=[MOVES], responses={"200": shape.MovePage})
    def get_moves(query: shape.MovesQuery) -> Response:
        reader()
        return reply(shape.shown_page(parts.catalogue.moves(query.wanted(), query.limit, query.cursor)))

    @app.get("/v1/moves/<string:move_id>", summary="One move with all that was observed, by id, key or number", tags=[MOVES], responses={"200": shape.MoveDetail})
    def get_move(path: shape.MovePath) -> Response:
        reader()
        return reply(shape.shown_move(*parts.catalogue.move(path.move_id)))

    @app.get("/v1/sources", summary="Where observations come from, and whether they still do", tags=[SOURCES], responses={"200": shape.SourcePage})
    def get_sources() -> Response:
        reader()
        return reply(shape.shown_sources(parts.catalogue.sources(), parts.catalogue.waiting()))

    return app


def receive(parts: Parts, told: Observation, source: str) -> shape.Received:
    """Stores one observation. Raises Refused naming the field, Retryable (Full while the event log is)."""
    parts.check_room()
    today = parts.today()
    observation = understand(told.model_dump(mode="json", exclude_unset=True), parts.store.pack, today)
    url = observation.source.url if observation.source else None
    provenance = Provenance(source=source, url=url, fetched_at=parts.now())
    outcome = parts.store.observe([observation], as_of=today, exercise=parts.exercise, provenance=provenance)[0]
    parts.wake()
    return shape.Received(move_id=outcome.move_id, revision=outcome.revision, changed=list(outcome.changed))
