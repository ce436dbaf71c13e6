"""Subscribers' endpoints for tests: one that behaves as told and keeps what it got, and raw sockets that misbehave."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NEVER_SECONDS = 30.0


@dataclass(frozen=True)
class Post:
    """What arrived: path, headers (lower case), body, and the number of the connection it came by."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Endpoint:
    """Answers with `status` (or what `answer(post)` says); `gate` holds answers back while it is cleared."""

    status: int = 204
    extra: dict[str, str] = field(default_factory=dict)
    answer: Callable[[Post], int] | None = None
    posts: list[Post] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    connections: int = 0
    url: str = ""

    @property
    def ids(self) -> list[str]:
        return [post.headers["webhook-id"] for post in self.posts]

    def receive(self, post: Post) -> int:
        self.posts.append(post)
        status = self.answer(post) if self.answer else self.status
        self.gate.wait(NEVER_SECONDS)
        return status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    endpoint: Endpoint

    def setup(self) -> None:
        super().setup()
        self.endpoint.connections += 1
        self.number = self.endpoint.connections

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.endpoint.receive(Post(self.path, headers, body, self.number))
        self.send_response(status)
        for name, value in self.endpoint.extra.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        return


@contextmanager
def serving(endpoint: Endpoint, *, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Endpoint]:
    """The endpoint on 127.0.0.1 for the length of the block."""
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"endpoint": endpoint}))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    endpoint.gate.set()
    endpoint.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.gate.set()
        server.shutdown()
        server.server_close()


@contextmanager
def raw(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A listener on 127.0.0.1 that hands each connection to `behave` with an event set when the test is over; yields its port."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    listener.settimeout(0.05)

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(NEVER_SECONDS)
            try:
                behave(connection, over)
            except OSError:
                return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        over.set()
        thread.join()
        listener.close()


def read_request(connection: socket.socket) -> bytes:
    """Reads head and body of one request."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def reset(connection: socket.socket) -> None:
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
