"""One attempt against endpoints that behave: real sockets on loopback."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from services.webhooks.egress import Egress, Names
from services.webhooks.retry import Reason
from tests.integration.webhooks.endpoints import Endpoint, serving
from tests.integration.webhooks.sending import send


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
