"""A stand-in for ingest, alerting and webhooks: the documented shapes over a Flask app whose state tests change. Not a mock: it answers HTTP and streams."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from flask import Flask, Response, request

from shared.http import problem, reply
from tests.integration.console import examples
from tests.integration.console.examples import Row

ORDER = ("none", "watch", "elevated", "high", "critical")


@dataclass
class Fake:
    """What the siblings know. `down` makes every answer a 503; `cleared` False is a reader whose clearance reaches no alert."""

    alerts: list[Row] = field(default_factory=examples.alerts)
    institutions: list[Row] = field(default_factory=examples.institutions)
    sources: list[Row] = field(default_factory=examples.sources)
    deliveries: list[Row] = field(default_factory=examples.deliveries)
    subscriptions: dict[str, Row] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    down: bool = False
    cleared: bool = True
    changed: threading.Condition = field(default_factory=threading.Condition)
    arrived: list[Row] = field(default_factory=list)
    watchers: int = 0
    closed: bool = False

    def add(self, row: Row) -> None:
        """A new alert, to the lists and to the stream."""
        with self.changed:
            self.alerts = [row, *(old for old in self.alerts if old["alert_id"] != row["alert_id"])]
            self.arrived.append(row)
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def stream(self) -> Iterator[bytes]:
        sent = 0

        def more() -> bool:
            return self.closed or len(self.arrived) > sent

        with self.changed:
            self.watchers += 1
            self.changed.notify_all()
        yield b": welcome\n\n"
        while True:
            with self.changed:
                self.changed.wait_for(more, timeout=5)
                if self.closed:
                    return
                fresh, sent = self.arrived[sent:], len(self.arrived)
            for row in fresh:
                yield b"id: %d\nevent: alert\ndata: %s\n\n" % (row["sequence"], orjson.dumps(examples.brief(row)))
            yield b": alive\n\n"

    def found(self) -> list[Row]:
        asked = request.args
        rows = self.alerts if self.cleared else []
        if levels := asked.getlist("level"):
            rows = [row for row in rows if row["level"] in levels]
        if least := asked.get("min_level"):
            rows = [row for row in rows if ORDER.index(row["level"]) >= ORDER.index(least)]
        for name, column in (("direction", "direction"), ("stage", "stage"), ("lifecycle", "lifecycle")):
            if value := asked.get(name):
                rows = [row for row in rows if row[column] == value]
        if body := asked.get("institution"):
            rows = [row for row in rows if body in row["targets"]]
        if words := asked.get("q"):
            rows = [row for row in rows if words.casefold() in (row["title"] + row["headline"]["es"] + row["headline"]["en"]).casefold()]
        if since := asked.get("changed_since"):
            rows = [row for row in rows if dt.datetime.fromisoformat(row["recorded_at"]) > dt.datetime.fromisoformat(since)]
        return sorted(rows, key=lambda row: (-row["risk"] if asked.get("sort") == "-risk" else 0, -dt.date.fromisoformat(row["changed_as_of"]).toordinal()))


def create_fake(fake: Fake) -> Flask:
    """The fake as a WSGI application."""
    app = Flask("siblings", static_folder=None)

    @app.before_request
    def _enter() -> Response | None:
        fake.tokens.append(request.headers.get("Authorization", ""))
        return problem(503, "down") if fake.down else None

    @app.get("/v1/alerts")
    def _alerts() -> Response:
        rows, start, limit = fake.found(), int(request.args.get("cursor", 0)), int(request.args.get("limit", 50))
        page = rows[start : start + limit]
        following = str(start + limit) if start + limit < len(rows) else None
        return reply({"items": [examples.brief(row) for row in page], "next": following, "total": len(rows)})

    @app.get("/v1/alerts/<alert_id>")
    def _alert(alert_id: str) -> Response:
        row = next((row for row in fake.alerts if row["alert_id"] == alert_id), None)
        return reply(row) if row else problem(404, "no such alert", field="alert_id")

    @app.get("/v1/summary")
    def _summary() -> Response:
        levels = [row["level"] for row in fake.alerts if row["lifecycle"] != "Cancel"]
        last = max((row["sequence"] for row in fake.alerts), default=0)
        return reply(
            {
                "scored": 111,
                "withheld": not fake.cleared,
                "alerted": len(fake.alerts) if fake.cleared else None,
                "open_by_level": {level: levels.count(level) for level in ORDER[1:]} if fake.cleared else None,
                "last_sequence": last,
                "last_as_of": str(examples.TODAY),
            }
        )

    @app.get("/v1/institutions")
    def _institutions() -> Response:
        if not fake.cleared:
            return problem(403, "needs a clearance of TLP:GREEN")
        return reply({"items": fake.institutions, "next": None, "total": len(fake.institutions)})

    @app.get("/v1/institutions/<code>/pressure")
    def _pressure(code: str) -> Response:
        if not fake.cleared:
            return problem(403, "needs a clearance of TLP:GREEN")
        since, until = (dt.date.fromisoformat(request.args[name]) for name in ("since", "until"))
        return reply({"series": examples.pressure(code, since, until) if code in examples.TOPS else []})

    @app.get("/v1/stream")
    def _stream() -> Response:
        return Response(fake.stream(), content_type="text/event-stream", headers={"X-Accel-Buffering": "no", "Cache-Control": "no-cache"})

    add_ingest_and_webhooks(app, fake)
    return app


def add_ingest_and_webhooks(app: Flask, fake: Fake) -> None:
    @app.get("/v1/sources")
    def _sources() -> Response:
        return reply({"items": fake.sources, "next": None, "total": len(fake.sources)})

    @app.get("/v1/deliveries")
    def _deliveries() -> Response:
        return reply({"items": fake.deliveries, "next": None, "total": len(fake.deliveries)})

    @app.get("/v1/subscriptions")
    def _subscriptions() -> Response:
        return reply({"items": list(fake.subscriptions.values()), "next": None, "total": len(fake.subscriptions)})

    @app.post("/v1/subscriptions")
    def _subscribe() -> Response:
        given: dict[str, Any] = request.get_json()
        if not given.get("url", "").startswith("https://"):
            return problem(422, "must begin with https://: give the public address of your receiver", field="url")
        row = given | {"id": f"sub_{len(fake.subscriptions) + 1}", "status": "active"}
        fake.subscriptions[row["id"]] = row
        return reply(row | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, 201)

    @app.patch("/v1/subscriptions/<name>")
    def _change(name: str) -> Response:
        fake.subscriptions[name] |= request.get_json()
        return reply(fake.subscriptions[name])

    @app.delete("/v1/subscriptions/<name>")
    def _delete(name: str) -> Response:
        del fake.subscriptions[name]
        return Response(status=204)
