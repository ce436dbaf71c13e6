"""`veedor doctor`: looks at what an installation needs. In: settings; out: a name and, where something is wrong, what it is and what to do."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from shared.bus import open_bus
from shared.countries import load
from shared.database import Database
from shared.errors import VeedorError
from shared.identity import load_key
from shared.settings import Settings

MIN_FREE_BYTES = 1 << 30

Finding = tuple[str, str | None]


def examine(settings: Settings) -> Iterator[Finding]:
    """One finding a line: (what, None) when well, (what, trouble) when not."""
    yield "home", _home(settings.home)
    yield "keys", _keys(settings)
    yield f"country pack {settings.country}", _pack(settings)
    yield f"bus {settings.bus.partition('@')[2] or settings.bus}", _bus(settings)
    for service in ("ingest", "alerting", "webhooks"):
        yield f"database of {service}", _database(settings, service)


def _home(home: Path) -> str | None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"veedor")
    except OSError as error:
        return f"{home} cannot be written ({error}): choose another with --home or VEEDOR_HOME"
    open_to_others = [path for path in home.glob("*.db") if path.stat().st_mode & 0o077]
    if open_to_others:
        return f"{open_to_others[0]} can be read by others, and it holds secrets: chmod go= {open_to_others[0]}"
    free = shutil.disk_usage(home).free
    return f"only {free >> 20} MB free on the disk of {home}: make room" if free < MIN_FREE_BYTES else None


def _keys(settings: Settings) -> str | None:
    try:
        for name in ("identity", "ledger", "webhooks"):
            path = settings.keys / f"{name}.pem"
            load_key(path)
            if path.stat().st_mode & 0o077:
                return f"{path} can be read by others: chmod 600 {path}"
    except (OSError, ValueError, VeedorError) as error:
        return str(error)
    return None


def _pack(settings: Settings) -> str | None:
    try:
        load(settings.country)
    except VeedorError as error:
        return str(error)
    return None


def _bus(settings: Settings) -> str | None:
    try:
        bus = open_bus(settings.bus, home=settings.home, max_bytes=settings.local_log_max_bytes)
    except VeedorError as error:
        return str(error)
    return None if bus.ready() else "does not answer: is the broker up, and VEEDOR_BUS right?"


def _database(settings: Settings, service: str) -> str | None:
    try:
        database = Database(settings.database_url(service), service)
    except VeedorError as error:
        return str(error)
    return None if database.ready() else "does not answer: is the server up, and VEEDOR_DATABASE right?"
