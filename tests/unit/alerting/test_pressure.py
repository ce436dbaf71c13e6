"""Pressure: the running sum gives the decayed sum of the definition, whatever the order."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerting.pressure import HALF_LIFE, each_day, growth, series, value, weight
from shared.events import Direction, Stage
from tests.unit.alerting.sample import assessed, pack

DAY = dt.date(2024, 5, 30)
days = st.dates(dt.date(2001, 1, 1), dt.date(2035, 1, 1))


def test_one_move_weighs_its_risk_on_its_day_and_half_after_the_half_life() -> None:
    term = weight(assessed(as_of="2024-05-30", risk=80.0), pack())
    found = dict(series({DAY: term}, [DAY - dt.timedelta(days=1), DAY, DAY + dt.timedelta(days=int(HALF_LIFE))]))
    assert list(found.values()) == [0.0, 0.8, 0.4]


def test_days_count_from_the_last_step_not_from_the_assessment() -> None:
    assert value(weight(assessed(as_of="2024-05-30", step="2024-03-01", risk=80.0), pack()), DAY) == pytest.approx(0.8 * 0.5, abs=1e-4)


@pytest.mark.parametrize("event", [{"direction": Direction.STRENGTHENS}, {"direction": Direction.MIXED}, {"stage": Stage.SHELVED}, {"stage": Stage.PUBLISHED}, {"risk": 0.0}])
def test_what_is_not_pending_or_does_not_weaken_presses_not(event: dict[str, object]) -> None:
    assert weight(assessed(**event), pack()) == 0  # type: ignore[arg-type]


@given(st.lists(st.tuples(days, days, st.floats(0.1, 100)), max_size=30), days)
def test_the_running_sum_is_the_definition(moves: list[tuple[dt.date, dt.date, float]], at: dt.date) -> None:
    changes: dict[dt.date, float] = {}
    by_hand = 0.0
    for first, second, risk in moves:
        step, seen = min(first, second), max(first, second)
        changes[seen] = changes.get(seen, 0.0) + risk / 100 * growth(step)
        by_hand += risk / 100 * 0.5 ** ((at - step).days / HALF_LIFE) if seen <= at else 0.0
    ((_, found),) = series(changes, [at])
    assert found == pytest.approx(by_hand, abs=1e-3)


def test_what_came_and_went_leaves_nothing() -> None:
    term = weight(assessed(risk=33.3), pack())
    assert [found for _, found in series({DAY: term, DAY + dt.timedelta(days=9): -term}, each_day(DAY, DAY + dt.timedelta(days=10)))][-2:] == [0.0, 0.0]


def test_days_end_on_the_last() -> None:
    assert list(each_day(DAY, DAY)) == [DAY]
    assert list(each_day(DAY, DAY + dt.timedelta(days=5), 2)) == [DAY + dt.timedelta(days=found) for found in (1, 3, 5)]
