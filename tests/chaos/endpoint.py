"""A subscriber's endpoint that verifies every delivery with the public `standardwebhooks` package and now and then answers 503; it keeps what arrived how often."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
from standardwebhooks import Webhook, WebhookVerificationError

Revision = tuple[str, int]


@dataclass
class Endpoint:
    """`flaky` is the share of ids whose first delivery is answered 503."""

    seed: int
    flaky: float = 0.02
    secret: str = ""
    posts: Counter[str] = field(default_factory=Counter)
    ids: dict[Revision, set[str]] = field(default_factory=lambda: defaultdict(set))
    moves: set[str] = field(default_factory=set)
    sequences: set[int] = field(default_factory=set)
    unverified: int = 0
    url: str = ""

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.failing: set[str] = set()
        self.lock = threading.Lock()

    def receive(self, headers: dict[str, str], body: bytes) -> int:
        """204 when kept, 401 when the signature does not fit, 503 now and then."""
        lowered = {name.lower(): value for name, value in headers.items()}
        webhook_id = lowered.get("webhook-id", "")
        try:
            Webhook(self.secret).verify(body, lowered)
        except (WebhookVerificationError, ValueError):
            self.unverified += 1
            return 401
        with self.lock:
            if webhook_id not in self.posts and webhook_id not in self.failing and self.draw.random() < self.flaky:
                self.failing.add(webhook_id)
                return 503
            self._keep(webhook_id, orjson.loads(body))
        return 204

    def _keep(self, webhook_id: str, said: dict[str, object]) -> None:
        data = said["data"]
        assert isinstance(data, dict)
        self.posts[webhook_id] += 1
        self.ids[data["alert_id"], data["revision"]].add(webhook_id)
        self.moves.add(data["subject_id"])
        if isinstance(said.get("sequence"), int):
            self.sequences.add(said["sequence"])  # type: ignore[arg-type]

    @contextmanager
    def serving(self) -> Iterator[Endpoint]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(endpoint.receive(dict(self.headers.items()), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.05,), name="endpoint", daemon=True).start()
            self.url = f"http://127.0.0.1:{server.server_address[1]}/veedor"
            try:
                yield self
            finally:
                server.shutdown()
