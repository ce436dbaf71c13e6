"""The charts, drawn as SVG on the server. In: numbers, days and words; out: Markup that needs no script, coloured by CSS classes, described in text."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence

from markupsafe import Markup

from services.console.axis import Axis
from services.console.drawing import bar, line, path, svg, symbol, text, year_ticks
from services.console.language import Tongue
from shared.events import Level, Votes

Series = Sequence[tuple[dt.date, float]]


def scale_top(values: Iterable[float]) -> float:
    """A round number at or above all values: the top of an axis that starts at zero."""
    top = max([*values, 1.0])
    unit = 10.0 ** math.floor(math.log10(top))
    return next((step * unit for step in (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0) if step * unit >= top), 10.0 * unit)


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
    height, left, bottom, right = 260.0, 34.0, 226.0, width - 90
    axis = Axis(series[0][0], series[-1][0], left, right)
    top = scale_top(value for _, value in [*series, *before])

    def y(value: float) -> float:
        return round(bottom - (bottom - 16) * value / top, 1)

    parts = [line(left, bottom, right, bottom, "axis strong")]
    for share in (0.0, 0.5, 1.0):
        parts += [text(left - 8, y(top * share) + 4, tongue.number(top * share, 1), "m", "end"), line(left, y(top * share), right, y(top * share), "axis")]
    parts += year_ticks(axis, bottom, tongue)
    for found, kind in ((before, "before"), (series, "now")):
        if len(found) > 1:
            points = [(axis.x(day), y(value)) for day, value in thinned(found, 240)]
            parts.append(path(points, kind))
    ends = [(series[-1][1], str(tongue("pressure.now")), "t strong")] + ([(before[-1][1], str(tongue("pressure.before")), "m")] if len(before) > 1 else [])
    return svg(width, height, title, [*parts, *end_labels(ends, right + 8, y, tongue)], kind="pressure")


def end_labels(ends: Sequence[tuple[float, str, str]], x: float, y: Callable[[float], float], tongue: Tongue) -> list[Markup]:
    """Names of lines where they end, moved apart when they would meet."""
    parts: list[Markup] = []
    taken: list[float] = []
    for value, name, kind in ends:
        at = y(value)
        while any(abs(at - other) < 32 for other in taken):
            at += 4 if at < 130 else -4
        taken.append(at)
        parts += [text(x, at + 1, tongue.number(value, 1), kind), text(x, at + 15, name, "m small")]
    return parts


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
        bar(0, 0, 200, 8, "rest"), bar(0, 0, 2 * min(100.0, max(0.0, value)), 8, kind)
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


def course(points: Series, rungs: Sequence[tuple[Level, float, str]], tongue: Tongue, title: str) -> Markup:
    """Risk from 0 to 100 over time; `rungs` are the levels with the risk at which each begins and its name."""
    axis = Axis(points[0][0], points[-1][0], 84, 312)
    top = min(100.0, scale_top([*(risk for _, risk in points), *(1.1 * begins for _, begins, _ in rungs)]))

    def y(risk: float) -> float:
        return round(150 - 138 * risk / top, 1)

    parts = [line(84, y(0), 316, y(0), "axis strong")]
    lowest = y(0) + 5
    for level, begins, name in rungs:
        lowest = min(y(begins), lowest - 15)
        parts += [line(84, y(begins), 316, y(begins), "axis"), symbol(level, 7, lowest, 11, f"level-{level}"), text(17, lowest + 4, name, "m small")]
    drawn = [(axis.x(day), y(risk)) for day, risk in thinned(points, 150)]
    ends = [text(84, 170, tongue.date(points[0][0]), "m small"), text(316, 170, tongue.date(points[-1][0]), "m small", "end")]
    dot = Markup('<circle cx="{:g}" cy="{:g}" r="3.2" class="dot"/>').format(*drawn[-1])
    return svg(320, 176, title, [*parts, path(drawn, "now"), dot, *ends], kind="course")
