"""The charts, drawn as SVG on the server. In: numbers, days and words; out: Markup that needs no script, coloured by CSS classes, described in text."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from services.console.axis import Axis, Mark, Placed, place
from services.console.language import Tongue
from shared.events import Level, Votes

LANE = 36
Series = Sequence[tuple[dt.date, float]]


def svg(width: float, height: float, title: str, parts: Iterable[Markup], *, kind: str = "") -> Markup:
    """A picture of `width` x `height` units with its description."""
    return Markup('<svg class="{}" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>').format(kind, width, height, title, Markup("").join(parts))


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line x1="{:g}" y1="{:g}" x2="{:g}" y2="{:g}" class="{}"/>').format(x1, y1, x2, y2, kind)


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> Markup:
    return Markup('<text x="{:g}" y="{:g}" class="{}" text-anchor="{}">{}</text>').format(x, y, kind, anchor, words)


def bar(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    return Markup('<rect x="{:g}" y="{:g}" width="{:g}" height="{:g}" class="{}"/>').format(round(x, 1), y, round(max(0.0, width), 1), height, kind)


def symbol(name: str, x: float, y: float, size: float, kind: str) -> Markup:
    """A shape of the page's sprite, centred on x, y."""
    return Markup('<use href="#shape-{}" x="{:g}" y="{:g}" width="{:g}" height="{:g}" class="{}"/>').format(name, x - size / 2, y - size / 2, size, size, kind)


def path(points: Iterable[tuple[float, float]], kind: str) -> Markup:
    return Markup('<polyline points="{}" class="{}"/>').format(" ".join(f"{x:g},{y:g}" for x, y in points), kind)


def scale_top(values: Iterable[float]) -> float:
    """A round number at or above all values: the top of an axis that starts at zero."""
    top = max([*values, 1.0])
    unit = 10 ** math.floor(math.log10(top))
    return next(step * unit for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * unit >= top)


def thinned(series: Series, most: int) -> Series:
    """At most about `most` points of a series, evenly, the last one kept."""
    step = max(1, math.ceil(len(series) / most))
    return series if step == 1 else [*series[::-1][::step][::-1]]


def multiple(series: Series, before: Series, top: float, title: str) -> Markup:
    """One small chart among many on a common scale: this year, and the year before lightly behind it. `before` is already moved to this year's days."""
    if len(series) < 2:
        return svg(200, 58, title, [line(2, 52, 198, 52, "axis")], kind="multiple")
    axis = Axis(series[0][0], series[-1][0], 2, 192)

    def points(found: Series) -> list[tuple[float, float]]:
        return [(axis.x(day), round(52 - 46 * value / top, 1)) for day, value in thinned(found, 90)]

    now = points(series)
    parts = [line(2, 52, 198, 52, "axis")]
    if len(before) > 1:
        parts.append(path(points(before), "before"))
    return svg(200, 58, title, [*parts, path(now, "now"), Markup('<circle cx="{:g}" cy="{:g}" r="3.2" class="dot"/>').format(*now[-1])], kind="multiple")


def pressure(series: Series, before: Series, tongue: Tongue, title: str, *, width: float) -> Markup:
    """Pressure over time on an axis from zero; the year before behind it, both labelled where they end."""
    height, left, bottom, right = 260.0, 34.0, 226.0, width - 74
    axis = Axis(series[0][0], series[-1][0], left, right)
    top = scale_top(value for _, value in [*series, *before])

    def y(value: float) -> float:
        return round(bottom - (bottom - 16) * value / top, 1)

    parts = [line(left, bottom, right, bottom, "axis strong")]
    for share in (0.0, 0.5, 1.0):
        parts += [text(left - 8, y(top * share) + 4, tongue.number(top * share, 1), "m", "end"), line(left, y(top * share), right, y(top * share), "axis")]
    parts += year_ticks(axis, bottom, tongue)
    for found, kind, name in ((before, "before", tongue("pressure.before")), (series, "now", tongue("pressure.now"))):
        if len(found) > 1:
            points = [(axis.x(day), y(value)) for day, value in thinned(found, 240)]
            parts.append(path(points, kind))
    ends = [(series[-1][1], str(tongue("pressure.now")), "t strong")] + ([(before[-1][1], str(tongue("pressure.before")), "m")] if len(before) > 1 else [])
    return svg(width, height, title, [*parts, *end_labels(ends, right + 8, y, tongue)], kind="pressure")


def end_labels(ends: Sequence[tuple[float, str, str]], x: float, y: object, tongue: Tongue) -> list[Markup]:
    """Names of lines where they end, moved apart when they would meet."""
    assert callable(y)
    parts: list[Markup] = []
    taken: list[float] = []
    for value, name, kind in ends:
        at = float(y(value))
        while any(abs(at - other) < 32 for other in taken):
            at += 4 if at < 130 else -4
        taken.append(at)
        parts += [text(x, at + 1, tongue.number(value, 1), kind), text(x, at + 15, name, "m small")]
    return parts


def year_ticks(axis: Axis, y: float, tongue: Tongue) -> list[Markup]:
    """Short strokes under the axis with the year, or the month where the span is short."""
    days = axis.ticks()
    yearly = all(day.month == 1 for day in days)
    parts: list[Markup] = []
    for day in days:
        x = axis.x(day)
        name = str(day.year) if yearly or day.month == 1 else tongue.month(day)
        parts += [line(x, y, x, y + 5, "axis strong"), text(x, y + 19, name, "m small", "middle" if axis.left + 16 < x < axis.right - 16 else "start" if x < axis.right - 16 else "end")]
    return parts


def leaders(placed: Sequence[Placed], y: float) -> list[Markup]:
    """Labels above the axis: a thin leader, the name, the date under it."""
    parts: list[Markup] = []
    for found in placed:
        top = y - 26 - found.lane * LANE
        x = found.x + (5 if found.anchor == "start" else -5)
        parts += [
            line(found.x, top - 20, found.x, y, f"leader {found.mark.kind}"),
            text(x, top - 11, found.mark.name, f"t {found.mark.kind}", found.anchor),
            text(x, top + 4, found.mark.said, "m small", found.anchor),
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
    stacks: dict[int, int] = {}
    for day, level, name, address in sorted(dates, key=lambda found: (found[0], -found[1].rank)):
        x = axis.x(day)
        depth = stacks[round(x / 15)] = stacks.get(round(x / 15), -1) + 1
        shape = symbol(level, round(x / 15) * 15 + 6, y + 20 + depth * 17, 13, f"level-{level}")
        parts.append(Markup('<a href="{}" aria-label="{}"><title>{}</title>{}</a>').format(address, name, name, shape))
    under = y + 26 + 17 * (max(stacks.values(), default=-1) + 1)
    return svg(width, under + 24, title, [*parts, line(6, under, width - 4, under, "axis"), *year_ticks(axis, under, tongue)], kind="horizon")


def factor(points: float, most: float, lowest: float) -> Markup:
    """One signed bar; all bars of a list share the scale from `lowest` (<= 0) to `most` and the zero line."""
    span = max(1e-9, most - lowest)
    zero = 140 * -lowest / span
    width = 140 * abs(points) / span
    parts = [bar(zero if points >= 0 else zero - width, 2, width, 10, "adds" if points >= 0 else "lowers"), line(zero, 0, zero, 14, "zero")]
    return Markup('<svg class="factor-bar" viewBox="-1 0 142 14" aria-hidden="true">{}</svg>').format(Markup("").join(parts))


def meter(value: float, kind: str = "adds") -> Markup:
    """A share of 100 on a line from nothing to all."""
    return Markup('<svg class="meter" viewBox="0 0 200 8" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>').format(
        bar(0, 3, 200, 2, "rest"), bar(0, 0, 2 * min(100.0, max(0.0, value)), 8, kind)
    )


def chance(p: float, base: float | None, title: str) -> Markup:
    """A probability from 0 to 1 as a dot on a line, beside the base rate as a stroke."""
    parts = [line(4, 10, 196, 10, "axis strong"), line(4, 6, 4, 14, "axis strong"), line(196, 6, 196, 14, "axis strong")]
    if base is not None:
        parts.append(line(4 + 192 * base, 2, 4 + 192 * base, 18, "base"))
    parts.append(Markup('<circle cx="{:.1f}" cy="10" r="4.5" class="dot"/>').format(4 + 192 * p))
    return svg(200, 20, title, parts, kind="chance")


def votes(found: Votes) -> Markup:
    """A recorded vote as one bar: in favour, abstained, against."""
    no, abstained = found.no or 0, found.abstentions or 0
    total = max(1, found.yes + no + abstained)
    yes_width, no_width = 160 * found.yes / total, 160 * no / total
    parts = [bar(0, 0, yes_width, 8, "yes"), bar(yes_width, 0, 160 - yes_width - no_width, 8, "abstained"), bar(160 - no_width, 0, no_width, 8, "no")]
    return Markup('<svg class="votes" viewBox="0 0 160 8" aria-hidden="true">{}</svg>').format(Markup("").join(parts))


def levels(changes: Sequence[tuple[dt.date, Level]], today: dt.date, tongue: Tongue, names: dict[Level, str], title: str) -> Markup:
    """The level over time as a staircase from the first alert to today; each rung named."""
    rungs = [level for level in Level if level is not Level.NONE]
    axis = Axis(changes[0][0], max(today, changes[-1][0] + dt.timedelta(days=1)), 78, 316)

    def y(level: Level) -> float:
        return 122.0 - 28 * level.rank if level is not Level.NONE else 122.0

    parts: list[Markup] = []
    for level in rungs:
        parts += [line(78, y(level), 316, y(level), "axis"), symbol(level, 8, y(level), 11, f"level-{level}"), text(18, y(level) + 4, names[level], "m small")]
    points: list[tuple[float, float]] = []
    for day, level in changes:
        points += [(axis.x(day), points[-1][1])] if points else []
        points.append((axis.x(day), y(level)))
    points.append((axis.x(max(today, changes[-1][0])), points[-1][1]))
    ends = [text(78, 144, tongue.date(changes[0][0]), "m small"), text(316, 144, tongue.date(max(today, changes[-1][0])), "m small", "end")]
    return svg(320, 150, title, [*parts, line(78, 122, 316, 122, "axis strong"), path(points, "now"), *ends], kind="levels")

