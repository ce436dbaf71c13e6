"""How fast a lane may go and whether it may go at all: a token bucket and a circuit breaker. In: times and outcomes; out: seconds to wait.

Pure: the time is an argument, in seconds that only grow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FAILURES_TO_OPEN = 5
HALF_OPEN_AFTER = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds the breaker stays open after it opened once, twice ... in a row; then one attempt goes through."""


@dataclass
class Bucket:
    """`rate` attempts a second, bursts of `rate` (at least one)."""

    rate: float
    tokens: float = math.nan
    at: float = 0.0

    def wait(self, now: float) -> float:
        """Takes a token and returns 0, or the seconds until there is one."""
        full = max(1.0, self.rate)
        self.tokens = full if math.isnan(self.tokens) else min(full, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.rate
        self.tokens -= 1
        return 0.0


@dataclass
class Breaker:
    """Opens after `FAILURES_TO_OPEN` failures in a row; half-opens by schedule for one attempt, which closes it or opens it for longer."""

    proven: bool = False
    failures: int = 0
    opened: int = 0
    open_until: float = 0.0

    def allows(self, now: float) -> bool:
        return now >= self.open_until

    @property
    def is_open(self) -> bool:
        return self.opened > 0

    def concurrency(self, most: int) -> int:
        """Attempts at once: all once it has answered well, one before that and from the first failure on, so that an endpoint that hangs holds one place, not all."""
        return most if self.proven and self.failures == 0 else 1

    def succeeded(self) -> bool:
        """Closes; true when it was open (what waits for a late retry may go now)."""
        was_open = self.is_open
        self.proven, self.failures, self.opened, self.open_until = True, 0, 0, 0.0
        return was_open

    def failed(self, now: float) -> bool:
        """Counts; true when this failure opened it (again). What was under way when it opened does not open it for longer."""
        self.failures += 1
        if self.failures < FAILURES_TO_OPEN or now < self.open_until:
            return False
        self.open_until = now + HALF_OPEN_AFTER[min(self.opened, len(HALF_OPEN_AFTER) - 1)]
        self.opened += 1
        return True

    def hold(self, now: float, seconds: float) -> None:
        """The endpoint itself asked for a pause (Retry-After)."""
        self.open_until = max(self.open_until, now + seconds)
