"""How a service becomes a process: what every composition root is handed (Context), what it gives back (Part), and the one way to run it."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from shared.bus import open_bus
from shared.bus.contract import Bus
from shared.database import Database, open_database
from shared.events import TOPICS, dead_letters
from shared.identity import Revocations, Verifier, load_public_key
from shared.operations import Crew, Liveness
from shared.settings import PORTS, Settings

if TYPE_CHECKING:
    from flask import Flask

    from shared.http import Door

log = structlog.get_logger(__name__)


MIN_FREE_BYTES = 8 << 20
"""Under this a home's disk counts as full: the databases' own journals need as much."""
EXERCISE = "exercise"
"""Name of the file that marks a home as a replay's: what runs there says Exercise, and the real clock stays out of it."""


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Context:
    """What a composition root gets. `now` is the wall clock (UTC); `exercise` is true in a replay."""

    settings: Settings
    bus: Bus
    verifier: Verifier
    stop: threading.Event
    liveness: Liveness
    now: Callable[[], dt.datetime] = utc_now
    exercise: bool = False

    def door(self, checks: Mapping[str, Callable[[], bool]], *troubles: Callable[[], str]) -> Door:
        """The API's door with the bus, and the disk of whoever keeps anything on it, among what makes it ready."""
        # What serves the APIs takes a tenth of a command's start: only who serves waits for it.
        from shared.http import Door

        kept = (self.disk_trouble,) if self.settings.bus == "local" or self.settings.database is None else ()
        return Door(self.verifier, self.liveness, {"bus": self.bus.ready, **checks}, (*kept, *troubles), anonymous_clear=self.settings.tlp_clear_anonymous)

    def disk_trouble(self) -> str:
        """Why nothing can be kept in the home, or ""."""
        free = shutil.disk_usage(self.settings.home).free
        return f"the disk of {self.settings.home} is full ({free >> 20} MB free): make room, what was accepted is kept and goes on then" if free < MIN_FREE_BYTES else ""

    def database(self, service: str) -> Database:
        """The service's own database, ready for use."""
        return open_database(self.settings.database_url(service), service)


@dataclass(frozen=True)
class Part:
    """A built service: its API, the loops it needs (name -> function that returns when the context's stop is set), what to do before the server stops."""

    service: str
    app: Flask
    work: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    closing: Callable[[], None] = lambda: None


def open_context(settings: Settings, stop: threading.Event, *, now: Callable[[], dt.datetime] = utc_now) -> Context:
    """The parts every service shares, from its settings."""
    settings.home.mkdir(parents=True, exist_ok=True)
    bus = open_bus(settings.bus, home=settings.home, max_bytes=settings.local_log_max_bytes)
    if settings.bus == "local":
        bus.ensure_topics([*TOPICS, *map(dead_letters, TOPICS)])
    verifier = Verifier(load_public_key(settings.keys / "identity.pem"), Revocations(settings.home / "revoked"), now)
    return Context(settings, bus, verifier, stop, Liveness(), now, (settings.home / EXERCISE).exists())


def run(context: Context, part: Part) -> None:
    """One service as a process of its own: its loops and its server, until stop. Raises what a thread died of."""
    from shared.server import Server

    settings = context.settings
    port = PORTS[part.service] if settings.port is None else settings.port
    server = Server(part.app, settings.host, port, settings.threads + settings.watchers, part.closing)
    crew = Crew(context.stop)
    for name, work in part.work.items():
        crew.start(name, work)
    log.info("ready", service=part.service, host=settings.host, port=server.port)
    server.run(context.stop)
    crew.join()
