"""Posts numbered moves until each is answered with 2xx, whatever happens to who answers. In: where ingest listens; out: move ids accepted, and what was refused for good."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.parts import moves

WORKERS = 6
CONCERTED = 40
"""Moves of a run, at most, that two groups file against one institution: a cluster, whose alert is revised again and again."""
GROUPS = ("Grupo Norte", "Grupo Sur")


def told(number: int, day: dt.date, concerted: int) -> dict[str, Any]:
    """The observation of a number; every `concerted`-th is part of a campaign against one court."""
    said = moves.observation(number, day)
    if number % concerted:
        return said
    title = f"Ley que permite al Congreso de la República remover por mayoría simple a los magistrados del Tribunal Constitucional y reduce su mandato (serie {number})"
    return said | {"title": title, "summary": None, "groups": [GROUPS[number // concerted % len(GROUPS)]]}


def every(count: int) -> int:
    """Which share of `count` moves is concerted: grave ones all, CONCERTED at most."""
    return max(2, -(-count // (10 * CONCERTED))) * 10


@dataclass
class Load:
    """`addresses()` are the base URLs that may answer now. The clock starts with `start`; number n is sent n / `rate` seconds later at the earliest."""

    addresses: Callable[[], Sequence[str]]
    bearer: str
    day: dt.date
    numbers: range
    rate: float
    accepted: dict[int, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    tries: int = 0
    gave_up: threading.Event = field(default_factory=threading.Event)

    @property
    def grave(self) -> set[int]:
        """Accepted numbers that must raise an alert."""
        return {number for number in self.accepted if number % 10 == 0}

    def start(self) -> None:
        self.started = time.monotonic()
        self.queue: Iterator[int] = iter(self.numbers)
        self.concerted = every(len(self.numbers))
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._work, name=f"load {number}", daemon=True) for number in range(WORKERS)]
        for thread in self.threads:
            thread.start()

    @property
    def finished(self) -> bool:
        """Nobody works any more."""
        return not any(thread.is_alive() for thread in self.threads)

    def join(self, seconds: float) -> bool:
        """Whether all was answered in time."""
        deadline = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        finished = self.finished
        self.gave_up.set()
        return finished

    def _work(self) -> None:
        turn = itertools.count()
        while (number := self._next()) is not None:
            self.gave_up.wait(max(0.0, self.started + (number - self.numbers.start) / self.rate - time.monotonic()))
            self._insist(number, turn)

    def _insist(self, number: int, turn: Iterator[int]) -> None:
        """Until it is done with; a connection that fails is made anew, to the next address."""
        body, done = orjson.dumps(told(number, self.day, self.concerted)), False
        while not done and not self.gave_up.is_set():
            with contextlib.closing(self._connect(next(turn))) as connection, contextlib.suppress(OSError, http.client.HTTPException):
                done = self._post(connection, number, body)
            if not done:
                self.gave_up.wait(0.1)

    def _next(self) -> int | None:
        with self.lock:
            return next(self.queue, None) if not self.gave_up.is_set() else None

    def _connect(self, turn: int) -> http.client.HTTPConnection:
        found = self.addresses()
        parts = urlsplit(found[turn % len(found)])
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)

    def _post(self, connection: http.client.HTTPConnection, number: int, body: bytes) -> bool:
        """Whether the number is done with: accepted, or refused for good."""
        self.tries += 1
        connection.request("POST", "/v1/moves", body, {"Authorization": f"Bearer {self.bearer}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status in (200, 201):
            self.accepted[number] = orjson.loads(said)["move_id"]
            return True
        if answer.status in (429, 502, 503):
            return False
        self.refused.append(f"move {number}: {answer.status} {said[:300].decode(errors='replace')}")
        return True
