"""Carries out a plan on the running production shape, undoes each fault in its time, and brings back what dies by itself, as an orchestrator does. Out: what was done when."""

from __future__ import annotations

import functools
import heapq
import itertools
import re
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.plan import SERVICES, Fault
from tests.chaos.poison import Poison
from tests.parts import faketime
from tests.parts.faketime import Clock
from tests.parts.process import Process
from tests.parts.production import Production

Undo = Callable[[], None]
WARM_UP = 5.0
"""Seconds a replica gets to join its group before the one beside it is frozen."""
TURNED = re.compile(r'^veedor_loop_turned_timestamp_seconds\{service="webhooks"\} (\S+)', re.MULTILINE)


@dataclass
class Injector:
    """`run` returns when the plan is carried out and everything undone; `look` is called all the while."""

    made: Production
    poison: Poison
    clock: Clock
    look: Callable[[], None] = lambda: None
    faults: list[dict[str, Any]] = field(default_factory=list)
    crashes: list[dict[str, Any]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    """Processes that are dead because we killed them."""

    def __post_init__(self) -> None:
        self.replicas = itertools.count(1)
        self.due: list[tuple[float, int, str, Undo]] = []
        self.order = itertools.count()
        self.base = {f"{service}.0" for service in SERVICES}
        self.extra: set[str] = set()
        self.frozen: Counter[str] = Counter()
        self.started = time.monotonic()

    def addresses(self) -> list[str]:
        """Where ingest may answer now."""
        found = [name for name in (*self.base, *self.extra) if name.startswith("ingest.")]
        return [self._url(name) for name in found]

    def run(self, plan: Sequence[Fault], reached: Callable[[], float]) -> None:
        """A fault is due when the load has `reached` its time: on a slow machine as on a fast one they fall on the whole load. What it lasts is in real seconds."""
        self.started = time.monotonic()
        never = threading.Event()
        waiting = deque(sorted(plan))
        while waiting or self.due:
            if waiting and waiting[0].at <= reached():
                self._begin(waiting.popleft())
            while self.due and self.due[0][0] <= self._now():
                _, _, words, action = heapq.heappop(self.due)
                self.note(words)
                action()
            self.mend()
            self.look()
            never.wait(0.02)

    def _begin(self, fault: Fault) -> None:
        """Now, or once a consumer that was held up is in the middle of what piled up."""
        if fault.pile:
            name = f"{fault.held_up}.0"
            self._hold(name)
            self._later(self._now() + fault.pile, f"{fault.held_up} goes on", functools.partial(self._thaw, name))
        self._later(self._now() + fault.pile + fault.after, fault.words, functools.partial(self._inject, fault))

    def note(self, words: str) -> None:
        self.faults.append({"at": round(self._now(), 2), "what": words})

    def unready(self) -> list[str]:
        """Services whose first process does not say that it is ready."""
        return [name for name in sorted(self.base) if not self._is_ready(name)]

    def _is_ready(self, name: str) -> bool:
        try:
            return httpx.get(f"{self._url(name)}/readyz", trust_env=False, timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.made.cluster.ports[name]}"

    def _now(self) -> float:
        return time.monotonic() - self.started

    def _later(self, at: float, words: str, action: Undo) -> None:
        heapq.heappush(self.due, (at, next(self.order), words, action))

    def _inject(self, fault: Fault) -> None:
        undo = getattr(self, f"_{fault.kind}")(fault)
        if undo is not None:
            self._later(self._now() + fault.lasts, f"undone: {fault.words}", undo)

    def _process(self, name: str) -> Process:
        return self.made.cluster.processes[name]

    def _kill(self, fault: Fault) -> Undo:
        name = f"{fault.target}.0"
        self.down.add(name)
        self._process(name).kill()
        return lambda: self._again(name)

    def _again(self, name: str) -> None:
        """Two kills may overlap: the first to be undone starts it."""
        if name in self.down:
            self.down.discard(name)
            self._process(name).start(lambda: True)

    def _freeze(self, fault: Fault) -> Undo:
        name = f"{fault.target}.0"
        self._hold(name)
        return lambda: self._thaw(name)

    def _hold(self, name: str) -> None:
        self.frozen[name] += 1
        self._process(name).freeze()

    def _thaw(self, name: str) -> None:
        """Of freezes that overlap the last to end thaws, so that each lasts past the session."""
        self.frozen[name] -= 1
        if not self.frozen[name]:
            self._process(name).thaw()

    def _takeover(self, fault: Fault) -> None:
        """A replica joins, then the first is frozen: its partitions pass on, and what it had in hand it finishes when others have done it."""
        away = self._replica(fault)
        freeze = Fault(0.0, "freeze", fault.target, fault.lasts)
        self._later(self._now() + WARM_UP, freeze.words, functools.partial(self._inject, freeze))
        self._later(self._now() + WARM_UP + fault.lasts + 2, f"undone: {fault.words}", away)

    def _broker(self, _: Fault) -> None:
        """The plan does not wait for it: more may happen while it comes back."""
        self.made.broker.kill()
        self.made.broker.process.start(lambda: True)

    def _broker_freeze(self, _: Fault) -> Undo:
        self.made.broker.freeze()
        return self.made.broker.thaw

    def _postgres(self, _: Fault) -> None:
        self.made.server.stop()
        self.made.server.start()

    def _replica(self, fault: Fault) -> Undo:
        number = next(self.replicas)
        process = self.made.cluster.process(fault.target, number, self.clock.environment if fault.target == "webhooks" else {})
        name = f"{fault.target}.{number}"
        process.start(lambda: True)
        self.extra.add(name)
        return lambda: self._end_extra(name)

    def _end_extra(self, name: str) -> None:
        """Politely, as a replica is taken away; it may take its time without holding up the plan."""
        self.extra.discard(name)
        self.down.add(name)
        self._process(name).send(signal.SIGTERM)

    def _clock(self, fault: Fault) -> Undo | None:
        """The time of day of a running worker, with leases in its hands, jumps, and jumps back."""
        if faketime.missing():
            self.note(f"skipped: {faketime.missing()}")
            return None
        self.clock.jump(fault.amount)
        return lambda: self._clock_back(f"{fault.target}.0")

    def _clock_back(self, name: str) -> None:
        self.note(f"{name} took the time to be {self._off(name)} from ours")
        self.clock.jump(0)

    def _off(self, name: str) -> str:
        """How far a worker's time is from ours, by when it says its loop last turned."""
        try:
            found = TURNED.search(httpx.get(f"{self._url(name)}/metrics", trust_env=False, timeout=3).text)
        except httpx.HTTPError:
            return "an unknown time (it did not answer)"
        return f"{float(found[1]) - time.time():+.0f} s" if found else "an unknown time"

    def _poison(self, fault: Fault) -> None:
        if not self.poison.send(fault.amount):
            self._later(self._now() + 1.0, fault.words, lambda: self._poison(fault))

    def mend(self) -> None:
        """Starts again what died by itself, and notes it: a crash we did not cause is a finding."""
        for name in (*self.base, *self.extra):
            process = self._process(name)
            if name not in self.down and process.child is not None and process.child.poll() is not None:
                self.crashes.append({"at": round(self._now(), 2), "what": name, "exit": process.child.returncode, "log": process.tail(3)})
                process.start(lambda: True)
