"""The clocks: a move's own time axis, and the horizon of all. In: dated marks and today; out: SVG with labels that do not meet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from markupsafe import Markup

from services.console.axis import Axis, Mark, Placed, place
from services.console.drawing import bar, line, svg, symbol, text, year_ticks
from services.console.language import Tongue
from shared.events import Level

LANE = 36


def leaders(placed: Sequence[Placed], y: float) -> list[Markup]:
    """Labels above the axis: a thin leader, the name, the date under it."""
    parts: list[Markup] = []
    for found in sorted(placed, key=lambda found: -found.lane):
        top = y - 26 - found.lane * LANE
        parts += [
            line(found.x, top + 9 if found.covers else top - 20, found.x, y, f"leader {found.mark.kind}"),
            text(found.at, top - 11, found.mark.name, f"t halo {found.mark.kind}"),
            text(found.at, top + 4, found.mark.said, "m small halo"),
        ]
    return parts


def clock(marks: Sequence[Mark], steps: Sequence[dt.date], today: dt.date, window: tuple[dt.date, dt.date] | None, tongue: Tongue, title: str, *, width: float) -> Markup:
    """A move's time axis: steps taken, today, what can come and when. `window` shades the days in which a law can bind before the one-year line."""
    days = [*steps, today, *(mark.day for mark in marks), *(window or ())]
    pad = dt.timedelta(days=max(10, (max(days) - min(days)).days // 40))
    axis = Axis(min(days) - pad, max(days) + pad, 4, width - 4)
    placed = place(axis, marks, width)
    y = 42.0 + LANE * (1 + max((found.lane for found in placed), default=0))
    now = axis.x(today)
    parts = [line(4, y, now, y, "ink past"), line(now, y, width - 4, y, "ink ahead")]
    if window:
        parts.append(bar(axis.x(window[0]), y - 4, axis.x(window[1]) - axis.x(window[0]), 8, "window"))
    parts += leaders(placed, y)
    parts += [Markup('<circle cx="{:g}" cy="{:g}" r="4.5" class="step"><title>{}</title></circle>').format(axis.x(day), y, tongue.date(day)) for day in steps]
    parts += [symbol_of(found, y) for found in placed if not found.mark.kind.startswith("step")]
    parts += [*year_ticks(axis, y, tongue), *today_mark(now, y, tongue("clock.today", date=tongue.date(today)), width)]
    return svg(width, y + 48, title, parts, kind="clock")


def today_mark(x: float, y: float, words: str, width: float) -> list[Markup]:
    """The line of today, with its label under the axis."""
    near_right = x + len(words) * 6.9 > width
    return [line(x, y - 12, x, y + 38, "today"), text(x + (-6 if near_right else 6), y + 38, words, "today", "end" if near_right else "start")]


def symbol_of(found: Placed, y: float) -> Markup:
    """The shape of a labelled mark on the axis."""
    name = "election" if "election" in found.mark.kind else "line" if "line" in found.mark.kind else "law" if "law" in found.mark.kind else "milestone"
    return symbol(name, found.x, y, 13, found.mark.kind)


def horizon(marks: Sequence[Mark], dates: Sequence[tuple[dt.date, Level, str, str]], today: dt.date, tongue: Tongue, title: str, *, width: float) -> Markup:
    """What lies ahead on one axis: milestones above, below it the earliest days on which moves can become law (day, level, name, address)."""
    days = [mark.day for mark in marks] + [day for day, *_ in dates]
    axis = Axis(today, max([*days, today + dt.timedelta(days=90)]) + dt.timedelta(days=10), 6, width - 8)
    placed = place(axis, marks, width)
    y = 42.0 + LANE * (1 + max((found.lane for found in placed), default=0))
    parts = [line(6, y, width - 4, y, "ink"), *leaders(placed, y), *(symbol_of(found, y) for found in placed)]
    shapes, depth = stacked(axis, dates, y)
    under = y + 26 + 17 * depth
    return svg(width, under + 24, title, [*parts, *shapes, line(6, under, width - 4, under, "axis"), *year_ticks(axis, under, tongue)], kind="horizon", role="group")


def stacked(axis: Axis, dates: Sequence[tuple[dt.date, Level, str, str]], y: float) -> tuple[list[Markup], int]:
    """Shapes under the axis, each exactly at its day, those that would touch one below the other; and how many deep."""
    taken: list[tuple[float, int]] = []
    shapes: list[Markup] = []
    for day, level, name, address in sorted(dates, key=lambda found: (found[0], -found[1].rank)):
        x = axis.x(day)
        depth = next(depth for depth in range(len(taken) + 1) if not any(depth == other and abs(x - at) < 14 for at, other in taken))
        taken.append((x, depth))
        shape = symbol(level, x, y + 20 + depth * 17, 13, f"level-{level}")
        shapes.append(Markup('<a href="{}" aria-label="{}"><title>{}</title>{}</a>').format(address, name, name, shape))
    return shapes, 1 + max((depth for _, depth in taken), default=-1)
