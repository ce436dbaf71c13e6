"""The one way an application is served: several on one port (Mount), waitress around it (Server), both drained on stop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from waitress import wasyncore
from waitress.server import create_server

from shared.errors import Refused
from shared.http import SERVER_MAX_BODY
from shared.operations import Crew

log = structlog.get_logger(__name__)

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class Mount:
    """Several applications on one port: the longest prefix that ends at a path segment wins; the rest goes to `default`."""

    prefixes: Mapping[str, Wsgi]
    default: Wsgi

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        fitting = [prefix for prefix in self.prefixes if path == prefix or path.startswith(f"{prefix}/")]
        chosen = self.prefixes[max(fitting, key=len)] if fitting else self.default
        return chosen(environ, start_response)


@dataclass
class Server:
    """waitress around a WSGI application. `closing` runs first on stop, so that open streams end before the server waits for them."""

    app: Wsgi
    host: str
    port: int
    threads: int = 32
    closing: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        """Binds at once. Raises Refused when the address is taken or not ours."""
        self.sockets: dict[int, Any] = {}
        try:
            # One address of the host: waitress would make a server of each, on different free ports.
            address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][4][0]
            self.server: Any = create_server(
                self.app,
                map=self.sockets,
                host=address,
                port=self.port,
                threads=self.threads,
                max_request_body_size=SERVER_MAX_BODY,
                max_request_header_size=32 << 10,
                connection_limit=2000,
                asyncore_use_poll=True,  # select() dies of the 1,024th open file
                channel_timeout=60,
                ident="veedor",
                clear_untrusted_proxy_headers=True,
            )
        except OSError as error:
            wasyncore.close_all(self.sockets, ignore_all=True)
            raise Refused(f"cannot listen on {self.host}:{self.port} ({error.strerror or error}): choose another with --port or --host", field="port") from error
        self.port = int(self.server.effective_port)

    def run(self, stop: threading.Event) -> None:
        """Serves until `stop` is set, then drains. Raises what the server died of, after setting `stop`."""
        crew = Crew(stop)
        crew.start("waitress", lambda: self._serve(stop))
        stop.wait()
        self.closing()
        self.server.accepting = False
        self.server.task_dispatcher.shutdown(timeout=5)
        self.server.close()
        try:
            crew.join(2)
        finally:
            wasyncore.close_all(self.sockets, ignore_all=True)  # kept-alive connections would stay open behind us

    def _serve(self, stop: threading.Event) -> None:
        try:
            self.server.run()
        except OSError as error:
            if not stop.is_set():
                raise
            log.info("server socket closed", why=str(error))
