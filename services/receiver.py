"""A subscriber's endpoint for the demo: verifies every delivery with the public `standardwebhooks` package and keeps what it saw across restarts."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

MAX_BODY = 1 << 20


class Receiver:
    """Answers 204 only after the id is on disk; `verified` and `refused` hold distinct webhook-ids."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.secret: str | None = None
        self.verified: set[str] = set()
        self.refused: set[str] = set()
        self.lock = threading.Lock()
        if log.exists():
            self.verified.update(line for line in log.read_text(encoding="utf-8").splitlines() if line)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(min(length, MAX_BODY))
                self.send_response(receiver.receive(dict(self.headers.items()), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/veedor"

    def receive(self, headers: dict[str, str], body: bytes) -> int:
        """The status for one POST: 204 verified and kept, 401 not verified, 503 before the secret is known."""
        lowered = {name.lower(): value for name, value in headers.items()}
        webhook_id = lowered.get("webhook-id", "")
        if self.secret is None:
            return 503
        try:
            Webhook(self.secret).verify(body, lowered)
        except (WebhookVerificationError, ValueError):
            with self.lock:
                self.refused.add(webhook_id)
            return 401
        with self.lock:
            if webhook_id not in self.verified:
                with self.log.open("a", encoding="utf-8") as file:
                    file.write(f"{webhook_id}\n")
                    file.flush()
                    os.fsync(file.fileno())
                self.verified.add(webhook_id)
        return 204

    @contextmanager
    def serving(self) -> Iterator[Receiver]:
        """Serves for the length of the block."""
        thread = threading.Thread(target=self.server.serve_forever, name="receiver", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
