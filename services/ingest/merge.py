"""Observations of one move, in any order and any number of times, become a `Move`: the same for every order. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.ingest.identity import Identifier, by_day
from services.ingest.numbering import Numbering
from services.ingest.observation import Observation, put_together
from shared.countries import Pack
from shared.countries.pack import folded
from shared.events import Instrument, Move, Stage, Step, Votes

WITHIN_A_DAY = {
    stage: rank
    for rank, stage in enumerate(
        (
            Stage.FILED,
            Stage.ADMITTED,
            Stage.COMMITTEE,
            Stage.REPORT,
            Stage.FLOOR,
            Stage.REJECTED,  # a rejection is followed by a reconsideration that passes, never the other way round, on one day
            Stage.FIRST_VOTE,
            Stage.SECOND_VOTE,
            Stage.PASSED,
            Stage.OBSERVED,
            Stage.INSISTENCE,
            Stage.WITHDRAWN,
            Stage.SHELVED,
            Stage.ENACTED,
            Stage.PUBLISHED,
            Stage.IN_FORCE,
            Stage.STRUCK_DOWN,
            Stage.RESTORED,
            Stage.OTHER,
        )
    )
}
"""Order of steps that share a date: sources tell the day, not the hour."""

SPECIFIC = (Instrument.CONSTITUTIONAL_REFORM, Instrument.LEGISLATIVE_RESOLUTION)
"""Forms that lists of bills call bills."""


@dataclass(frozen=True)
class Merger:
    """Merges by one country's pack and numbering."""

    identifier: Identifier
    stages: dict[str, Stage | None] = field(default_factory=dict, repr=False)
    folds: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, pack: Pack) -> Merger:
        return cls(Identifier(pack, Numbering.of(pack)))

    def stage_of(self, observation: Observation) -> Stage:
        """As told, else as the pack maps the native stage; what nobody maps is kept as `other`."""
        return observation.stage or self.mapped(observation.native_stage or "") or Stage.OTHER

    def mapped(self, native: str) -> Stage | None:
        if native not in self.stages:
            self.stages[native] = self.identifier.pack.stage_of(native)
        return self.stages[native]

    def fold(self, native: str) -> str:
        if native not in self.folds:
            self.folds[native] = folded(native)
        return self.folds[native]

    def merge(self, observations: Iterable[Observation], move_id: str | None = None) -> Move:
        """At least one observation, all of one move. `move_id` keeps the id a move already has."""
        ordered = by_day({one.content: one for one in observations}.values())
        first = ordered[0]
        period, chamber = self.identifier.place(first)
        titled = next((one for one in reversed(ordered) if one.title_origin == "official"), ordered[-1])
        source = next((one.source.url for one in ordered if one.source and one.source.url), None)
        told = {
            "move_id": move_id or self.identifier.move_id(ordered),
            "key": first.key,
            "country": self.identifier.pack.code,
            "period": period,
            "chamber": chamber,
            "instrument": _instrument(ordered),
            "aliases": self._aliases(ordered, first.key),
            "title": titled.title,
            "title_origin": titled.title_origin,
            "title_en": titled.title_en or _latest(ordered, "title_en"),
            "summary": _latest(ordered, "summary"),
            "text": _latest(ordered, "text"),
            "proponent": _latest(ordered, "proponent"),
            "groups": tuple(sorted({group for one in ordered for group in one.groups})),
            "related": self._related(ordered),
            "steps": self._steps(ordered),
            "url": source,
        }
        # All of it was checked when it was observed: to check it again would cost as much as the rest of this.
        return put_together(Move, told)

    def _aliases(self, ordered: Sequence[Observation], key: str) -> tuple[str, ...]:
        """Every number once, in its fullest form; the key stands beside them."""
        best: dict[str, tuple[tuple[int, int, str], str]] = {}
        for one in ordered:
            for number in self.identifier.numbers(one):
                order, written = best.get(number.alias, (self.identifier.order(number), ""))
                best[number.alias] = (order, max(written, number.written, key=lambda text: (text != key, len(text), text)))
        return tuple(written for _, written in sorted(best.values()) if written not in ("", key))

    def _related(self, ordered: Sequence[Observation]) -> tuple[str, ...]:
        if not any(one.related for one in ordered):
            return ()
        own = {number.alias for one in ordered for number in self.identifier.numbers(one)}
        found: dict[str, str] = {}
        for one in ordered:
            place = self.identifier.place(one)
            for number in (self.identifier.numbering.read(text, *place) for text in one.related):
                if number.alias not in own:
                    found[number.alias] = max(found.get(number.alias, ""), number.written)
        return tuple(sorted(found.values()))

    def _steps(self, ordered: Sequence[Observation]) -> tuple[Step, ...]:
        if len(ordered) == 1:
            return (self._step(ordered[0]),)
        best: dict[tuple[object, ...], tuple[tuple[object, ...], Observation]] = {}
        for one in self._counted(ordered):
            key, rank = self._same(one), _rank(one)
            if key not in best or rank < best[key][0]:
                best[key] = (rank, one)
        steps = [self._step(one) for _, one in best.values()]
        told = {(step.date, step.stage, step.native_stage, step.detail) for step in steps if step.votes}
        steps = [step for step in steps if step.votes or (step.date, step.stage, step.native_stage, step.detail) not in told]
        return archived(in_order(steps))

    def _counted(self, ordered: Sequence[Observation]) -> list[Observation]:
        """A state without a date counts once, and only while no dated step tells the same stage."""
        counted = [one for one in ordered if not one.undated]
        known = {self.stage_of(one) for one in counted}
        for one in ordered:
            if one.undated and (stage := self.stage_of(one)) not in known:
                known.add(stage)
                counted.append(one)
        return counted

    def _same(self, one: Observation) -> tuple[object, ...]:
        """Two sources that tell the same step agree in this."""
        votes = (one.votes.yes, one.votes.no, one.votes.abstentions) if one.votes else None
        return one.first_day, one.precision, self.stage_of(one), self.fold(one.native_stage or ""), one.detail or "", votes

    def _step(self, one: Observation) -> Step:
        told = {
            "stage": self.stage_of(one),
            "native_stage": one.native_stage,
            "date": one.first_day,
            "precision": one.precision,
            "detail": one.detail,
            "votes": Votes.model_construct(yes=one.votes.yes, no=one.votes.no, abstentions=one.votes.abstentions) if one.votes else None,
            "shortcut": one.shortcut,
            "source": one.source,
            "confidence": one.confidence,
            "note": one.note if one.note and (one.note.es or one.note.en) else None,
        }
        return put_together(Step, told)


def merge(observations: Iterable[Observation], pack: Pack) -> Move:
    """As `Merger.merge`, for whoever merges once: a Merger kept remembers labels and numbers."""
    return Merger.of(pack).merge(observations)


def in_order(steps: Iterable[Step]) -> list[Step]:
    """By date; within a day by the order in which stages follow each other."""
    return sorted(steps, key=_position)


def _position(step: Step) -> tuple[dt.date, int, str, str, str]:
    return step.date, WITHIN_A_DAY[step.stage], step.native_stage or "", step.detail or "", step.votes.model_dump_json() if step.votes else ""


def archived(steps: Sequence[Step]) -> tuple[Step, ...]:
    """What is published is no longer shelved: from then on it is the file that goes to the archive."""
    published = next((at for at, step in enumerate(steps) if step.stage in (Stage.PUBLISHED, Stage.IN_FORCE)), len(steps))
    return tuple(step.model_copy(update={"stage": Stage.OTHER}) if at > published and step.stage is Stage.SHELVED else step for at, step in enumerate(steps))


def _instrument(ordered: Sequence[Observation]) -> Instrument:
    first = ordered[0].instrument
    if first in (Instrument.BILL, Instrument.LAW):
        return next((one.instrument for one in ordered if one.instrument in SPECIFIC), first)
    return first


def _latest(ordered: Sequence[Observation], name: str) -> str | None:
    for one in reversed(ordered):
        if value := getattr(one, name):
            return str(value)
    return None


def _rank(one: Observation) -> tuple[object, ...]:
    """The better witness of the same step: sourced before inferred, with a source before without, then any fixed order."""
    return one.confidence != "sourced", one.source is None, one.note is None, one.content
