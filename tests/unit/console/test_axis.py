"""Time axes: positions, ticks, labels that never meet."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from services.console.axis import Axis, Mark, place, shortened

START = dt.date(2021, 7, 26)
AXIS = Axis(START, START + dt.timedelta(days=1000), 10, 610)


def test_days_outside_stand_at_the_ends() -> None:
    assert AXIS.x(START - dt.timedelta(days=5)) == 10
    assert AXIS.x(START + dt.timedelta(days=5000)) == 610
    assert AXIS.x(START + dt.timedelta(days=500)) == 310


@given(days=st.integers(1, 20_000), width=st.integers(200, 1300))
def test_there_are_never_too_many_ticks(days: int, width: int) -> None:
    axis = Axis(START, START + dt.timedelta(days=days), 0, width)
    ticks = axis.ticks()
    assert len(ticks) <= width / 70 + 3
    assert all(axis.start <= tick <= axis.end and tick.day == 1 for tick in ticks)


@given(days=st.lists(st.integers(0, 1000), max_size=7), name=st.text("abc ", min_size=1, max_size=40))
def test_labels_of_one_lane_never_overlap_and_stay_inside(days: list[int], name: str) -> None:
    placed = place(AXIS, [Mark(START + dt.timedelta(days=day), name, "1 ene 2024", "step") for day in days], 620)
    assert len(placed) == len(days)
    for at, one in enumerate(placed):
        assert one.at >= 0
        assert one.at + one.length <= 640
        for other in placed[at + 1 :]:
            assert one.lane != other.lane or one.at + one.length <= other.at or other.at + other.length <= one.at


def test_long_names_are_cut_at_a_word() -> None:
    assert shortened("Un año antes de las elecciones generales 2026: último día para normas") == "Un año antes de las elecciones…"
    assert shortened("Elecciones generales 2026") == "Elecciones generales 2026"
    assert shortened("Convocatoria (DS 039-2025-PCM)") == "Convocatoria"
