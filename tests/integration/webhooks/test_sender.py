"""One attempt against endpoints that behave and endpoints that do not: real sockets on loopback."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping

import pytest

from services.webhooks.egress import Egress, Names
from services.webhooks.retry import Outcome, Reason
from services.webhooks.sender import MAX_ANSWER, Sender
from tests.integration.webhooks.endpoints import Endpoint, raw, read_request, reset, serving
from tests.parts.certificate import Certificate

LOCAL = Egress(allow_private=True)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def send(*urls: str, egress: Egress = LOCAL, deadline: float = 2.0, tls: ssl.SSLContext | None = None, headers: Mapping[str, str] | None = None) -> list[Outcome]:
    """The urls one after the other, over one sender."""

    async def run() -> list[Outcome]:
        async with Sender(egress, deadline=deadline, tls=tls) as sender:
            return [await sender.send(url, b'{"a": 1}', headers or {"webhook-id": "msg_1"}) for url in urls]

    return asyncio.run(run())


def test_a_post_arrives_as_it_was_given() -> None:
    with serving(Endpoint()) as endpoint:
        (outcome,) = send(f"{endpoint.url}?a=%2F&b", headers={"webhook-id": "msg_1", "Content-Type": "application/cloudevents+json"})
    assert (outcome.reason, outcome.status, outcome.address) == (Reason.OK, 204, "127.0.0.1")
    assert 0 < outcome.connect_ms < outcome.total_ms
    (post,) = endpoint.posts
    assert (post.path, post.body) == ("/hook?a=%2F&b", b'{"a": 1}')
    assert post.headers["content-type"] == "application/cloudevents+json"
    assert post.headers["host"] in endpoint.url
    assert "cookie" not in post.headers


def test_connections_are_used_again() -> None:
    with serving(Endpoint()) as endpoint:
        outcomes = send(*[endpoint.url] * 5)
    assert [outcome.reason for outcome in outcomes] == [Reason.OK] * 5
    assert endpoint.connections == 1


def test_cookies_are_not_kept() -> None:
    with serving(Endpoint(extra={"Set-Cookie": "a=b; Path=/"})) as endpoint:
        send(endpoint.url, endpoint.url)
    assert all("cookie" not in post.headers for post in endpoint.posts)


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(Endpoint()) as endpoint:
        assert send(endpoint.url)[0].delivered


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_redirects_are_failures_and_not_followed(status: int) -> None:
    with serving(Endpoint()) as inside, serving(Endpoint(status, {"Location": inside.url})) as endpoint:
        (outcome,) = send(endpoint.url)
    assert (outcome.reason, outcome.status) == (Reason.REDIRECT, status)
    assert inside.posts == []


@pytest.mark.parametrize(("status", "reason"), [(400, Reason.STATUS_4XX), (401, Reason.STATUS_4XX), (410, Reason.GONE), (500, Reason.STATUS_5XX)])
def test_other_answers_are_failures(status: int, reason: Reason) -> None:
    with serving(Endpoint(status)) as endpoint:
        assert send(endpoint.url)[0].reason is reason


def test_retry_after_is_read() -> None:
    with serving(Endpoint(429, {"Retry-After": "7"})) as endpoint:
        (outcome,) = send(endpoint.url)
    assert (outcome.reason, outcome.retry_after) == (Reason.STATUS_429, 7.0)


def test_nobody_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        (outcome,) = send(f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert outcome.reason is Reason.CONNECT


def test_a_forbidden_address_is_not_dialled() -> None:
    with serving(Endpoint()) as endpoint:
        strict = Egress(names=Names(lambda _: ["127.0.0.1"]))
        outcomes = send(endpoint.url, endpoint.url.replace("http://127.0.0.1", "https://inside.example"), egress=strict)
    assert [outcome.reason for outcome in outcomes] == [Reason.REFUSED_ADDRESS] * 2
    assert endpoint.connections == 0


def test_an_open_connection_is_not_used_once_its_name_is_forbidden() -> None:
    """DNS turns after the first post: the idle connection to the old address must not carry the second."""
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    with serving(Endpoint()) as endpoint:
        egress = Egress(allow_private=True, names=Names(lambda _: next(answers), keep=0.0))
        url = endpoint.url.replace("127.0.0.1", "turns.example")
        outcomes = send(url, url, egress=egress)
    assert [outcome.reason for outcome in outcomes] == [Reason.OK, Reason.REFUSED_ADDRESS]
    assert len(endpoint.posts) == 1
    assert endpoint.posts[0].headers["host"].startswith("turns.example:")


def test_a_name_that_does_not_resolve() -> None:
    def lookup(_: str) -> list[str]:
        raise OSError("no such name")

    assert send("https://none.example", egress=Egress(names=Names(lookup)))[0].reason is Reason.DNS


def test_a_resolver_that_hangs_ends_at_the_deadline() -> None:
    over = threading.Event()

    def lookup(_: str) -> list[str]:
        over.wait(30)
        return ["8.8.8.8"]

    started = time.monotonic()
    try:
        (outcome,) = send("https://hangs.example", egress=Egress(names=Names(lookup)), deadline=0.3)
    finally:
        over.set()
    assert outcome.reason is Reason.TIMEOUT
    assert "looking up" in outcome.detail
    assert time.monotonic() - started < 2


def test_the_second_address_is_tried_when_the_first_refuses() -> None:
    with serving(Endpoint()) as endpoint:
        egress = Egress(allow_private=True, names=Names(lambda _: ["::1", "127.0.0.1"]))
        (outcome,) = send(endpoint.url.replace("127.0.0.1", "two.example"), egress=egress)
    assert (outcome.reason, outcome.address) == (Reason.OK, "127.0.0.1")


# ── endpoints that misbehave ──────────────────────────────────────────────────────────────────────────────────────────────────────


def hang(connection: socket.socket, over: threading.Event) -> None:
    read_request(connection)
    over.wait(30)


def drip_headers(connection: socket.socket, over: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not over.wait(0.05):
        connection.sendall(b"a")


def drip_body(connection: socket.socket, over: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b"a")


def drip_chunks(connection: socket.socket, over: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b"1\r\na\r\n")


def endless_body(connection: socket.socket, over: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"10000\r\n" + b"a" * 65536 + b"\r\n")


def endless_headers(connection: socket.socket, over: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.is_set():
        connection.sendall(b"X-More: " + b"a" * 1000 + b"\r\n")


def endless_line(connection: socket.socket, over: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 ")
    while not over.is_set():
        connection.sendall(b"a" * 65536)


def endless_100(connection: socket.socket, over: threading.Event) -> None:
    read_request(connection)
    while not over.wait(0.005):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def gzip_bomb(connection: socket.socket, _: threading.Event) -> None:
    read_request(connection)
    bomb = gzip.compress(b"\0" * (64 << 20))
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)


def close_at_once(connection: socket.socket, _: threading.Event) -> None:
    read_request(connection)


def reset_at_once(connection: socket.socket, _: threading.Event) -> None:
    read_request(connection)
    reset(connection)


def cut_body(connection: socket.socket, _: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")


def not_http(connection: socket.socket, _: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n\x00\xff")


def two_lengths(connection: socket.socket, _: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nabcde")


def switch_protocols(connection: socket.socket, over: threading.Event) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
    over.wait(30)


@pytest.mark.parametrize(
    ("behave", "reasons"),
    [
        (hang, {Reason.TIMEOUT}),
        (drip_headers, {Reason.TIMEOUT, Reason.PROTOCOL}),
        (drip_body, {Reason.TIMEOUT}),
        (drip_chunks, {Reason.TIMEOUT}),
        (endless_body, {Reason.OK}),
        (endless_headers, {Reason.PROTOCOL}),
        (endless_line, {Reason.PROTOCOL}),
        (endless_100, {Reason.TIMEOUT, Reason.PROTOCOL}),
        (gzip_bomb, {Reason.OK}),
        (close_at_once, {Reason.RESET}),
        (reset_at_once, {Reason.RESET}),
        (cut_body, {Reason.RESET}),
        (not_http, {Reason.PROTOCOL}),
        (two_lengths, {Reason.PROTOCOL}),
        (switch_protocols, {Reason.STATUS_1XX, Reason.TIMEOUT}),
    ],
)
def test_misbehaviour_ends_in_time_with_a_reason(behave: Callable[[socket.socket, threading.Event], None], reasons: set[Reason]) -> None:
    started = time.monotonic()
    with raw(behave) as port:
        (outcome,) = send(f"http://127.0.0.1:{port}", deadline=0.7)
    assert outcome.reason in reasons, outcome
    assert time.monotonic() - started < 5
    assert len(outcome.excerpt) <= 1024


def test_a_bomb_is_neither_read_to_its_end_nor_unpacked() -> None:
    sent = []

    def bomb(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        part = gzip.compress(b"\0" * (1 << 20), 1)
        while not over.is_set():
            connection.sendall(b"%x\r\n" % len(part) + part + b"\r\n")
            sent.append(len(part))

    with raw(bomb) as port:
        (outcome,) = send(f"http://127.0.0.1:{port}")
    assert outcome.delivered
    assert sum(sent) < 64 * MAX_ANSWER * 16


def test_an_unasked_second_answer_is_not_taken_for_the_next_posts() -> None:
    seen = []

    def twice(connection: socket.socket, _: threading.Event) -> None:
        while request := read_request(connection):
            seen.append(request)
            connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" + OK if len(seen) == 1 else b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")

    with raw(twice) as port:
        outcomes = send(*[f"http://127.0.0.1:{port}"] * 2)
    assert [outcome.status for outcome in outcomes] == [500, 503]


def test_an_idle_connection_closed_under_us_is_tried_again_at_once() -> None:
    seen = []

    def closes_after_the_first(connection: socket.socket, _: threading.Event) -> None:
        seen.append(read_request(connection))
        connection.sendall(OK)
        if len(seen) == 1:
            read_request(connection)
            reset(connection)

    with raw(closes_after_the_first) as port:
        outcomes = send(*[f"http://127.0.0.1:{port}"] * 2)
    assert [outcome.reason for outcome in outcomes] == [Reason.OK, Reason.OK]
    assert len(seen) == 2


# ── TLS ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.issue(tmp_path_factory.mktemp("tls"))


def trusting(certificate: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate.authority))


def shown(certificate: Certificate, names: list[str | None]) -> ssl.SSLContext:
    """A server's side that notes the names asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    return context


def test_tls_with_the_name_kept_though_the_address_is_dialled(certificate: Certificate) -> None:
    asked: list[str | None] = []
    with serving(Endpoint(), tls=shown(certificate, asked)) as endpoint:
        egress = Egress(allow_private=True, names=Names(lambda _: ["127.0.0.1"]))
        url = endpoint.url.replace("127.0.0.1", "localhost")
        outcomes = send(url, url, egress=egress, tls=trusting(certificate))
    assert [outcome.reason for outcome in outcomes] == [Reason.OK] * 2
    assert asked == ["localhost"]
    assert endpoint.posts[0].headers["host"].startswith("localhost:")


def test_a_certificate_for_another_name_is_refused_even_over_an_open_connection(certificate: Certificate) -> None:
    with serving(Endpoint(), tls=shown(certificate, [])) as endpoint:
        egress = Egress(allow_private=True, names=Names(lambda _: ["127.0.0.1"]))
        good, bad = (endpoint.url.replace("127.0.0.1", name) for name in ("localhost", "other.example"))
        outcomes = send(good, bad, good, egress=egress, tls=trusting(certificate))
    assert [outcome.reason for outcome in outcomes] == [Reason.OK, Reason.TLS, Reason.OK]
    assert len(endpoint.posts) == 2


def test_an_unknown_authority_is_refused(certificate: Certificate) -> None:
    with serving(Endpoint(), tls=shown(certificate, [])) as endpoint:
        (outcome,) = send(endpoint.url)
    assert outcome.reason is Reason.TLS
    assert endpoint.posts == []


def test_a_stalled_handshake_ends_at_the_deadline_and_frees_its_socket(certificate: Certificate) -> None:
    closed = threading.Event()

    def stall(connection: socket.socket, _: threading.Event) -> None:
        while connection.recv(65536):
            continue
        closed.set()

    with raw(stall) as port:

        async def run() -> Outcome:
            async with Sender(LOCAL, deadline=0.5, tls=trusting(certificate)) as sender:
                outcome = await sender.send(f"https://127.0.0.1:{port}", b"{}", {})
                assert await asyncio.to_thread(closed.wait, 5), "the socket is closed while the sender lives on"
                return outcome

        assert asyncio.run(run()).reason is Reason.TIMEOUT


def test_plain_http_behind_an_https_address(certificate: Certificate) -> None:
    with serving(Endpoint()) as endpoint:
        (outcome,) = send(endpoint.url.replace("http://", "https://"), tls=trusting(certificate))
    assert outcome.reason in (Reason.TLS, Reason.CONNECT, Reason.RESET)


def test_the_system_trusts_certificates_of_its_own() -> None:
    assert Sender(LOCAL).tls.verify_mode is ssl.CERT_REQUIRED
    assert Sender(LOCAL).tls.check_hostname
