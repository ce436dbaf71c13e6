"""Pressure on an institution: the decayed sum of what is pending against it. In: assessments, day by day; out: changes of a running sum, and the series read from them.

pressure(D) = sum over pending weakening moves of risk/100 * 0.5 ** (days from the last step to D / HALF_LIFE).
All terms decay alike, so pressure(D) = 0.5 ** (D / HALF_LIFE) * sum of risk/100 * 2 ** (last step / HALF_LIFE).
A day therefore stores only what changed in that sum, in whatever order, and nothing is ever swept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.alerting.glance import Assessed, Dated
from shared.countries import Pack
from shared.events import Direction, Stage, Step

HALF_LIFE = 90.0
EPOCH = dt.date(2020, 1, 1)


def weight(assessed: Assessed, pack: Pack) -> float:
    """The move's term in the running sum; 0 when it is not pending or does not weaken."""
    move, now = assessed.move, assessed.assessment
    if now.direction is not Direction.WEAKENS or pack.terminal(move.stage) or now.risk <= 0:
        return 0.0
    steps: Sequence[Step | Dated] = move.steps
    step = next((found.date for found in reversed(steps) if found.stage is not Stage.OTHER), assessed.as_of)
    return now.risk / 100 * growth(min(step, assessed.as_of))


def growth(day: dt.date) -> float:
    """2 ** (days since EPOCH / HALF_LIFE)."""
    return float(2.0 ** ((day - EPOCH).days / HALF_LIFE))


def value(total: float, day: dt.date) -> float:
    """Pressure on `day` from the running sum on that day; what rounding leaves of a sum that went back to zero is zero."""
    return max(0.0, round(total / growth(day), 4))


def series(changes: Mapping[dt.date, float], days: Iterable[dt.date]) -> Iterator[tuple[dt.date, float]]:
    """Pressure on each of `days` (ascending). `changes` holds what was added to the running sum, a day."""
    pending = sorted(changes.items())
    total, at = 0.0, 0
    for day in days:
        while at < len(pending) and pending[at][0] <= day:
            total += pending[at][1]
            at += 1
        yield day, value(total, day)


def each_day(since: dt.date, until: dt.date, step: int = 1) -> Iterator[dt.date]:
    """Days from `since` to `until`, both included, every `step`-th, ending on `until`."""
    days = (until - since).days
    return (until - dt.timedelta(days=back) for back in range(days - days % step, -1, -step))
