"""The two pictures of docs/methodology as SVG files that stand alone. In: figures and words; out: SVG text, readable on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from services.console.drawing import bar, line, path, text

STYLE = Markup(
    "text{font:13px system-ui,sans-serif;fill:#33363a}.axis{stroke:#9aa0a6;stroke-width:1}.even{stroke:#9aa0a6;stroke-dasharray:4 4}.a{fill:none;stroke:#0b5cad;stroke-width:2}"
    ".b{fill:none;stroke:#a3541b;stroke-width:2}circle.a{fill:#0b5cad}circle.b{fill:#a3541b}rect{fill:#0b5cad}rect.none{fill:#a3541b}"
    "@media(prefers-color-scheme:dark){text{fill:#d7dade}.a{stroke:#7db7f0}.b{stroke:#e5a36f}circle.a,rect{fill:#7db7f0}circle.b,rect.none{fill:#e5a36f}}"
)
FEWEST = 5
"""A picture of fewer points is better said in a sentence."""
LEFT, TOP, SIDE = 56.0, 58.0, 300.0


def picture(width: float, height: float, title: str, parts: Iterable[Markup]) -> str:
    return str(
        Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:g} {:g}" width="{:g}" height="{:g}" role="img"><title>{}</title><style>{}</style>{}</svg>\n').format(
            width, height, width, height, title, STYLE, Markup("").join(parts)
        )
    )


def reliability(series: Mapping[str, Sequence[Sequence[float]]], words: Mapping[str, str]) -> str:
    """Said against was, one line a series ([bills, said, was] a point, area by bills); on the broken diagonal what was said came true. `words`: title, said, was."""

    def at(said: float, was: float) -> tuple[float, float]:
        return round(LEFT + SIDE * said, 1), round(TOP + SIDE * (1 - was), 1)

    parts = [*_square(words), line(*at(0, 0), *at(1, 1), "even")]
    for (name, points), kind in zip(series.items(), "ab", strict=False):
        most = max(bills for bills, _, _ in points)
        parts.append(path([at(said, was) for _, said, was in points], kind))
        for bills, said, was in points:
            x, y = at(said, was)
            parts.append(Markup('<circle cx="{:g}" cy="{:g}" r="{:.1f}" class="{}"/>').format(x, y, 2 + 6 * (bills / most) ** 0.5, kind))
        row = 18 + 22 * "ab".index(kind)
        parts += [line(LEFT, row - 4, LEFT + 22, row - 4, kind), text(LEFT + 30, row, name)]
    return picture(LEFT + SIDE + 30, TOP + SIDE + 52, words["title"], parts)


def _square(words: Mapping[str, str]) -> list[Markup]:
    bottom = TOP + SIDE
    parts = [line(LEFT, bottom, LEFT + SIDE, bottom, "axis"), line(LEFT, TOP, LEFT, bottom, "axis")]
    for tenth in (0, 5, 10):
        share, along = f"{10 * tenth} %", SIDE * tenth / 10
        parts += [text(LEFT + along, bottom + 18, share, anchor="middle"), text(LEFT - 8, bottom - along + 4, share, anchor="end")]
    turned = Markup('<text transform="translate(14 {:g}) rotate(-90)" text-anchor="middle">{}</text>').format(TOP + SIDE / 2, words["was"])
    return [*parts, text(LEFT + SIDE / 2, bottom + 38, words["said"], anchor="middle"), turned]


def leads(classes: Sequence[tuple[str, int]], title: str) -> str:
    """One bar a class of lead time; the first class is *no warning*."""
    most = max(1, *(count for _, count in classes))
    parts: list[Markup] = []
    for row, (name, count) in enumerate(classes):
        y, width = 8 + 26 * row, 260 * count / most
        parts += [text(150, y + 14, name, anchor="end"), bar(160, y, width, 18, "none" if row == 0 else "some"), text(168 + width, y + 14, str(count))]
    return picture(470, 16 + 26 * len(classes), title, parts)
