"""The scoring API: text in, assessment out. Stateless: what is pasted is scored and forgotten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated

from flask import Response
from flask_openapi3.openapi import OpenAPI
from pydantic import Field, StringConstraints

from services.scoring.assess import ScoringPack, assess
from shared.events import Assessment, Instrument, Move, Stage, Step, Votes
from shared.http import Body, Door, create_api, reply, require
from shared.identity import Role

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


class PastedStep(Body):
    """A step of the pasted move; `date` ISO."""

    stage: Stage
    date: dt.date = Field(ge=dt.date(1821, 7, 28), le=dt.date(2100, 1, 1))
    shortcut: Text | None = Field(default=None, max_length=200)
    votes: Votes | None = None


class Pasted(Body):
    """What is known of a move: a title at least; the more text, the less the scorer abstains."""

    title: Text = Field(min_length=1, max_length=2000)
    summary: Text | None = Field(default=None, max_length=20_000)
    text: Text | None = Field(default=None, max_length=500_000)
    instrument: Instrument = Instrument.BILL
    steps: list[PastedStep] = Field(default=[], max_length=200)
    as_of: dt.date | None = Field(default=None, ge=dt.date(1990, 1, 1), le=dt.date(2100, 1, 1))

    def move(self, country: str, as_of: dt.date) -> Move:
        """The pasted text as a move without a number."""
        steps = [Step(stage=step.stage, date=step.date, shortcut=step.shortcut, votes=step.votes) for step in sorted(self.steps, key=lambda step: step.date)]
        return Move(
            move_id="pasted",
            key="pasted",
            country=country,
            period="",
            chamber="",
            instrument=self.instrument,
            title=self.title,
            summary=self.summary,
            text=self.text,
            steps=tuple(steps or [Step(stage=Stage.FILED, date=as_of)]),
        )


def create_app(door: Door, pack: ScoringPack, today: Callable[[], dt.date]) -> OpenAPI:
    """`today` is used only when the request names no `as_of`."""
    app = create_api("scoring", "Veedor scoring", door)

    @app.post("/v1/assess", summary="Assess a pasted move", responses={"200": Assessment})
    def post_assess(body: Pasted) -> Response:
        require(*Role)
        as_of = body.as_of or today()
        return reply(assess(body.move(pack.country.code, as_of), pack, as_of))

    return app
