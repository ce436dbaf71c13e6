"""Where things stand on a drawn time axis. In: days, labels, a width in pixels; out: positions, ticks, lanes in which no two labels meet."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

CHARACTER = 6.6
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
    """A mark with its place: `x` on the axis, `at` where its text begins, the lane of its label (0 is nearest)."""

    mark: Mark
    x: float
    at: float
    lane: int
    length: float

    @property
    def covers(self) -> bool:
        """Whether the text stands over its own leader."""
        return self.at < self.x - 1


def shortened(name: str, most: int = 40) -> str:
    """A label for the picture: what stands before a colon or a bracket, cut at a word when it is still too long. The text beside it has the whole."""
    head = re.split(r"\s*[:(;]", name, maxsplit=1)[0].strip()
    if len(head) <= most:
        return head
    return head[: most - 1].rsplit(" ", 1)[0].rstrip(" ,") + "…"


def place(axis: Axis, marks: Sequence[Mark], width: float) -> list[Placed]:
    """Labels in lanes without overlap. Those pushed back by the right edge go first, left to right, then the others, right to left: so leaders seldom cross a text."""
    found = [_lay(axis.x(mark.day), mark, width) for mark in marks]
    pushed = sorted((label for label in found if label.covers), key=lambda label: label.x)
    free = sorted((label for label in found if not label.covers), key=lambda label: -label.x)
    placed: list[Placed] = []
    for label in [*pushed, *free]:
        lane = 0
        while any(lane == other.lane and label.at - 8 < other.at + other.length and other.at < label.at + label.length + 8 for other in placed):
            lane += 1
        placed.append(replace(label, lane=lane))
    return placed


def _lay(x: float, mark: Mark, width: float) -> Placed:
    length = max(len(mark.name), len(mark.said)) * CHARACTER
    at = x + 6 if x + 6 + length <= width else max(2.0, width - length)
    return Placed(mark, x, round(at, 1), 0, length)
