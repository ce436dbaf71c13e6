"""One endpoint's lane: what waits for it, how many attempts may run, when it must rest. In: claimed rows and outcomes; out: the next row that may go. No I/O."""

from __future__ import annotations

import datetime as dt
from collections import deque
from dataclasses import dataclass, field

from services.webhooks.pace import Breaker, Bucket
from services.webhooks.queue import Claimed, Endpoint
from services.webhooks.retry import Outcome, Reason

AT_ONCE = 4
AHEAD = 32
"""Rows claimed ahead for an endpoint that answers; one for an endpoint that fails."""
START_WITHIN = 12.0
"""Seconds a claimed row may wait here; older ones go back, so that lease (30 s) > wait + deadline (15 s) always."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a lane with nothing to catch up on takes at once: `room` new rows, written as leased by `worker`. `epoch` tells whether it was dropped meanwhile."""

    worker: str
    lease: dt.timedelta
    room: int
    epoch: int


@dataclass
class Lane:
    """State of one endpoint in this process. Times are monotonic seconds."""

    endpoint: Endpoint
    waiting: deque[tuple[Claimed, float]] = field(default_factory=deque)
    running: int = 0
    breaker: Breaker = field(default_factory=Breaker)
    bucket: Bucket = field(default_factory=lambda: Bucket(1.0))

    def __post_init__(self) -> None:
        self.bucket = Bucket(self.endpoint.rate)

    def room(self, now: float) -> int:
        """How many rows may be claimed for it now."""
        if not self.breaker.allows(now):
            return 0
        return max(0, self._ahead() - len(self.waiting) - self.running)

    def is_thirsty(self, now: float) -> bool:
        """Whether a claim is worth its transaction: at least half of what it may hold is free."""
        return self.room(now) * 2 > self._ahead()

    def _ahead(self) -> int:
        """Never more than it will start in half the time a row may wait."""
        return 1 if self.breaker.failures else max(1, min(AHEAD, int(self.endpoint.rate * START_WITHIN / 2)))

    @property
    def is_idle(self) -> bool:
        """Nothing to remember: nothing waits or runs and the last attempt went well."""
        return not (self.waiting or self.running or self.breaker.failures)

    def add(self, claimed: Claimed, now: float) -> None:
        """Takes a row in; what the row says of the endpoint is newer than what the lane knew."""
        if claimed.endpoint.rate != self.endpoint.rate:
            self.bucket = Bucket(claimed.endpoint.rate)
        if claimed.endpoint.url != self.endpoint.url:
            self.breaker = Breaker()
        self.endpoint = claimed.endpoint
        self.waiting.append((claimed, now))

    def next(self, now: float) -> tuple[Claimed | None, float]:
        """The row that may go now (counted as running), or None and the seconds after which to ask again (0: when something ends)."""
        if not self.waiting or not self.breaker.allows(now) or self.running >= self.breaker.concurrency(AT_ONCE):
            return None, 0.0
        wait = self.bucket.wait(now)
        if wait:
            return None, wait
        claimed, _ = self.waiting.popleft()
        self.running += 1
        return claimed, 0.0

    def stale(self, now: float) -> list[Claimed]:
        """Rows that have waited too long for their lease."""
        found = []
        while self.waiting and now - self.waiting[0][1] > START_WITHIN:
            found.append(self.waiting.popleft()[0])
        return found

    def clear(self) -> list[Claimed]:
        """All that waits: the lane stops."""
        found = [claimed for claimed, _ in self.waiting]
        self.waiting.clear()
        return found

    def ended(self, outcome: Outcome, now: float) -> tuple[bool, bool]:
        """Notes an attempt's end. Returns (works again, must be disabled): 410 at once, an address that may not be dialled when it stays so."""
        self.running -= 1
        if outcome.delivered:
            return self.breaker.succeeded(), False
        if outcome.retry_after:
            self.breaker.hold(now, outcome.retry_after)
        opened = self.breaker.failed(now)
        return False, outcome.reason is Reason.GONE or (opened and outcome.reason is Reason.REFUSED_ADDRESS)
