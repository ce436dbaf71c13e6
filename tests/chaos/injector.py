"""Carries out a plan on the running production shape, undoes each fault in its time, and brings back what dies by itself, as an orchestrator does. Out: what was done when."""

from __future__ import annotations

import functools
import heapq
import itertools
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.plan import SERVICES, Fault
from tests.chaos.poison import Poison
from tests.parts import faketime
from tests.parts.process import Process
from tests.parts.production import Production

Undo = Callable[[], None]


@dataclass
class Injector:
    """`run` returns when the plan is carried out and everything undone."""

    made: Production
    poison: Poison
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
        self.started = time.monotonic()

    def addresses(self) -> list[str]:
        """Where ingest may answer now."""
        found = [name for name in (*self.base, *self.extra) if name.startswith("ingest.")]
        return [f"http://127.0.0.1:{self.made.cluster.ports[name]}" for name in found]

    def run(self, plan: Sequence[Fault]) -> None:
        self.started = time.monotonic()
        never = threading.Event()
        for fault in plan:
            self._later(fault.at, fault.words, functools.partial(self._inject, fault))
        while self.due:
            while self.due and self.due[0][0] <= self._now():
                _, _, words, action = heapq.heappop(self.due)
                self.note(words)
                action()
            self.mend()
            never.wait(0.05)

    def note(self, words: str) -> None:
        self.faults.append({"at": round(self._now(), 2), "what": words})

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
        process = self._process(f"{fault.target}.0")
        process.freeze()
        return process.thaw

    def _broker(self, _: Fault) -> None:
        self.made.broker.kill()
        self.made.broker.start()

    def _broker_freeze(self, _: Fault) -> Undo:
        self.made.broker.freeze()
        return self.made.broker.thaw

    def _postgres(self, _: Fault) -> None:
        self.made.server.stop()
        self.made.server.start()

    def _replica(self, fault: Fault) -> Undo:
        return self._start_extra(fault.target, {})

    def _clock(self, fault: Fault) -> Undo | None:
        """A worker that believes it is another time works beside the one that knows."""
        library = faketime.library()
        if library is None:
            self.note(f"skipped: {faketime.missing()}")
            return None
        return self._start_extra(fault.target, {"LD_PRELOAD": str(library), "FAKETIME": f"{fault.amount:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})

    def _start_extra(self, service: str, environment: dict[str, str]) -> Undo:
        number = next(self.replicas)
        process = self.made.cluster.process(service, number, environment)
        name = f"{service}.{number}"
        process.start(lambda: True)
        self.extra.add(name)
        return lambda: self._end_extra(name)

    def _end_extra(self, name: str) -> None:
        """Politely, as a replica is taken away; it may take its time without holding up the plan."""
        self.extra.discard(name)
        self.down.add(name)
        self._process(name).send(signal.SIGTERM)

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
