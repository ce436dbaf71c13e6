"""The chance of a burst: the formula against simulated years."""

from __future__ import annotations

import math
import random

import pytest

from services.alerting.scan import chance, poisson, scan

WINDOW = 60 / 365


def simulated(count: int, rate: float, shape: float | None, years: int = 20_000) -> float:
    """Share of random years in which some sixty days hold `count` filings."""
    dice = random.Random(1)
    hits = 0
    for _ in range(years):
        yearly = dice.gammavariate(shape, rate / shape) if shape else rate
        at, days = 0.0, []
        while yearly > 1e-9 and (at := at + dice.expovariate(yearly)) < 1:
            days.append(at)
        hits += any(later - first < WINDOW for first, later in zip(days, days[count - 1 :], strict=False))
    return hits / years


@pytest.mark.parametrize(("rate", "count"), [(0.8, 3), (2.2, 3), (2.2, 4), (10, 6)])
def test_the_scan_statistic_is_that_of_simulated_years(rate: float, count: int) -> None:
    assert scan(count, rate * WINDOW, rate * (1 - WINDOW)) == pytest.approx(simulated(count, rate, None), rel=0.1, abs=0.001)


@pytest.mark.parametrize(("rate", "count"), [(0.8, 3), (2.2, 4)])
def test_with_rates_that_differ_from_year_to_year_too(rate: float, count: int) -> None:
    found = chance(count, rate, 1.0, WINDOW)
    assert found == pytest.approx(simulated(count, rate, 1.0), rel=0.15)
    assert found > scan(count, rate * WINDOW, rate * (1 - WINDOW)), "busy years make bursts likelier"


@pytest.mark.parametrize("rate", [0.05, 0.5, 2.0, 20.0])
@pytest.mark.parametrize("shape", [0.3, 1.0, 100.0])
def test_more_filings_are_less_likely(rate: float, shape: float) -> None:
    found = [chance(count, rate, shape, WINDOW) for count in range(3, 20)]
    assert all(0 <= value <= 1 for value in found)
    unlikely = [value for value in found if value < 0.2]  # The formula is one for the tail; near the mean it wavers.
    assert unlikely
    assert unlikely == sorted(unlikely, reverse=True) == found[-len(unlikely) :]


def test_what_is_expected_anyway_is_certain() -> None:
    assert scan(3, 5.0, 20.0) == 1.0


def test_poisson() -> None:
    assert sum(poisson(count, 2.5) for count in range(60)) == pytest.approx(1)
    assert poisson(0, 1.0) == pytest.approx(math.exp(-1))
