"""What operators see of a process: JSON logs, signals that set a flag, liveness of its loops, metrics."""

from __future__ import annotations

import _thread
import gc
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

LIVENESS_SECONDS = 60.0


def configure_logging(level: str = "INFO", *, stream: Any = None) -> None:
    """One JSON object a line on standard error, our own lines and those of libraries alike. Call once, in a composition root."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer(ensure_ascii=False)],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("kafka", "alembic", "waitress.queue", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.ERROR if noisy == "kafka" else logging.WARNING)


SELDOM = (100_000, 20, 20)
"""When the collector looks for garbage: objects made since it last did, and how many times until it looks at older ones too."""


def settle_memory() -> None:
    """What was built until now (weights, lexicons, tables) lives as long as the process: the collector need not walk it again and again.

    Measured: decoding an assessment falls from 140 to 42 us. Call once, in a command, when everything is built.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)


def stop_on_signals() -> threading.Event:
    """The flag that SIGTERM and SIGINT set; loops look at it, nothing else happens in the handler.

    A thread sets it, not the handler: that runs between any two steps of the main thread, which may hold the flag's own lock (about to wait, or setting it for the signal before).
    """
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: _thread.start_new_thread(stop.set, ()))
    return stop


@dataclass
class Liveness:
    """Alive while every registered loop has turned within `limit` seconds."""

    limit: float = LIVENESS_SECONDS
    clock: Callable[[], float] = time.monotonic
    turns: dict[str, float] = field(default_factory=dict)

    def register(self, name: str) -> Callable[[], None]:
        """The function the loop calls whenever it turns."""
        self.turns[name] = self.clock()

        def turned() -> None:
            self.turns[name] = self.clock()

        return turned

    def stuck(self) -> list[str]:
        """Names of the loops that have not turned in time."""
        now = self.clock()
        return sorted(name for name, at in self.turns.items() if now - at > self.limit)


@dataclass
class Crew:
    """The threads of one process. The first that dies of a bug stops all, and `join` raises what it died of."""

    stop: threading.Event
    threads: list[threading.Thread] = field(default_factory=list)
    failure: BaseException | None = None

    def start(self, name: str, work: Callable[[], object]) -> None:
        def body() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - a thread that dies must take the process with it, whatever it died of
                self.failure = self.failure or error
                structlog.get_logger(__name__).exception("thread died", thread=name)
                self.stop.set()

        thread = threading.Thread(target=body, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def join(self, timeout: float = 25.0) -> None:
        """Waits for all to end, at most `timeout` seconds in all; raises the first failure."""
        deadline = time.monotonic() + timeout
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self.failure is not None:
            raise self.failure
