"""What has ended, on its way into the database. In: results and rows given back, one at a time; out: batches, one transaction each.

While one is written, and a little longer, the next gathers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

import structlog
from prometheus_client import Histogram

from services.webhooks.queue import Result
from shared.consumer import full_jitter, gathering
from shared.errors import Retryable

log = structlog.get_logger(__name__)

ACCEPTED = Histogram("veedor_webhook_accept_to_delivered_seconds", "Seconds from queued to acknowledged.", buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600))
LAST_TRIES = 3

Record = Callable[[Sequence[Result], Sequence[str]], dict[str, float]]


class Recorder:
    """Lives in one event loop. `record` runs in the pool; `mine` are the deliveries this process holds."""

    def __init__(self, record: Record, run: Callable[..., asyncio.Future[dict[str, float]]]) -> None:
        """`run(work, *arguments)` runs blocking work beside the loop."""
        self.record, self.run = record, run
        self.mine: set[str] = set()
        self.results: list[Result] = []
        self.returned: list[str] = []
        self.added = asyncio.Event()
        self.closing = False

    def ended(self, result: Result) -> None:
        self.results.append(result)
        self.added.set()

    def give_back(self, delivery_ids: Iterable[str]) -> None:
        """These were claimed and not tried."""
        ids = list(delivery_ids)
        if ids:
            self.returned += ids
            self.added.set()

    def close(self) -> None:
        """`write_all` returns once everything is written."""
        self.closing = True
        self.added.set()

    async def write_all(self) -> None:
        failures = 0
        while not (self.closing and not self.results and not self.returned):
            await self.added.wait()
            self.added.clear()
            started = time.monotonic()
            try:
                await self._write()
                failures = 0
                await asyncio.sleep(gathering(time.monotonic() - started))
            except Retryable as error:
                failures += 1
                log.warning("results wait", attempt=failures, results=len(self.results), why=str(error))
                if self.closing and failures > LAST_TRIES:
                    return  # The leases end by themselves; what was sent is sent again under the same id.
                self.added.set()
                await asyncio.sleep(full_jitter(failures, cap=2.0))

    async def _write(self) -> None:
        results, self.results = self.results, []
        returned, self.returned = self.returned, []
        if not results and not returned:
            return
        try:
            seconds = await self.run(self.record, results, returned)
        except Retryable:
            self.results, self.returned = results + self.results, returned + self.returned
            raise
        self.mine.difference_update([result.claimed.delivery_id for result in results], returned)
        for found in seconds.values():
            ACCEPTED.observe(found)
