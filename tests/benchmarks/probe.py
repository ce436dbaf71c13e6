"""Open-loop load with its own receiver. In: how to send number n, how to know it again in what arrives; out: milliseconds from when each was due to its arrival."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

Send = Callable[[aiohttp.ClientSession, int], Awaitable[str]]
Recognise = Callable[[bytes], Sequence[str]]

SETTLE = 20.0
"""Seconds that the last of a load may take to arrive."""


class MissingError(RuntimeError):
    """Something sent did not arrive in time: there is no latency to report."""


@dataclass
class Probe:
    """A receiver of webhooks that keeps when each key first arrived (monotonic seconds)."""

    recognise: Recognise
    arrived: dict[str, float] = field(default_factory=dict)
    url: str = ""

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        now = time.perf_counter()
        for key in self.recognise(body):
            self.arrived.setdefault(key, now)
        return web.Response(status=204)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Probe]:
        app = web.Application()
        app.router.add_post("/hook", self.receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
            yield self
        finally:
            await runner.cleanup()

    async def load(self, send: Send, numbers: itertools.count[int], *, rate: float, seconds: float) -> list[float]:
        """Sends at `rate` a second whatever the answers do; milliseconds from due time to arrival, one a message. Raises MissingError."""
        due: dict[str, float] = {}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
            start = time.perf_counter() + 0.05
            tasks = []
            for place in range(int(rate * seconds)):
                at = start + place / rate
                await asyncio.sleep(max(0.0, at - time.perf_counter()))
                tasks.append(asyncio.create_task(_send(send, session, next(numbers), at)))
            due = dict(await asyncio.gather(*tasks))
        await self._settle(due)
        return [(self.arrived[key] - at) * 1000 for key, at in due.items()]

    async def _settle(self, due: Mapping[str, float]) -> None:
        deadline = time.perf_counter() + SETTLE
        while missing := [key for key in due if key not in self.arrived]:
            if time.perf_counter() > deadline:
                raise MissingError(f"{len(missing)} of {len(due)} did not arrive within {SETTLE:g} s, the first {missing[0]}")
            await asyncio.sleep(0.05)


async def _send(send: Send, session: aiohttp.ClientSession, number: int, at: float) -> tuple[str, float]:
    return await send(session, number), at


async def percentiles(probe: Probe, send: Send, rates: Sequence[int], *, seconds: float, warm: float = 3.0) -> dict[str, float]:
    """Milliseconds: p50, p95 and p99 at each rate, after `warm` seconds that are not counted."""
    numbers = itertools.count(1)
    await probe.load(send, numbers, rate=rates[0], seconds=warm)
    figures: dict[str, float] = {}
    for rate in rates:
        cuts = statistics.quantiles(await probe.load(send, numbers, rate=rate, seconds=seconds), n=100, method="inclusive")
        figures |= {f"p{percent}_at_{rate}": cuts[percent - 1] for percent in (50, 95, 99)}
    return figures
