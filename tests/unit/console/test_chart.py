"""Charts are well-formed SVG, say in words what they draw, and draw what they are given."""

from __future__ import annotations

import datetime as dt
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from services.console import chart, timeline
from services.console.app import HERE
from services.console.axis import Mark
from services.console.language import load
from shared.events import Level, Votes

ES = load(HERE / "translations", "America/Lima")["es"]
DAY = dt.date(2024, 5, 31)
SERIES = [(DAY - dt.timedelta(days=day), float(day % 7)) for day in range(400, -1, -1)]
HOSTILE = '"><script>alert(1)</script>'


def parsed(picture: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def marks(name: str = "ley") -> list[Mark]:
    return [Mark(DAY + dt.timedelta(days=days), name, "31 may 2024", kind) for days, kind in ((-200, "step"), (35, "law level-high"), (316, "line"), (681, "election"))]


@pytest.mark.parametrize("width", [340, 660, 1150])
def test_every_picture_is_well_formed_and_described(width: float) -> None:
    pictures = [
        chart.multiple(SERIES, SERIES, 8, HOSTILE),
        chart.multiple([], [], 8, HOSTILE),
        chart.pressure(SERIES, [], ES, HOSTILE, width=width),
        chart.pressure(SERIES, SERIES, ES, HOSTILE, width=width),
        timeline.clock(marks(HOSTILE), [DAY - dt.timedelta(days=9)], DAY, (DAY, DAY + dt.timedelta(days=90)), ES, HOSTILE, width=width),
        timeline.horizon(marks(HOSTILE), [(DAY, Level.HIGH, HOSTILE, "/alerts/x")] * 5, DAY, ES, HOSTILE, width=width),
        chart.course(SERIES, [(Level.WATCH, 12, HOSTILE), (Level.CRITICAL, 75, "b")], ES, HOSTILE),
        chart.chance(0.46, 0.28, HOSTILE),
    ]
    for picture in pictures:
        root = parsed(picture)
        assert root.attrib["role"] == ("group" if "<a " in picture else "img")
        assert root.attrib["aria-label"] == HOSTILE
        assert not [element for element in root.iter() if "script" in str(element.tag) or "style" in element.attrib]


def test_pictures_without_words_are_hidden_from_readers() -> None:
    for picture in (chart.factor(12, 30, -8), chart.meter(78), chart.votes(Votes(yes=67, no=33, abstentions=12))):
        assert parsed(picture).attrib["aria-hidden"] == "true"


def test_zero_is_on_the_axis_and_the_top_is_round() -> None:
    assert [chart.scale_top([value]) for value in (0.0, 0.4, 7.2, 31, 95)] == [1, 1, 8, 40, 100]


def test_signed_bars_share_a_zero_line() -> None:
    up, down = parsed(chart.factor(30, 30, -10)), parsed(chart.factor(-10, 30, -10))
    (zero_up,), (zero_down,), (bar_up,), (bar_down,) = up.iter("line"), down.iter("line"), up.iter("rect"), down.iter("rect")
    assert zero_up.attrib["x1"] == zero_down.attrib["x1"] == "35"
    assert float(bar_up.attrib["x"]) == 35
    assert float(bar_down.attrib["x"]) + float(bar_down.attrib["width"]) == 35


def test_votes_fill_the_bar() -> None:
    widths = [float(rect.attrib["width"]) for rect in parsed(chart.votes(Votes(yes=60, no=30, abstentions=10))).iter("rect")]
    assert widths == [96, 16, 48]


def test_shapes_on_one_day_stand_below_each_other_exactly_on_it() -> None:
    root = parsed(timeline.horizon([], [(DAY + dt.timedelta(days=9), Level.WATCH, "a", "/a")] * 3, DAY, ES, "t", width=600))
    uses = list(root.iter("use"))
    assert len({use.attrib["x"] for use in uses}) == 1
    assert len({use.attrib["y"] for use in uses}) == 3


def test_thinning_keeps_the_last_point() -> None:
    thin = chart.thinned(SERIES, 90)
    assert thin[-1] == SERIES[-1]
    assert len(thin) <= 91
