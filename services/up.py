"""`veedor up`: every service in one process on one port. In: a Context; out: a running house whose parts meet only on the bus and over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
from flask import Flask
from flask_openapi3.openapi import OpenAPI

from services.alerting import main as alerting
from services.console import main as console
from services.ingest import main as ingest
from services.scoring import main as scoring
from services.webhooks import main as webhooks
from shared.http import Door, add_operations, client, document, guard, reply
from shared.operations import Crew
from shared.process import Context, Part
from shared.server import Mount, Server

PREFIXES = {
    "ingest": ("/v1/moves", "/v1/sources"),
    "scoring": ("/v1/assess",),
    "alerting": ("/v1/alerts", "/v1/institutions", "/v1/clusters", "/v1/ledger", "/v1/stream", "/v1/exports", "/v1/summary", "/feeds"),
    "webhooks": ("/v1/subscriptions", "/v1/deliveries", "/v1/feed", "/.well-known"),
}
"""Public paths, a service: the same in one process, behind the gateway and behind an Ingress."""


@dataclass(frozen=True)
class House:
    """The running house: its root WSGI application, its address and a one-time sign-in link maker."""

    app: Mount
    parts: dict[str, Part]
    url: str
    sign_in_link: Callable[[], str]


def union(apps: list[OpenAPI]) -> dict[str, Any]:
    """One OpenAPI document of several."""
    whole: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "Veedor", "version": "1"}, "paths": {}, "components": {"schemas": {}, "securitySchemes": {}}}
    for app in apps:
        part = document(app)
        whole["paths"] |= part["paths"]
        for name in ("schemas", "securitySchemes"):
            whole["components"][name] |= part.get("components", {}).get(name, {})
    return whole


def documents(door: Door, apps: list[OpenAPI]) -> Flask:
    """The application that answers for all: /openapi.json with the union, /readyz with what keeps any of them from working."""
    app = Flask("veedor", static_folder=None)
    app.extensions["door"] = door
    guard(app, "veedor")
    add_operations(app, door)
    app.add_url_rule("/openapi.json", "openapi", lambda: reply(union(apps)))
    return app


def whole_door(context: Context, apps: list[OpenAPI]) -> Door:
    """The door of the whole house: everything that makes any part of it unready, once."""
    doors: list[Door] = [app.extensions["door"] for app in apps]
    checks = {f"{name} of {app.import_name}" if name != "bus" else name: check for app, door in zip(apps, doors, strict=True) for name, check in door.checks.items()}
    troubles = dict.fromkeys(trouble for door in doors for trouble in door.troubles)
    return replace(context.door({}), checks=checks, troubles=tuple(troubles))


def build(context: Context) -> tuple[Mount, dict[str, Part]]:
    """Builds every part and joins them; the console reaches its siblings through the mount itself, never through a port."""
    parts = {"ingest": ingest.build(context), "scoring": scoring.build(context), "alerting": alerting.build(context), "webhooks": webhooks.build(context)}
    apis = [part.app for part in parts.values() if isinstance(part.app, OpenAPI)]
    prefixes: dict[str, Any] = {prefix: parts[name].app for name, found in PREFIXES.items() for prefix in found}
    prefixes["/openapi.json"] = prefixes["/readyz"] = documents(whole_door(context, apis), apis)
    siblings = Mount(prefixes, prefixes["/openapi.json"])
    inside = client("http://veedor.internal", transport=httpx.WSGITransport(app=siblings))
    parts["console"] = console.build(context, dict.fromkeys(PREFIXES, inside))
    return Mount(prefixes, parts["console"].app), parts


@contextmanager
def running(context: Context, port: int) -> Iterator[House]:
    """The house, up for the length of the block; stops its loops and streams on the way out. Raises what a thread died of."""
    app, parts = build(context)
    settings = context.settings

    def closing() -> None:
        for part in parts.values():
            part.closing()

    server = Server(app, settings.host, port, settings.threads + settings.watchers, closing)
    url = settings.public_url or f"http://{settings.host}:{server.port}"
    crew = Crew(context.stop)
    for part in parts.values():
        for name, work in part.work.items():
            crew.start(name, work)
    crew.start("http", lambda: server.run(context.stop))
    try:
        yield House(app, parts, url, lambda: console.sign_in_link(parts["console"], url))
    finally:
        context.stop.set()
        crew.join()
