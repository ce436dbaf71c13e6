"""What ingest knows, read: moves by filter, one move by any of its names, sources. In: a query; out: rows. Writes nothing."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlmodel import Session, col

from services.ingest.numbering import Numbering
from services.ingest.tables import AliasRow, MoveRow, ObservationRow, OutboxRow, SourceRow
from shared.countries import Pack
from shared.countries.pack import folded
from shared.database import Database
from shared.errors import Refused
from shared.events import Stage

ESCAPE = "\\"


@dataclass(frozen=True)
class Wanted:
    """Filters of a list; None lets everything through. `updated_since` is when we wrote it down, `changed_since` the day it happened to us as news."""

    country: str | None = None
    period: str | None = None
    stage: Stage | None = None
    pending: bool | None = None
    q: str | None = None
    alias: str | None = None
    updated_since: dt.datetime | None = None
    changed_since: dt.date | None = None


@dataclass(frozen=True)
class Page:
    """Some rows, the cursor of the rest, and how many there are in all."""

    rows: Sequence[MoveRow]
    next: str | None
    total: int


class Catalogue:
    """Reads of one ingest database."""

    def __init__(self, database: Database, pack: Pack) -> None:
        self.database = database
        self.pack = pack
        self.numbering = Numbering.of(pack)

    def moves(self, wanted: Wanted, limit: int, cursor: str | None = None) -> Page:
        """Latest change first, `limit` at a time. Raises Refused for a cursor that is none of ours."""
        with self.database.reading() as session:
            filters = self._filters(session, wanted)
            total = session.execute(select(func.count()).select_from(MoveRow).where(*filters)).scalar_one()
            query = select(MoveRow).where(*filters, *_after(cursor)).order_by(col(MoveRow.changed_on).desc(), col(MoveRow.move_id))
            rows = session.execute(query.limit(limit + 1)).scalars().all()
            more = _cursor(rows[limit - 1]) if len(rows) > limit else None
            return Page(rows[:limit], more, total)

    def move(self, name: str) -> tuple[MoveRow, Sequence[ObservationRow]]:
        """A move by its id, its key or any number, with everything observed of it, oldest first. Raises Refused: 404, or 409 when a number means several moves."""
        with self.database.reading() as session:
            row = session.get(MoveRow, name) or session.get(MoveRow, self._named(session, name) or "")
            if row is None:
                raise Refused(f"no move is called {name!r}: look at GET /v1/moves", field="move_id", status=404)
            observed = select(ObservationRow).where(col(ObservationRow.move_id) == row.move_id).order_by(col(ObservationRow.id))
            return row, session.execute(observed).scalars().all()

    def sources(self) -> Sequence[SourceRow]:
        """Everything that ever told us something, the latest first."""
        with self.database.reading() as session:
            return session.execute(select(SourceRow).order_by(col(SourceRow.last_seen).desc(), col(SourceRow.source)).limit(500)).scalars().all()

    def waiting(self) -> int:
        """Events that are not published yet."""
        with self.database.reading() as session:
            return int(session.execute(select(func.count()).select_from(OutboxRow)).scalar_one())

    def _filters(self, session: Session, wanted: Wanted) -> list[ColumnElement[bool]]:
        equal: dict[Any, Any] = {MoveRow.country: wanted.country, MoveRow.period: wanted.period, MoveRow.stage: wanted.stage, MoveRow.pending: wanted.pending}
        found: list[ColumnElement[bool]] = [col(column) == value for column, value in equal.items() if value is not None]
        if wanted.q is not None:
            text = folded(wanted.q).replace(ESCAPE, ESCAPE * 2).replace("%", ESCAPE + "%").replace("_", ESCAPE + "_")
            found.append(col(MoveRow.search).like(f"%{text}%", escape=ESCAPE))
        if wanted.alias is not None:
            found.append(col(MoveRow.move_id) == (self._named(session, wanted.alias) or ""))
        if wanted.updated_since is not None:
            found.append(col(MoveRow.updated_at) >= wanted.updated_since)
        if wanted.changed_since is not None:
            found.append(col(MoveRow.changed_on) >= wanted.changed_since)
        return found

    def _named(self, session: Session, name: str) -> str | None:
        """The move of a key or number; without a period the latest that has it."""
        number = self.numbering.read(name)
        if number.scope is not None:
            row = session.get(AliasRow, f"{self.pack.code}|{number.alias}")
            return row.move_id if row else None
        rows = session.execute(select(AliasRow).where(col(AliasRow.name) == number.name)).scalars().all()
        newest = max((row.scope.partition(".")[0] for row in rows), default="")
        found = sorted({row.move_id for row in rows if row.scope.partition(".")[0] == newest})
        if len(found) > 1:
            raise Refused(f"{name!r} means several moves: ask for one of {', '.join(found)}", field="move_id", status=409)
        return found[0] if found else None


def _cursor(row: MoveRow) -> str:
    return base64.urlsafe_b64encode(f"{row.changed_on}|{row.move_id}".encode()).decode().rstrip("=")


def _after(cursor: str | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    try:
        day, separator, move_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition("|")
        changed_on = dt.date.fromisoformat(day)
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise Refused("is no cursor of this list: take `next` as a page gave it", field="cursor") from error
    if not separator or not move_id.isprintable():
        raise Refused("is no cursor of this list: take `next` as a page gave it", field="cursor")
    return [or_(col(MoveRow.changed_on) < changed_on, and_(col(MoveRow.changed_on) == changed_on, col(MoveRow.move_id) > move_id))]
