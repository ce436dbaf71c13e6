"""The gateway sends every public path to the service that `veedor up` mounts it on, and shows no operator's path. A real nginx before five servers that say their names."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from services.up import PREFIXES
from tests.parts.gateway import render
from tests.parts.nginx import Nginx

SERVICES = (*PREFIXES, "console")
ROUTES = [(prefix, service) for service, prefixes in PREFIXES.items() for prefix in prefixes]


@contextlib.contextmanager
def named_server(name: str) -> Iterator[int]:
    """Answers every GET with its name and the forwarding headers it saw."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"{name} {self.headers.get('X-Forwarded-For')} {self.headers.get('X-Forwarded-Proto')} {self.headers.get('Host')}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@pytest.fixture
def gateway(start_nginx: Callable[[str], Nginx]) -> Iterator[httpx.Client]:
    with contextlib.ExitStack() as stack:
        places = {name.upper(): f"127.0.0.1:{stack.enter_context(named_server(name))}" for name in SERVICES}
        nginx = start_nginx(render({"GATEWAY_PORT": "127.0.0.1:PORT", **places}))
        yield stack.enter_context(httpx.Client(base_url=nginx.url, trust_env=False))


def test_every_public_path_reaches_its_service(gateway: httpx.Client) -> None:
    for prefix, service in ROUTES:
        for path in (prefix, f"{prefix}/", f"{prefix}/something?a=1"):
            assert gateway.get(path).text.split()[0] == service, path


def test_a_path_that_only_begins_alike_is_the_consoles(gateway: httpx.Client) -> None:
    for prefix, _ in ROUTES:
        assert gateway.get(f"{prefix}x").text.split()[0] == "console", prefix
    for path in ("/", "/alerts/alert.pe.1", "/static/veedor.css", "/openapi.json"):
        assert gateway.get(path).text.split()[0] == "console", path


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
def test_what_operators_read_is_not_public(gateway: httpx.Client, path: str) -> None:
    assert gateway.get(path).status_code == 404


def test_services_learn_who_asked_and_a_caller_cannot_pretend(gateway: httpx.Client) -> None:
    seen = gateway.get("/v1/alerts", headers={"X-Forwarded-For": "203.0.113.9"}).text.split()
    assert seen[1:3] == ["127.0.0.1", "http"]
