"""One batch of observations inside one transaction. In: a session and observations; out: an `Outcome` a move, with rows, names and events written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import orjson
from prometheus_client import Counter
from sqlalchemy import select, update
from sqlmodel import Session, col

from services.ingest.identity import Grouping, Identifier
from services.ingest.issue import Issue, Reason, move_json, provenance_json
from services.ingest.lapse import lapses_on, pending, settled, watched_until
from services.ingest.merge import Merger
from services.ingest.numbering import NAME, Number
from services.ingest.observation import Observation, read_content, visible_from
from services.ingest.tables import Base, MoveRow, ObservationRow
from shared.countries import Pack
from shared.countries.pack import folded
from shared.errors import Refused
from shared.events import MOVES, Instrument, Move, Provenance, digest
from shared.rows import DIALECTS, among, insert_rows

UNKNOWN_STAGES = Counter("veedor_ingest_unknown_stage_total", "Observations whose native stage no pack maps; kept as `other`.", ["country"])
REVISIONS = Counter("veedor_ingest_revisions_total", "Revisions of moves stored.", ["country", "reason"])

ALIASES = Base.metadata.tables["aliases"]
_HELD = {dialect: select(ALIASES.c.alias, ALIASES.c.move_id).where(among(dialect, ALIASES.c.alias, "aliases")) for dialect in DIALECTS}

HISTORY = dt.timedelta(days=30)
"""A move without a newer step is history: it is listed and never delivered."""

MAX_EVENT_BYTES = 600_000
"""Scoring sends the move on with its assessment: both must fit a record of the bus."""

CHUNK = 5_000
FIELDS = tuple(sorted(Move.model_fields))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a move's observations: `observed` are their positions in the batch, `new` those never seen before, `changed` the fields of the move that differ."""

    move_id: str
    revision: int
    observed: tuple[int, ...]
    new: tuple[int, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def revised(self) -> bool:
        return bool(self.changed)


@dataclass(frozen=True)
class Circumstances:
    """What holds for a whole batch: the day it is about, what it came from, whether it is history (None: told by the dates) or an exercise, and the time on the wall."""

    as_of: dt.date
    recorded_at: dt.datetime
    provenance: Provenance | None = None
    backfill: bool | None = None
    exercise: bool = False

    @property
    def source(self) -> str:
        return self.provenance.source if self.provenance else "unknown"

    @cached_property
    def told(self) -> bytes | None:
        """The provenance as a move's row keeps it."""
        return provenance_json(self.provenance)


@dataclass
class _Subject:
    """A move of the batch: which observations are about it, by which names, and what is stored of it."""

    observed: list[int]
    names: dict[str, Number]
    move_id: str | None
    row: MoveRow | None = None
    stored: list[Observation] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)


@dataclass
class Revision:
    """Writes one batch through `session`; the caller owns the transaction."""

    session: Session
    pack: Pack
    identifier: Identifier
    merger: Merger
    circumstances: Circumstances

    def observe(self, observations: Sequence[Observation]) -> list[Outcome]:
        """Raises Refused for a key that stands for two instruments and for a move too large to be sent."""
        subjects = self._subjects(observations)
        self._load(subjects)
        written = _Written()
        taken: set[str] = set()
        outcomes = [self._revise(subject, observations, written, taken) for subject in subjects]
        written.flush(self.session)
        UNKNOWN_STAGES.labels(self.pack.code).inc(written.unknown)
        REVISIONS.labels(self.pack.code, "observed").inc(len(written.events))
        return outcomes

    def _subjects(self, observations: Sequence[Observation]) -> list[_Subject]:
        """The batch by move; two groups that turn out to be the same stored move become one."""
        numbers = [self.identifier.numbers(observation) for observation in observations]
        held = self._held({number.alias for named in numbers for number in named})
        grouping = Grouping()
        for named in numbers:
            grouping.add(named, owned=any(number.origin and number.alias in held for number in named))
        subjects: dict[str, _Subject] = {}
        for group in grouping.lists():
            names = {number.alias: number for at in group for number in numbers[at]}
            owner = self._owner(names, held)
            free = {alias: number for alias, number in names.items() if alias not in held}
            place = owner or f"new {group[0]}"
            if place in subjects:
                subjects[place].observed += group
                subjects[place].names |= free
            else:
                subjects[place] = _Subject(list(group), free, owner)
        return list(subjects.values())

    def _held(self, aliases: Iterable[str]) -> dict[str, str]:
        """alias -> the move that has it."""
        held: dict[str, str] = {}
        prefix = f"{self.pack.code}|"
        for chunk in _chunks(sorted(prefix + alias for alias in aliases)):
            connection = self.session.connection()
            found = connection.execute(_HELD[connection.dialect.name], {"aliases": chunk})
            held |= {alias.removeprefix(prefix): move_id for alias, move_id in found}
        return held

    def _owner(self, names: dict[str, Number], held: dict[str, str]) -> str | None:
        """The stored move of a group: by key, else by its lowest number of birth, else by a number earned later when it has no other."""
        known = [number for number in names.values() if number.alias in held]
        born = any(number.origin and number.series != NAME for number in names.values())
        usable = [number for number in known if number.origin or not born]
        if not usable:
            return None
        best = min(usable, key=lambda number: (number.series != NAME, not number.origin, self.identifier.order(number)))
        return held[best.alias]

    def _load(self, subjects: Sequence[_Subject]) -> None:
        by_id = {subject.move_id: subject for subject in subjects if subject.move_id}
        for chunk in _chunks(sorted(by_id)):
            for row in self.session.execute(select(MoveRow).where(col(MoveRow.move_id).in_(chunk))).scalars():
                by_id[row.move_id].row = row
            for stored in self.session.execute(select(ObservationRow).where(col(ObservationRow.move_id).in_(chunk))).scalars():
                by_id[stored.move_id].stored.append(read_content(stored.content))
                by_id[stored.move_id].digests.add(stored.digest)

    def _revise(self, subject: _Subject, observations: Sequence[Observation], written: _Written, taken: set[str]) -> Outcome:
        fresh = self._fresh(subject, observations)
        row = subject.row
        if row is not None and not fresh:
            return Outcome(row.move_id, row.revision, tuple(subject.observed))
        said = [observations[at] for at in fresh.values()]
        refuse_two_instruments([*subject.stored, *said])
        move = self._merged(subject, said, taken)
        content = move_json(move)
        changed = _changed(row.content, content) if row else _newly_told(move)
        revision = (row.revision if row else 0) + bool(changed)
        written.observations += [self._observation_row(key, observations[at], move.move_id) for key, at in fresh.items()]
        written.aliases += [self._alias_row(number, move.move_id) for number in subject.names.values()]
        written.unknown += sum(one.stage is None and self.merger.mapped(one.native_stage or "") is None for one in said)
        if changed:
            values = self._row(move, content, revision, self._history(subject, said), row)
            (written.updates if row else written.moves).append(values)
            written.events.append(event_row(values, "observed", changed))
        return Outcome(move.move_id, revision, tuple(subject.observed), tuple(fresh.values()), changed)

    def _fresh(self, subject: _Subject, observations: Sequence[Observation]) -> dict[str, int]:
        """digest -> position of what was never said before; the first of equal ones counts."""
        fresh: dict[str, int] = {}
        for at in subject.observed:
            if (key := observations[at].digest) not in subject.digests:
                fresh.setdefault(key, at)
        return fresh

    def _merged(self, subject: _Subject, said: Sequence[Observation], taken: set[str]) -> Move:
        together = [*subject.stored, *said]
        move_id = subject.move_id
        if move_id is None:
            move_id = self.identifier.move_id(together)
            numbered = any(number.origin and number.series != NAME for number in subject.names.values())
            if move_id in taken or (not numbered and self.session.get(MoveRow, move_id) is not None):
                # Two moves without a number may share a day and the first words of a title: the key tells them apart.
                move_id = f"{move_id}-{digest(min(one.key for one in together))[:6]}"
            taken.add(move_id)
        return settled(self.merger.merge(together, move_id), self.pack, self.circumstances.as_of)

    def _history(self, subject: _Subject, said: Sequence[Observation]) -> bool:
        """A move whose newest dated step is old, unless a state nobody dated was just seen to change."""
        if self.circumstances.backfill is not None:
            return self.circumstances.backfill
        if subject.row is not None and any(one.undated for one in said):
            return False
        dated = [visible_from(one) for one in (*subject.stored, *said) if not one.undated]
        return not dated or max(dated) < self.circumstances.as_of - HISTORY

    def _observation_row(self, key: str, one: Observation, move_id: str) -> dict[str, object]:
        told = self.circumstances
        return {"digest": key, "move_id": move_id, "content": one.content, "source": told.source, "as_of": told.as_of, "recorded_at": told.recorded_at}

    def _alias_row(self, number: Number, move_id: str) -> dict[str, object]:
        return {"alias": f"{self.pack.code}|{number.alias}", "name": number.name, "scope": number.scope or "", "move_id": move_id}

    def _row(self, move: Move, content: bytes, revision: int, backfill: bool, before: MoveRow | None) -> dict[str, object]:
        # The days of a move's events never run backwards, whatever day a batch is about.
        day = max(self.circumstances.as_of, before.as_of) if before else self.circumstances.as_of
        return row_values(move, content, self.pack) | {
            "provenance": self.circumstances.told,
            "revision": revision,
            "backfill": backfill,
            "exercise": self.circumstances.exercise,
            "as_of": day,
            "changed_on": day,
            "updated_at": self.circumstances.recorded_at,
        }


@dataclass
class _Written:
    """Rows of a batch, written together at its end."""

    moves: list[dict[str, object]] = field(default_factory=list)
    updates: list[dict[str, object]] = field(default_factory=list)
    aliases: list[dict[str, object]] = field(default_factory=list)
    observations: list[dict[str, object]] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)
    unknown: int = 0
    """Observations of stages that nobody maps."""

    def flush(self, session: Session) -> None:
        aliases = {row["alias"]: row for row in reversed(self.aliases)}
        rows_of = {"moves": self.moves, "aliases": list(aliases.values()), "observations": self.observations, "outbox": self.events}
        for table, rows in rows_of.items():
            insert_rows(session.connection(), Base.metadata.tables[table], rows)
        if self.updates:
            session.execute(update(MoveRow), self.updates)


def row_values(move: Move, content: bytes, pack: Pack) -> dict[str, object]:
    """The columns of a move's row that follow from the move."""
    lapses = lapses_on(move, pack)
    return {
        "move_id": move.move_id,
        "country": move.country,
        "period": move.period,
        "stage": move.stage.value,
        "content": content,
        "search": folded(" ".join((move.key, *move.aliases, move.title))),
        "pending": pending(move, pack),
        "lapses_on": lapses,
        "watched_until": watched_until(move, lapses),
    }


def event_row(values: dict[str, object], reason: Reason, changed: tuple[str, ...] = ()) -> dict[str, object]:
    """The outbox row of a move's event. Raises Refused when no bus would take it."""
    names = ("move_id", "content", "revision", "as_of", "backfill", "exercise", "provenance")
    value = Issue(**{name: values[name] for name in names}, reason=reason, changed=changed).encode()  # type: ignore[arg-type]
    if len(value) > MAX_EVENT_BYTES:
        raise Refused(f"the move has grown to {len(value)} bytes of at most {MAX_EVENT_BYTES}: shorten its texts", field="text")
    return {"topic": MOVES, "key": values["move_id"], "value": value}


def refuse_two_instruments(observations: Iterable[Observation]) -> None:
    """Raises Refused when one key is said to be two instruments."""
    instruments: dict[str, Instrument] = {}
    for one in observations:
        known = instruments.setdefault(one.key, one.instrument)
        if known is not one.instrument:
            raise Refused(
                f"{str(one.instrument)!r} contradicts {str(known)!r}, said before of key {one.key!r}: correct the instrument, or use another key", field="instrument", status=409
            )


def _newly_told(move: Move) -> tuple[str, ...]:
    """Fields of which a new move tells something: those its canonical JSON has."""
    told = vars(move)
    return tuple([name for name in FIELDS if told[name] is not None])


def _changed(before: bytes, after: bytes) -> tuple[str, ...]:
    """Fields in which two canonical JSONs of a move differ."""
    if before == after:
        return ()
    old, new = orjson.loads(before), orjson.loads(after)
    return tuple(name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name))


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(values), CHUNK):
        yield values[at : at + CHUNK]
