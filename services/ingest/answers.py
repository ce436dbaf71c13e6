"""The shapes of ingest's API: what is asked and what is answered, and how rows become answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from services.ingest.catalogue import Page, Wanted
from services.ingest.tables import MoveRow, ObservationRow, SourceRow
from shared.events import Instrument, Move, Provenance, Stage
from shared.http import Paging

EARLIEST, LATEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC)


def _in_utc(moment: dt.datetime) -> dt.datetime:
    """Within what every database and time zone can hold: nothing of ours is older or newer."""
    return min(max(moment, EARLIEST), LATEST).astimezone(dt.UTC)


Letters = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-]{1,20}$")]
MoveName = Annotated[str, StringConstraints(pattern=r"^[A-Za-zÀ-ÿ0-9._: °º\-]{1,200}$")]
"""An id, a key or a number without a slash ('Ley 32108'); numbers with one go into `?alias=`."""

Searched = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]


class MovesQuery(Paging):
    """Filters of the list of moves."""

    country: Letters | None = None
    period: Letters | None = None
    stage: Stage | None = None
    pending: bool | None = None
    q: Searched | None = Field(default=None, description="Words of the title, a key or a number; accents and case do not matter.")
    alias: Searched | None = Field(default=None, description="Exactly one move, by any number or key, such as 'PL 5981/2023-CR'.")
    updated_since: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = Field(default=None, description="Written down by us at or after this moment (with time zone).")
    changed_since: dt.date | None = Field(default=None, description="Revised on or after this day of the country's calendar.")

    def wanted(self) -> Wanted:
        return Wanted(self.country, self.period, self.stage, self.pending, self.q, self.alias, self.updated_since, self.changed_since)


class MovePath(BaseModel):
    """The move's id, its key, or a number."""

    move_id: MoveName


class MovePublic(BaseModel):
    """A move in a list: facts of the public record, TLP:CLEAR. `as_of` is the day of its last event, `changed_on` of its last revision, `updated_at` when that was written."""

    move_id: str
    key: str
    country: str
    period: str
    chamber: str
    instrument: Instrument
    stage: Stage
    title: str
    title_en: str | None = None
    aliases: list[str] = []
    pending: bool
    revision: int
    backfill: bool
    exercise: bool
    as_of: dt.date
    changed_on: dt.date
    updated_at: dt.datetime
    url: str | None = None


class MovePage(BaseModel):
    """A page of moves; `next` is the cursor of the following one."""

    items: list[MovePublic]
    next: str | None
    total: int


class Observed(BaseModel):
    """What a source said, in the record's form, and when we were told."""

    said: dict[str, Any]
    source: str
    as_of: dt.date
    recorded_at: dt.datetime


class MoveDetail(MovePublic):
    """A move with its steps, everything observed of it, and where its last revision came from."""

    move: Move
    observations: list[Observed]
    provenance: Provenance | None = None


class Received(BaseModel):
    """What became of an observation: `changed` are the fields of the move that it changed, none when it said nothing new."""

    move_id: str
    revision: int
    changed: list[str]


TOLD = frozenset({"import", "record", "api"})
"""Kinds of sources that tell us something when somebody makes them: nobody looks through them, so they are never "ok"."""


class SourcePublic(BaseModel):
    """A source of observations: `count` is how many it gave, `trouble` what is wrong with it.

    `status`: `ok` and `failing` of a source that is watched; `told` of one that is not and last told us something at `last_seen`, `incomplete` when part of it was left out.
    """

    source: str
    kind: str
    status: str
    last_seen: dt.datetime
    count: int
    trouble: str | None = None


class SourcePage(BaseModel):
    """All sources; `waiting` counts the events that are written and not yet published."""

    items: list[SourcePublic]
    next: str | None = None
    total: int
    waiting: int


def shown_page(page: Page) -> MovePage:
    return MovePage(items=[MovePublic(**_shown(row, Move.model_validate_json(row.content))) for row in page.rows], next=page.next, total=page.total)


def shown_move(row: MoveRow, observed: Sequence[ObservationRow]) -> MoveDetail:
    move = Move.model_validate_json(row.content)
    provenance = Provenance.model_validate_json(row.provenance) if row.provenance else None
    observations = [Observed(said=orjson.loads(one.content), source=one.source, as_of=one.as_of, recorded_at=one.recorded_at) for one in observed]
    return MoveDetail(**_shown(row, move), move=move, observations=observations, provenance=provenance)


def _shown(row: MoveRow, move: Move) -> dict[str, Any]:
    of_move = ("move_id", "key", "country", "period", "chamber", "instrument", "stage", "title", "title_en", "url")
    of_row = ("pending", "revision", "backfill", "exercise", "as_of", "changed_on", "updated_at")
    return {name: getattr(move, name) for name in of_move} | {name: getattr(row, name) for name in of_row} | {"aliases": list(move.aliases)}


def shown_sources(rows: Sequence[SourceRow], waiting: int) -> SourcePage:
    items = [SourcePublic(source=row.source, kind=row.kind, status=_status(row), last_seen=row.last_seen, count=row.count, trouble=row.trouble) for row in rows]
    return SourcePage(items=items, total=len(items), waiting=waiting)


def _status(row: SourceRow) -> str:
    if row.kind in TOLD:
        return "incomplete" if row.trouble else "told"
    return "failing" if row.trouble else "ok"
