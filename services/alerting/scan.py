"""How unlikely a burst of filings is. In: a count in a window, a yearly rate and how much rates differ from year to year; out: the chance of such a window somewhere in a year.

Scan statistic of a Poisson process, S.E. Alm, "On the distribution of the scan statistic of a Poisson process" (1983): with m expected in the window and r in the rest of the year,
P(some window holds n or more) = 1 - F(n-1; m) exp(-(1 - m/n) r p(n-1; m)). Looking at every window of the year is thereby counted in.
Years differ more than a Poisson law allows, so the rate itself is Gamma distributed (counts are then negative binomial) and the chance is the mean over that distribution.
"""

from __future__ import annotations

import math
from functools import lru_cache

STEPS = 400


def poisson(count: int, mean: float) -> float:
    """P(N = count) of a Poisson law; `mean` > 0."""
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))


def scan(count: int, mean: float, rest: float) -> float:
    """P(some window holds `count` or more): `mean` expected in a window, `rest` in the other days of the year. 1 where so many are expected anyway."""
    if count <= mean:
        return 1.0
    below = sum(poisson(number, mean) for number in range(count))
    return 1 - below * math.exp(-(1 - mean / count) * rest * poisson(count - 1, mean))


@lru_cache(maxsize=4096)
def chance(count: int, rate: float, shape: float, share: float) -> float:
    """P(some window of a year holds `count` or more filings).

    `rate`: filings a year, on average; `shape`: of the Gamma law of yearly rates (variance = rate + rate**2 / shape);
    `share`: of a year's filings that fall into the window by season. Trapezoid over the logarithm of the year's rate.
    """
    low, high = math.log(rate) - 6 - 14 / max(shape, 0.5), math.log(rate) + math.log(1 + 30 / shape)
    step = (high - low) / STEPS
    total = weight = 0.0
    for number in range(STEPS + 1):
        yearly = math.exp(low + number * step)
        density = math.exp(shape * math.log(shape * yearly / rate) - shape * yearly / rate)
        weight += density
        total += density * scan(count, yearly * share, yearly * (1 - share))
    return total / weight
