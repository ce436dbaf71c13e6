"""The calendar at work: once a day, in the country's own zone, what lapsed ends and every pending move is looked at again. In: the time; out: events in the outbox."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from services.ingest.store import Store
from shared.consumer import full_jitter
from shared.errors import Retryable

log = structlog.get_logger(__name__)

LOOK_EVERY = 20.0
"""Seconds between two looks at the calendar."""


@dataclass
class Watch:
    """Begins each day once. Several processes may watch: a day begun twice changes nothing the second time."""

    store: Store
    today: Callable[[], dt.date]
    wake: Callable[[], None]
    begun: dt.date | None = None

    def look(self) -> bool:
        """Begins the day if it has not been; says whether it did. Raises Retryable: what was done stays done, the next look goes on."""
        day = self.today()
        if day == self.begun:
            return False
        ended = self.store.shelve_ended(day)
        issued = self.store.clock(day)
        self.begun = day
        self.wake()
        log.info("day begun", day=day.isoformat(), ended=ended, issued=issued)
        return True

    def run(self, stop: threading.Event, turned: Callable[[], None] = lambda: None) -> None:
        """Looks every 20 seconds until `stop` is set."""
        attempt = 0
        while not stop.is_set():
            turned()
            try:
                self.look()
                attempt = 0
                pause = LOOK_EVERY
            except Retryable as error:
                attempt += 1
                pause = full_jitter(attempt)
                log.warning("the calendar waits", attempt=attempt, seconds=round(pause, 2), why=str(error))
            stop.wait(pause)
