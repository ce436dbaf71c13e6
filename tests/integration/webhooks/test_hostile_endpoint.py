"""One attempt against endpoints that misbehave: it ends in time, with a reason, and reads little."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable

import pytest

from services.webhooks.retry import Reason
from services.webhooks.sender import MAX_ANSWER
from tests.integration.webhooks.endpoints import raw, read_request, reset
from tests.integration.webhooks.sending import OK, send


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
        # Whoever answers at all has time to, on a busy machine too.
        (outcome,) = send(f"http://127.0.0.1:{port}", deadline=0.7 if Reason.TIMEOUT in reasons else 4.0)
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
