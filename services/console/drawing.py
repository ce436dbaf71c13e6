"""The strokes of every picture. In: places and words; out: SVG elements as Markup, coloured by CSS classes only."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from services.console.axis import Axis
from services.console.language import Tongue


def svg(width: float, height: float, title: str, parts: Iterable[Markup], *, kind: str = "", role: str = "img") -> Markup:
    """A picture of `width` x `height` units with its description; one with links inside is a `group`."""
    return Markup('<svg class="{}" viewBox="0 0 {:g} {:g}" role="{}" aria-label="{}">{}</svg>').format(kind, width, height, role, title, Markup("").join(parts))


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


def year_ticks(axis: Axis, y: float, tongue: Tongue) -> list[Markup]:
    """Short strokes under the axis with the year, or the month where the span is short."""
    days = axis.ticks()
    yearly = all(day.month == 1 for day in days)
    parts: list[Markup] = []
    for day in days:
        x = axis.x(day)
        name = str(day.year) if yearly or day.month == 1 else tongue.month(day)
        parts += [
            line(x, y, x, y + 5, "axis strong"),
            text(x, y + 19, name, "m small", "middle" if axis.left + 16 < x < axis.right - 16 else "start" if x < axis.right - 16 else "end"),
        ]
    return parts
