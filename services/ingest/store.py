"""Every transaction of ingest that writes. In: observations and days; out: revisions of moves, each with its event in the outbox, whole or not at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from services.ingest.identity import Identifier
from services.ingest.issue import Reason, move_json
from services.ingest.lapse import settled
from services.ingest.merge import Merger
from services.ingest.observation import Observation
from services.ingest.revision import REVISIONS, Circumstances, Outcome, Revision, event_row, row_values
from services.ingest.tables import Base, MoveRow, OutboxRow, ProgressRow, SourceRow
from shared.bus.contract import Bus, Record
from shared.countries import Pack
from shared.database import Database
from shared.events import Move, Provenance
from shared.outbox import Pending, Relay, within_bytes
from shared.rows import insert_rows, read_rows

BATCH = 500
LOOK = 0.1
"""Seconds until the relay sees what another process (`veedor import`) wrote. An empty look takes half a millisecond."""
OUTBOX = Base.metadata.tables["outbox"]

__all__ = ["Base", "Outcome", "Store"]


class Store:
    """Ingest's database, written to. `now` is the time on the wall (UTC), used only to say when something was recorded."""

    def __init__(self, database: Database, pack: Pack, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> None:
        self.database = database
        self.pack = pack
        self.now = now
        self.merger = Merger.of(pack)

    @property
    def identifier(self) -> Identifier:
        return self.merger.identifier

    def observe(
        self, observations: Sequence[Observation], *, as_of: dt.date, backfill: bool | None = None, exercise: bool = False, provenance: Provenance | None = None
    ) -> list[Outcome]:
        """Takes in a batch, one revision a move at most; what was said before changes nothing.

        `backfill` None: a move without a step in the 30 days before `as_of` is history. Raises Refused (the whole batch is out), Retryable.
        """
        with self._writing() as session:
            return self._observe(session, observations, Circumstances(as_of, self.now(), provenance, backfill, exercise))

    def advance(self, day: dt.date, observations: Sequence[Observation], *, exercise: bool = True, provenance: Provenance | None = None, name: str = "replay") -> list[Outcome]:
        """One day of a replay in one transaction: what was seen, what lapsed, the daily look at the rest, and the cursor. A day already in changes nothing."""
        with self._writing() as session:
            reached = session.get(ProgressRow, name)
            if reached is not None and reached.day >= day:
                return []
            outcomes = self._observe(session, observations, Circumstances(day, self.now(), provenance, False, exercise))
            while self._shelve(session, day, exercise):
                pass
            while self._issue(session, day, exercise):
                pass
            if reached is None:
                session.add(ProgressRow(name=name, day=day))
            else:
                reached.day = day
            return outcomes

    def clock(self, day: dt.date, *, exercise: bool = False) -> int:
        """Issues every pending move that was not issued on `day` yet, a batch a transaction; returns how many. Safe to break off and repeat."""
        return self._batches(lambda session: self._issue(session, day, exercise))

    def shelve_ended(self, day: dt.date, *, exercise: bool = False) -> int:
        """Ends what lapsed on or before `day`, a batch a transaction; returns how many."""
        return self._batches(lambda session: self._shelve(session, day, exercise))

    def waiting(self) -> int:
        """Events that are not published yet."""
        with self.database.reading() as session:
            return int(session.execute(select(func.count()).select_from(OutboxRow)).scalar_one())

    def progress(self, name: str = "replay") -> dt.date | None:
        """The last day a replay has wholly in; None when none ever ran here."""
        with self.database.reading() as session:
            row = session.get(ProgressRow, name)
            return row.day if row else None

    def trouble(self, source: str, kind: str, why: str | None) -> None:
        """Notes what is wrong with a source, or (None) that nothing is."""
        with self._writing() as session:
            self._saw(session, source, kind, 0, why)

    def relay(self, bus: Bus) -> Relay:
        """The publisher of this store's outbox."""
        return Relay("ingest", self.database, bus, pending=unpublished, mark=published, look=LOOK)

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with self.database.transaction() as session:
            if not self.database.is_sqlite:
                # One writer at a time: the order of the outbox is the order of commits, and no two writers name the same move.
                session.connection().execute(text("SELECT pg_advisory_xact_lock(hashtext('ingest writes'))"))
            yield session

    def _batches(self, work: Callable[[Session], int]) -> int:
        total = 0
        while True:
            with self._writing() as session:
                count = work(session)
            total += count
            if not count:
                return total

    def _observe(self, session: Session, observations: Sequence[Observation], circumstances: Circumstances) -> list[Outcome]:
        outcomes = Revision(session, self.pack, self.identifier, self.merger, circumstances).observe(observations)
        if circumstances.provenance is not None:
            self._saw(session, circumstances.source, circumstances.source.partition(":")[0], sum(len(outcome.new) for outcome in outcomes))
        return outcomes

    def _saw(self, session: Session, source: str, kind: str, count: int, trouble: str | None = None) -> None:
        values = {"source": source, "kind": kind, "last_seen": self.now(), "count": count, "trouble": trouble}
        session.connection().execute(_seeing("sqlite" if self.database.is_sqlite else "postgresql"), [values])

    def _issue(self, session: Session, day: dt.date, exercise: bool) -> int:
        names = ("move_id", "content", "revision", "provenance")
        due = select(*(getattr(MoveRow, name) for name in names)).where(col(MoveRow.pending), col(MoveRow.as_of) < day, col(MoveRow.watched_until) >= day)
        rows = session.execute(due.order_by(col(MoveRow.move_id)).limit(BATCH)).all()
        # A level that rises by the calendar alone is news, of an old move too.
        events = [event_row(dict(zip(names, row, strict=True)) | {"as_of": day, "backfill": False, "exercise": exercise}, "clock") for row in rows]
        if events:
            insert_rows(session.connection(), OUTBOX, events)
            session.execute(update(MoveRow).where(col(MoveRow.move_id).in_([row[0] for row in rows])).values(as_of=day))
        return len(rows)

    def _shelve(self, session: Session, day: dt.date, exercise: bool) -> int:
        ended = select(MoveRow).where(col(MoveRow.pending), col(MoveRow.lapses_on) <= day)
        rows = session.execute(ended.order_by(col(MoveRow.move_id)).limit(BATCH)).scalars().all()
        reason: Reason = "period_ended"
        for row in rows:
            move = settled(Move.model_validate_json(row.content), self.pack, day)
            values = row_values(move, move_json(move), self.pack) | self._next(row, day, exercise)
            insert_rows(session.connection(), OUTBOX, [event_row(values | {"provenance": row.provenance}, reason, ("steps",))])
            session.execute(update(MoveRow), [values])
        REVISIONS.labels(self.pack.code, reason).inc(len(rows))
        return len(rows)

    def _next(self, row: MoveRow, day: dt.date, exercise: bool) -> dict[str, Any]:
        day = max(day, row.as_of)
        return {"revision": row.revision + 1, "backfill": row.backfill, "exercise": exercise, "as_of": day, "changed_on": day, "updated_at": self.now()}


def unpublished(session: Session, limit: int) -> list[Pending]:
    """The oldest events that are not published, in the order they were written."""
    rows = read_rows(session.connection(), _UNPUBLISHED, {"most": limit})
    return [Pending(position, Record(topic, key, value)) for position, topic, key, value in rows]


def published(session: Session, position: int) -> None:
    """Everything up to `position` is out."""
    session.connection().execute(_PUBLISHED, {"through": position})


# Built once: the relay asks a hundred times a second, and building them costs more than running them.
_UNPUBLISHED = within_bytes(select(OUTBOX.c.position, OUTBOX.c.topic, OUTBOX.c.key, OUTBOX.c.value).order_by(OUTBOX.c.position).limit(bindparam("most")), "value")
_PUBLISHED = OUTBOX.delete().where(OUTBOX.c.position <= bindparam("through"))


@cache
def _seeing(dialect: str) -> Any:
    """A source is there with what it told in all; built once, because building it costs more than running it."""
    sources = SourceRow.__table__  # type: ignore[attr-defined]
    statement = (sqlite if dialect == "sqlite" else postgresql).insert(sources)
    new = statement.excluded
    return statement.on_conflict_do_update(index_elements=["source"], set_={"last_seen": new.last_seen, "count": sources.c.count + new.count, "trouble": new.trouble})
