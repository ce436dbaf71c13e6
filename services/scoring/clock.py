"""When a move could bind. In: its visible steps and the pack's procedure; out: the earliest lawful date, shortcuts taken, days to the next vote, the one-year line.

Pure, and a lower bound: each step at its legal minimum (waivers only where recorded), the Executive promulgating on the day the text arrives.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from services.scoring.memory import Memory
from shared.countries.pack import Pack, folded
from shared.events import Instrument, Milestone, Move, Stage, Step

BOUND = frozenset((Stage.ENACTED, Stage.PUBLISHED, Stage.IN_FORCE))
_MEMORY = 20_000
DEAD = frozenset((Stage.WITHDRAWN, Stage.SHELVED, Stage.REJECTED, Stage.STRUCK_DOWN))


class Clock(NamedTuple):
    """`earliest` is None when the move is dead or is no law; `milestone` the next voting day known on the day."""

    stage: Stage
    reached: dt.date | None
    shortcuts: tuple[str, ...]
    earliest: dt.date | None
    milestone: Milestone | None
    inferred: bool
    inside_one_year: bool


def visible_from(step: Step) -> dt.date:
    """An imprecise date can be read from the last day of its period."""
    if step.precision == "day":
        return step.date
    month = step.date.month if step.precision == "month" else 12
    return dt.date(step.date.year, month, calendar.monthrange(step.date.year, month)[1])


def visible(steps: Sequence[Step], as_of: dt.date) -> list[Step]:
    """Steps that could be read on `as_of`, in order."""
    return [step for step in steps if step.date <= as_of and (step.precision == "day" or visible_from(step) <= as_of)]


class Clocks:
    """A pack's procedure and calendar, compiled: labels and days seen before are remembered."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._seen = Memory(self._codes, longest=200)
        self._days: dict[dt.date, tuple[Milestone | None, bool]] = {}

    def read(self, move: Move, steps: Sequence[Step], as_of: dt.date) -> Clock:
        """`steps`: the visible ones, in order."""
        last = furthest(steps)
        stage = last.stage if last else _FILED
        taken = self._shortcuts(steps)
        milestone, inside = self._day(as_of)
        return Clock(
            stage=stage,
            reached=last.date if last else None,
            shortcuts=taken,
            earliest=earliest(move.instrument, stage, last.date if last else as_of, taken, self._pack, as_of),
            milestone=milestone,
            inferred="inferred" in [step.confidence for step in steps],
            inside_one_year=inside,
        )

    def _shortcuts(self, steps: Sequence[Step]) -> tuple[str, ...]:
        """Codes of the shortcuts that the steps record, in the pack's order."""
        labels = chain([step.native_stage for step in steps], [step.shortcut for step in steps])
        found = set(chain.from_iterable(map(self._seen.__getitem__, filter(None, labels))))
        return tuple(code for code, _ in self._pack.shortcut_phrases if code in found) if found else ()

    def _codes(self, text: str) -> tuple[str, ...]:
        plain = folded(text)
        return tuple(code for code, phrases in self._pack.shortcut_phrases if any(phrase in plain for phrase in phrases))

    def _day(self, as_of: dt.date) -> tuple[Milestone | None, bool]:
        """The next voting day and whether its one-year line has passed."""
        if (known := self._days.get(as_of)) is not None:
            return known
        if len(self._days) >= _MEMORY:
            self._days.clear()
        ballot, line = self._pack.next_milestone(as_of), self._pack.one_year_line(as_of)
        milestone = Milestone(code=ballot.code, label=ballot.label, date=ballot.date, days=(ballot.date - as_of).days) if ballot else None
        found = self._days[as_of] = (milestone, line is not None and as_of > line)
        return found


_COURSE = (
    *(Stage.FILED, Stage.COMMITTEE, Stage.ADMITTED, Stage.REPORT, Stage.FLOOR, Stage.FIRST_VOTE, Stage.SECOND_VOTE, Stage.PASSED),
    *(Stage.OBSERVED, Stage.INSISTENCE, Stage.ENACTED, Stage.PUBLISHED, Stage.IN_FORCE),
)
_RANK = {stage: rank for rank, stage in enumerate(_COURSE)}
_OTHER, _FILED, _FIRST_VOTE = Stage.OTHER, Stage.FILED, Stage.FIRST_VOTE
_UNREPORTED = frozenset((Stage.FILED, Stage.ADMITTED, Stage.COMMITTEE))
_VOTED = frozenset((Stage.SECOND_VOTE, Stage.PASSED))
_PAST_FIRST_VOTE = _VOTED | {Stage.OBSERVED, Stage.INSISTENCE, Stage.RESTORED}


def furthest(steps: Sequence[Step]) -> Step | None:
    """The step that says how far a move has come: sent back to committee after a vote it keeps the vote; an end (or a court that restores it) starts anew."""
    reached, furthest_rank = None, None
    for step in steps:
        stage = step.stage
        if stage is not _OTHER:
            rank = _RANK.get(stage)
            if reached is None or furthest_rank is None or rank is None or rank >= furthest_rank:
                reached, furthest_rank = step, rank
    return reached


def earliest(instrument: Instrument, stage: Stage, reached: dt.date, waived: Sequence[str], pack: Pack, as_of: dt.date) -> dt.date | None:
    """First day on which it could be law. Sources: Constitution arts. 108 and 206; standing orders arts. 73 and 78 (procedure.yaml)."""
    if stage in BOUND:
        return reached
    if stage in DEAD or instrument not in pack.procedure.laws:
        return None
    rules, day = pack.procedure, as_of
    if stage in _UNREPORTED and "report_waived" not in waived and "publication_waived" not in waived:
        day += dt.timedelta(days=rules.days_report_to_debate)
    if instrument in rules.two_legislatures:
        day = _second_legislature(stage, reached, day, pack)
    elif stage not in _PAST_FIRST_VOTE and "second_vote_waived" not in waived:
        day = max(day, _after_first_vote(stage, reached, day, rules.days_first_to_second_vote))
    return pack.add_working_days(day, rules.working_days_to_send)


def _after_first_vote(stage: Stage, reached: dt.date, day: dt.date, wait: int) -> dt.date:
    voted = reached if stage is _FIRST_VOTE else day
    return voted + dt.timedelta(days=wait)


def _second_legislature(stage: Stage, reached: dt.date, day: dt.date, pack: Pack) -> dt.date:
    """A reform is voted in two successive ordinary legislatures: the second vote waits for the next to begin."""
    if stage in _VOTED:
        return day
    voted = reached if stage is _FIRST_VOTE else day
    return max(day, next_legislature(voted, pack))


def next_legislature(day: dt.date, pack: Pack) -> dt.date:
    """First day of the ordinary legislature that begins after `day`."""
    starts = (dt.date(year, int(item.start[:2]), int(item.start[3:])) for year in (day.year, day.year + 1) for item in pack.procedure.legislatures)
    return min(start for start in starts if start > day)
