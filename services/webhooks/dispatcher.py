"""The thread that sends. In: the durable queue; out: attempts, at most `MOST` at once, a lane an endpoint, so that one that hangs costs nobody else.

A row is leased, sent, recorded: a crash between any two sends it again under the same webhook-id and loses nothing.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter as Counted
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import Counter, Gauge

from services.webhooks.lane import AHEAD, Lane, Offer
from services.webhooks.message import CONTENT_TYPE
from services.webhooks.queue import Claimed, Queue, Result
from services.webhooks.recorder import Recorder
from services.webhooks.retry import Outcome
from services.webhooks.sender import Sender
from services.webhooks.signing import signed_headers
from shared.consumer import full_jitter
from shared.errors import Retryable

log = structlog.get_logger(__name__)

MOST = 400
"""Attempts at once over all lanes; lanes that fail share half of them."""
LOOK_SECONDS = 1.0
COUNT_SECONDS = 5.0
EXPIRE_SECONDS = 60.0
CLAIM_LANES = 64
KEPT_LANES = 1000
GRACE_SECONDS = 10.0

ATTEMPTS = Counter("veedor_webhook_attempts_total", "Attempts to deliver, by what came of them.", ["outcome", "reason"])
PENDING = Gauge("veedor_webhook_pending", "Deliveries that are due or wait for their next try.")
HELD = Gauge("veedor_webhook_held", "Deliveries that wait for a paused or disabled subscription.")
OLDEST = Gauge("veedor_webhook_oldest_pending_seconds", "Age of the oldest pending delivery.")
BREAKERS = Gauge("veedor_webhook_breakers_open", "Endpoints that are given a rest.")


class Dispatcher:
    """Runs in one thread (`run`); `wake`, `forget`, `offer` and `take` may be called from any."""

    def __init__(
        self,
        queue: Queue,
        sender: Sender,
        key: Ed25519PrivateKey,
        now: Callable[[], float],
        stop: threading.Event,
        turned: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` is real time (Unix seconds), for the signatures; `clock` only grows, for the lanes."""
        self.queue, self.sender, self.key, self.now = queue, sender, key, now
        self.stop, self.turned, self.clock = stop, turned, clock
        self.lanes: dict[str, Lane] = {}
        self.hinted: set[str] = set()
        self.forgotten: set[str] = set()
        self.epochs: Counted[str] = Counted()
        """How often each subscription was forgotten."""
        self.running = 0
        self.failing = 0
        self.blocked: dict[str, Lane] = {}
        self.attempts: set[asyncio.Task[None]] = set()
        self.gate = threading.Lock()
        self.loop: asyncio.AbstractEventLoop | None = None

    # ── from other threads ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def wake(self, subscriptions: Iterable[str]) -> None:
        """These have something new to send."""
        ids = set(subscriptions)

        def hint() -> None:
            self.hinted |= ids
            self.woken.set()

        if ids:
            self._call(hint)

    def forget(self, subscription_id: str) -> None:
        """Paused, changed or deleted: what is claimed for it goes back unsent, and the database is asked anew."""

        def drop() -> None:
            self.epochs[subscription_id] += 1
            self.forgotten.add(subscription_id)
            self.blocked.pop(subscription_id, None)
            lane = self.lanes.pop(subscription_id, None)
            if lane:
                self._give_back(lane.clear())
            self.hinted.add(subscription_id)
            self.woken.set()

        self._call(drop)

    def offer(self, subscription_id: str) -> Offer | None:
        """What may be written as leased to this process, so that it need not be claimed; None when older rows come first or the last attempt failed."""
        lane = self.lanes.get(subscription_id)
        if lane is None or lane.waiting or lane.breaker.failures or subscription_id in self.hinted or self.stop.is_set():
            return None
        return Offer(self.queue.worker, self.queue.lease, lane.room(self.clock()), self.epochs[subscription_id])

    def take(self, leased: Sequence[tuple[Claimed, Offer]]) -> None:
        """Rows that were written as offered. What was forgotten since the offer goes back: its subscription may be paused or have another address by now."""

        def accept() -> None:
            for claimed, offer in leased:
                if self.epochs[claimed.endpoint.subscription_id] != offer.epoch:
                    self._give_back([claimed])
                else:
                    self._accept(claimed)

        if leased:
            self._call(accept)

    def _call(self, action: Callable[[], None]) -> None:
        # Before the loop runs there is nothing to tell: it begins by asking the database what is due.
        with self.gate:
            if self.loop is not None:
                self.loop.call_soon_threadsafe(action)

    # ── the loop ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> None:
        """Returns when `stop` is set and what was under way has ended; raises what is a bug."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        self.woken = asyncio.Event()
        self.pool = ThreadPoolExecutor(2, thread_name_prefix="webhooks-database")
        self.recorder = Recorder(self.queue.record, self._in_pool)
        with self.gate:
            self.loop = asyncio.get_running_loop()
        try:
            async with self.sender, asyncio.TaskGroup() as group:
                self.group = group
                writing = group.create_task(self.recorder.write_all())
                await self._claim_until_stopped()
                await self._finish()
                self.recorder.close()
                await writing
            await self._release()
        finally:
            with self.gate:
                self.loop = None
            self.pool.shutdown(wait=False)

    async def _claim_until_stopped(self) -> None:
        self.due_at = {self._look: 0.0, self._count: 0.0, self._expire: 0.0}
        failures = 0
        while not self.stop.is_set():
            self.turned()
            self.woken.clear()
            try:
                await self._chores()
                busy = await self._claim()
                failures = 0
            except Retryable as error:
                failures += 1
                log.warning("the queue waits", attempt=failures, why=str(error))
                await self._pause(full_jitter(failures, cap=2.0))
                continue
            if not busy:
                await self._pause(0.5)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.woken.wait(), seconds)
        except TimeoutError:
            return

    async def _chores(self) -> None:
        now = self.clock()
        for chore, every in ((self._look, LOOK_SECONDS), (self._count, COUNT_SECONDS), (self._expire, EXPIRE_SECONDS)):
            if now >= self.due_at[chore]:
                self.due_at[chore] = now + every
                await chore()

    async def _look(self) -> None:
        """Who has rows to send (late retries come due by themselves); rows that waited too long in a lane go back."""
        self.hinted |= await self._in_pool(self.queue.due)
        now = self.clock()
        for which, lane in list(self.lanes.items()):
            self._give_back(lane.stale(now))
            if len(self.lanes) > KEPT_LANES and lane.is_idle:
                del self.lanes[which]

    async def _count(self) -> None:
        backlog = await self._in_pool(self.queue.backlog)
        PENDING.set(backlog.pending)
        HELD.set(backlog.held)
        OLDEST.set(backlog.oldest_seconds)
        BREAKERS.set(sum(lane.breaker.is_open for lane in self.lanes.values()))

    async def _expire(self) -> None:
        await self._in_pool(self.queue.expire)

    # ── claiming and sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _claim(self) -> bool:
        """Claims for lanes that want more; true when it is worth asking again at once."""
        room = self._room()
        if not room:
            return False
        self.forgotten.clear()
        claimed: list[Claimed] = await self._in_pool(self.queue.claim, room)
        got: dict[str, int] = {}
        for one in claimed:
            which = one.endpoint.subscription_id
            got[which] = got.get(which, 0) + 1
            self._accept(one)
        self.hinted -= {which for which, free in room.items() if got.get(which, 0) < free and which not in self.forgotten}
        return bool(claimed)

    def _room(self) -> dict[str, int]:
        now = self.clock()
        room: dict[str, int] = {}
        for which in list(self.hinted):
            lane = self.lanes.get(which)
            if lane is None:
                room[which] = AHEAD
            elif lane.is_thirsty(now):
                room[which] = lane.room(now)
            elif not lane.breaker.allows(now):
                self.hinted.discard(which)
            if len(room) >= CLAIM_LANES:
                break
        return room

    def _accept(self, claimed: Claimed) -> None:
        which = claimed.endpoint.subscription_id
        # A row that is ours already comes again only when its lease ran out under us (a frozen process): the first attempt is still the one.
        if claimed.delivery_id in self.recorder.mine:
            return
        self.recorder.mine.add(claimed.delivery_id)
        if which in self.forgotten:
            self._give_back([claimed])
            return
        lane = self.lanes.get(which)
        if lane is None:
            lane = self.lanes[which] = Lane(claimed.endpoint)
        lane.add(claimed, self.clock())
        self._pump(lane)

    def _pump(self, lane: Lane) -> None:
        """Starts what may start on this lane; what the limits of the house forbid now waits for the end of another attempt."""
        while lane.waiting and not self.stop.is_set():
            failing = bool(lane.breaker.failures)
            if self.running >= MOST or (failing and self.failing >= MOST // 2):
                self.blocked[lane.endpoint.subscription_id] = lane
                return
            now = self.clock()
            self._give_back(lane.stale(now))
            claimed, wait = lane.next(now)
            if claimed is None:
                if wait:
                    asyncio.get_running_loop().call_later(wait, self._pump, lane)
                return
            self._start(lane, claimed, failing=failing)

    def _start(self, lane: Lane, claimed: Claimed, *, failing: bool) -> None:
        self.running += 1
        self.failing += failing
        task = self.group.create_task(self._attempt(lane, claimed, failing=failing))
        self.attempts.add(task)
        task.add_done_callback(self.attempts.discard)

    async def _attempt(self, lane: Lane, claimed: Claimed, *, failing: bool) -> None:
        outcome: Outcome | None = None
        try:
            headers = signed_headers(claimed.body, webhook_id=claimed.delivery_id, timestamp=int(self.now()), secrets=claimed.endpoint.secrets, key=self.key)
            outcome = await self.sender.send(claimed.endpoint.url, claimed.body, {"Content-Type": CONTENT_TYPE, **headers})
        finally:
            self.running -= 1
            self.failing -= failing
            if outcome is None:
                self._give_back([claimed])
        self._note(lane, claimed, outcome)
        self._pump(lane)
        for which in list(self.blocked)[:4]:
            self._pump(self.blocked.pop(which))

    def _note(self, lane: Lane, claimed: Claimed, outcome: Outcome) -> None:
        which = claimed.endpoint.subscription_id
        works_again, disable = lane.ended(outcome, self.clock())
        ATTEMPTS.labels("delivered" if outcome.delivered else "failed", outcome.reason.value).inc()
        self.recorder.ended(Result(claimed, outcome, hasten=works_again, disable=disable))
        if disable:
            log.warning("subscription disabled", subscription=which, reason=outcome.reason.value, why=outcome.detail)
        now = self.clock()
        if disable or not lane.breaker.allows(now):
            self._give_back(lane.clear())
        if works_again:
            self.hinted.add(which)
        if which in self.hinted and lane.is_thirsty(now):
            self.woken.set()

    def _give_back(self, claimed: Iterable[Claimed]) -> None:
        self.recorder.give_back(one.delivery_id for one in claimed)

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _finish(self) -> None:
        """What is under way may end within the grace; the rest goes back."""
        self.blocked.clear()
        for lane in self.lanes.values():
            self._give_back(lane.clear())
        if self.attempts:
            await asyncio.wait(self.attempts, timeout=GRACE_SECONDS)
        left = set(self.attempts)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    async def _release(self) -> None:
        try:
            await self._in_pool(self.queue.release)
        except Retryable as error:
            log.warning("leases end by themselves", why=str(error))

    def _in_pool(self, work: Callable[..., Any], *arguments: object) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)
