"""Where things stand on a drawn time axis. In: days, labels, a width in pixels; out: positions, ticks, lanes in which no two labels meet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

CHARACTER = 6.9
"""Average width of a character of the interface face at 13.5 px, generous: labels must never meet."""


@dataclass(frozen=True)
class Axis:
    """A linear time axis from `left` to `right` pixels."""

    start: dt.date
    end: dt.date
    left: float
    right: float

    def x(self, day: dt.date) -> float:
        """Pixels of a day, one decimal; days outside stand at the ends."""
        span = max(1, (self.end - self.start).days)
        share = min(1.0, max(0.0, (day - self.start).days / span))
        return round(self.left + share * (self.right - self.left), 1)

    def ticks(self) -> list[dt.date]:
        """First days of years, quarters or months, so that there are about three to nine of them."""
        months = max(1, (self.end - self.start).days // 30)
        fit = max(2, int((self.right - self.left) // 70))
        step = next((step for step in (1, 2, 3, 6, 12, 24, 60) if months / step <= fit), 120)
        found = []
        year, month = self.start.year, 1
        while (day := dt.date(year, month, 1)) <= self.end:
            if day >= self.start:
                found.append(day)
            year, month = year + (month - 1 + step) // 12, (month - 1 + step) % 12 + 1
        return found


@dataclass(frozen=True)
class Mark:
    """Something dated to be labelled: its name, its date in words, how it is drawn (a CSS class and a shape)."""

    day: dt.date
    name: str
    said: str
    kind: str


@dataclass(frozen=True)
class Placed:
    """A mark with its place: `x` on the axis, the lane of its label (0 is nearest), on which side of x the text runs."""

    mark: Mark
    x: float
    lane: int
    anchor: str


def place(axis: Axis, marks: Sequence[Mark], width: float) -> list[Placed]:
    """Labels in lanes without overlap, leaders included: from right to left, so that a leader never crosses the text of a label nearer to the axis."""
    placed: list[Placed] = []
    taken: list[tuple[int, float, float]] = []
    for mark in sorted(marks, key=lambda mark: mark.day, reverse=True):
        x = axis.x(mark.day)
        text = max(len(mark.name), len(mark.said)) * CHARACTER
        anchor = "start" if x + text + 4 <= width else "end"
        box = (x - 3, x + text + 10) if anchor == "start" else (x - text - 10, x + 3)
        lane = 0
        while any(lane == other and box[0] < right and left < box[1] for other, left, right in taken):
            lane += 1
        taken += [(lane, *box), *((below, x - 3, x + 3) for below in range(lane))]
        placed.append(Placed(mark, x, lane, anchor))
    return placed
