"""A subscriber's endpoint that verifies every delivery with the public `standardwebhooks` package; now and then it refuses, is slow, or hangs up on what it kept."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import orjson
from standardwebhooks import Webhook, WebhookVerificationError

from tests.chaos.evidence import Arrivals

Mood = Literal["well", "refuses", "hangs up", "is slow"]
SLOW_SECONDS = 1.0


def flaky(moves: int) -> float:
    """A share of bad moods that gives some of each in any run."""
    return max(0.02, min(0.15, 40 / moves))


@dataclass
class Endpoint:
    """`flaky` is the share of ids met with each of the bad moods at their first delivery."""

    seed: int
    flaky: float = 0.02
    secret: str = ""
    arrivals: Arrivals = field(default_factory=Arrivals)
    url: str = ""

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.lock = threading.Lock()
        self.never = threading.Event()

    def receive(self, headers: dict[str, str], body: bytes) -> int | None:
        """204 when kept, 401 when the signature does not fit, 503 now and then; None: kept, and nothing is answered."""
        lowered = {name.lower(): value for name, value in headers.items()}
        webhook_id = lowered.get("webhook-id", "")
        try:
            Webhook(self.secret).verify(body, lowered)
        except (WebhookVerificationError, ValueError):
            self.arrivals.unverified += 1
            return 401
        with self.lock:
            mood = self._mood(webhook_id)
            self._note(webhook_id, orjson.loads(body), body, kept=mood != "refuses")
        if mood == "is slow":
            self.never.wait(SLOW_SECONDS)
        return {"refuses": 503, "hangs up": None}.get(mood, 204)

    def _mood(self, webhook_id: str) -> Mood:
        """Bad only at the first delivery of an id, by the seed's draw."""
        if webhook_id in self.arrivals.bodies:
            return "well"
        drawn = self.draw.random() / self.flaky
        return "refuses" if drawn < 1 else "hangs up" if drawn < 2 else "is slow" if drawn < 3 else "well"

    def _note(self, webhook_id: str, said: dict[str, object], body: bytes, *, kept: bool) -> None:
        """A refused delivery counts too: tried again, it must come under the same id."""
        data, found = said["data"], self.arrivals
        assert isinstance(data, dict)
        assert isinstance(said["sequence"], int)
        version = data["alert_id"], data["revision"]
        found.ids.setdefault(version, set()).add(webhook_id)
        found.bodies.setdefault(webhook_id, set()).add(hashlib.sha256(body).hexdigest())
        if kept:
            found.kept.add(version)
            found.sequences.add(said["sequence"])
            found.posts[webhook_id] = found.posts.get(webhook_id, 0) + 1

    @contextmanager
    def serving(self) -> Iterator[Endpoint]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                code = endpoint.receive(dict(self.headers.items()), body)
                if code is None:
                    self.close_connection = True
                    return
                self.send_response(code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            server.handle_error = lambda *_: None  # type: ignore[method-assign] # a worker that is killed leaves its connections
            threading.Thread(target=server.serve_forever, args=(0.05,), name="endpoint", daemon=True).start()
            self.url = f"http://127.0.0.1:{server.server_address[1]}/veedor"
            try:
                yield self
            finally:
                server.shutdown()
