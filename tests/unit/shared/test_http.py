"""The manners of every API: errors as problem+json, limits, identity, ETags, and several applications on one port."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, Response
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI
from pydantic import Field
from werkzeug.test import TestResponse

from shared.errors import InvalidMessage, Refused, Retryable
from shared.events import Tlp
from shared.http import MAX_BODY, SERVER_MAX_BODY, Body, Door, Paging, RateLimit, client, create_api, reader, reply, require, who
from shared.identity import COOKIE, CSRF_HEADER, Revocations, Role, Verifier, csrf_token, issue
from shared.operations import Liveness
from shared.server import Mount, Server
from tests.parts.waiting import free_port, is_open, until

NOW = dt.datetime(2026, 7, 28, 12, tzinfo=dt.UTC)
KEY = Ed25519PrivateKey.generate()


class Thing(Body):
    name: str = Field(max_length=20)
    size: int = Field(default=0, ge=0)
    parts: list[dict[str, Any]] = []


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def add_views(api: OpenAPI) -> None:
    @api.get("/v1/things")
    def things(query: Paging) -> Response:
        return reply({"items": [], "limit": query.limit})

    @api.post("/v1/things")
    def create(body: Thing) -> Response:
        return reply({"by": require(Role.ANALYST).subject, "name": body.name}, 201)

    @api.get("/v1/mine")
    def mine() -> Response:
        return reply({"subject": reader().subject, "by_cookie": who().by_cookie})

    @api.post("/v1/echo")
    def echo() -> Response:
        return reply({})

    @api.get("/v1/breaks/<string:how>")
    def breaks() -> Response:
        raise AssertionError("replaced below")

    failures = {
        "refused": Refused("must be earlier", field="since", status=409),
        "invalid": InvalidMessage("unknown stage"),
        "retryable": Retryable("database of ingest: password=hunter2"),
        "bug": ZeroDivisionError("secret detail"),
    }

    def fail(how: str) -> Response:
        raise failures[how]

    api.add_url_rule("/v1/fails/<how>", view_func=fail)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(Verifier(KEY.public_key(), Revocations(tmp_path / "revoked"), lambda: NOW), Liveness(clock=Clock()))


@pytest.fixture
def api(door: Door) -> OpenAPI:
    made = create_api("testing", "Testing", door)
    add_views(made)
    return made


@pytest.fixture
def http(api: OpenAPI) -> FlaskClient:
    return api.test_client()


def bearer(*roles: Role, clearance: Tlp = Tlp.AMBER, ttl: dt.timedelta = dt.timedelta(hours=1)) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue(KEY, subject='ana', roles=roles, clearance=clearance, ttl=ttl, now=NOW)}"}


ANALYST = bearer(Role.ANALYST)


def assert_problem(response: TestResponse, status: int, *, field: str | None = None, words: str = "") -> None:
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    problem = orjson.loads(response.data)
    assert problem["status"] == status
    assert problem["title"]
    assert words in problem["detail"]
    assert problem.get("field") == field


class TestProblems:
    def test_a_path_that_is_not_there(self, http: FlaskClient) -> None:
        assert_problem(http.get("/v1/nothing"), 404)

    def test_a_method_that_is_not_there(self, http: FlaskClient) -> None:
        response = http.delete("/v1/things")
        assert_problem(response, 405)
        assert "GET" in response.headers["Allow"]

    def test_a_refusal_keeps_its_field_and_status(self, http: FlaskClient) -> None:
        assert_problem(http.get("/v1/fails/refused"), 409, field="since", words="must be earlier")

    def test_an_invalid_message(self, http: FlaskClient) -> None:
        assert_problem(http.get("/v1/fails/invalid"), 422, words="unknown stage")

    def test_a_dependency_that_is_away_says_when_to_come_back_and_no_more(self, http: FlaskClient) -> None:
        response = http.get("/v1/fails/retryable")
        assert_problem(response, 503)
        assert int(response.headers["Retry-After"]) > 0
        assert "hunter2" not in response.text

    def test_a_bug_is_500_without_its_insides(self, http: FlaskClient) -> None:
        response = http.get("/v1/fails/bug")
        assert_problem(response, 500)
        assert "secret" not in response.text

    def test_a_wrong_query_names_the_parameter(self, http: FlaskClient) -> None:
        assert_problem(http.get("/v1/things?limit=0"), 422, field="limit")
        assert_problem(http.get("/v1/things?limit=many"), 422, field="limit")
        assert_problem(http.get("/v1/things?limit=501"), 422, field="limit")
        assert_problem(http.get("/v1/things?lmit=5"), 422, field="lmit")
        assert_problem(http.get("/v1/things?cursor=../../etc"), 422, field="cursor")

    def test_a_wrong_body_names_every_field(self, http: FlaskClient) -> None:
        response = http.post("/v1/things", json={"size": -1, "colour": "red"}, headers=ANALYST)
        assert_problem(response, 422, field="name")
        assert {error["field"] for error in orjson.loads(response.data)["errors"]} == {"name", "size", "colour"}


class TestBodies:
    def test_malformed_json(self, http: FlaskClient) -> None:
        for raw in (b"{", b"{'a': 1}", b'{"a": NaN}', b"\xff\xfe", b'{"a": "\xe9"}', b'{"a": "\x00"}', b'{"a": "\\ud800"}', b"[" * 5000):
            response = http.post("/v1/things", data=raw, content_type="application/json", headers=ANALYST)
            assert response.status_code in (400, 422), raw[:20]
            assert response.content_type == "application/problem+json"

    @pytest.mark.parametrize("depth", [70, 400, 1000, 1010, 1020])
    def test_json_nested_without_end(self, http: FlaskClient, depth: int) -> None:
        raw = b'{"name": "a", "parts": [{"x": ' + b"[" * depth + b"]" * depth + b"}]}"
        assert_problem(http.post("/v1/things", data=raw, content_type="application/json", headers=ANALYST), 422, field="body", words="nested")

    @pytest.mark.parametrize("raw", [b"null", b"[]", b"7", b'"text"', b"true"])
    def test_json_that_is_no_object(self, http: FlaskClient, raw: bytes) -> None:
        assert_problem(http.post("/v1/things", data=raw, content_type="application/json", headers=ANALYST), 422, field="body")

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", ""])
    def test_another_kind_of_body(self, http: FlaskClient, kind: str) -> None:
        assert_problem(http.post("/v1/things", data=b'{"name": "a"}', content_type=kind, headers=ANALYST), 415, field="Content-Type")

    def test_a_charset_and_capitals_are_fine(self, http: FlaskClient) -> None:
        assert http.post("/v1/things", data=b'{"name": "a"}', content_type="Application/JSON; charset=utf-8", headers=ANALYST).status_code == 201

    def test_a_body_over_the_limit(self, http: FlaskClient) -> None:
        for size in (MAX_BODY + 1, SERVER_MAX_BODY + 1):
            assert_problem(http.post("/v1/things", data=b"x" * size, content_type="application/json", headers=ANALYST), 413, words="limit")

    def test_a_body_at_the_limit(self, http: FlaskClient) -> None:
        raw = b'{"name": "a"}' + b" " * (MAX_BODY - 13)
        assert http.post("/v1/things", data=raw, content_type="application/json", headers=ANALYST).status_code == 201

    def test_nul_is_refused_where_it_stands(self, http: FlaskClient) -> None:
        assert_problem(http.post("/v1/things", json={"name": "a\0b"}, headers=ANALYST), 422, field="name")
        assert_problem(http.post("/v1/things", json={"name": "a", "parts": [{}, {"x": ["\0"]}]}, headers=ANALYST), 422, field="parts.1.x.0")
        assert_problem(http.post("/v1/things", json={"na\0me": "a"}, headers=ANALYST), 422, field="name")
        assert http.post("/v1/things", data=rb'{"name": "\\u0000"}', content_type="application/json", headers=ANALYST).status_code == 201

    def test_nul_in_an_address_is_refused(self, http: FlaskClient) -> None:
        assert_problem(http.get("/v1/things?cursor=a%00"), 422, field="cursor")
        assert_problem(http.get("/v1/th%00ings"), 404)

    def test_a_post_without_a_body_reaches_its_view(self, http: FlaskClient) -> None:
        assert http.post("/v1/echo").status_code == 200

    def test_numbers_beyond_any_column_are_refused_or_taken_never_a_crash(self, http: FlaskClient) -> None:
        for number in ("1e400", "9" * 400, "-0", "18446744073709551616"):
            response = http.post("/v1/things", data=f'{{"name": "a", "size": {number}}}', content_type="application/json", headers=ANALYST)
            assert response.status_code in (201, 400, 422)


class TestIdentity:
    def test_no_token(self, http: FlaskClient) -> None:
        response = http.post("/v1/things", json={"name": "a"})
        assert_problem(response, 401, field="Authorization", words="token")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert_problem(http.get("/v1/mine"), 401, field="Authorization")

    def test_a_token_of_another_kind(self, http: FlaskClient) -> None:
        assert_problem(http.get("/v1/mine", headers={"Authorization": "Basic YTpi"}), 401, field="Authorization", words="Bearer TOKEN")

    def test_an_expired_token(self, http: FlaskClient) -> None:
        assert_problem(http.get("/v1/mine", headers=bearer(Role.ANALYST, ttl=dt.timedelta(hours=-1))), 401, field="Authorization", words="expired")

    def test_a_role_too_few(self, http: FlaskClient) -> None:
        assert_problem(http.post("/v1/things", json={"name": "a"}, headers=bearer(Role.OBSERVER)), 403, field="Authorization", words="analyst")

    def test_the_right_role(self, http: FlaskClient) -> None:
        assert http.post("/v1/things", json={"name": "a"}, headers=ANALYST).json == {"by": "ana", "name": "a"}

    def test_anonymous_reads_only_where_it_is_switched_on(self, http: FlaskClient, door: Door) -> None:
        door.anonymous_clear = True
        assert http.get("/v1/mine").json == {"subject": "anonymous", "by_cookie": False}
        assert_problem(http.post("/v1/things", json={"name": "a"}), 401, field="Authorization")

    def test_a_cookie_reads_and_writes_only_with_its_csrf_token(self, http: FlaskClient) -> None:
        session = ANALYST["Authorization"].removeprefix("Bearer ")
        http.set_cookie(COOKIE, session)
        assert http.get("/v1/mine").json == {"subject": "ana", "by_cookie": True}
        assert_problem(http.post("/v1/things", json={"name": "a"}), 403, field=CSRF_HEADER)
        assert_problem(http.post("/v1/things", json={"name": "a"}, headers={CSRF_HEADER: "guess"}), 403, field=CSRF_HEADER)
        assert http.post("/v1/things", json={"name": "a"}, headers={CSRF_HEADER: csrf_token(session)}).status_code == 201

    def test_a_revoked_token(self, http: FlaskClient, door: Door) -> None:
        door.verifier.revoked.add(door.verifier.verify(ANALYST["Authorization"].removeprefix("Bearer ")).token_id)
        assert_problem(http.get("/v1/mine", headers=ANALYST), 401, words="revoked", field="Authorization")


class TestReplies:
    def test_an_etag_spares_the_second_reading(self, http: FlaskClient) -> None:
        first = http.get("/v1/things")
        again = http.get("/v1/things", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert http.get("/v1/things?limit=7", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200

    def test_head_is_get_without_the_body(self, http: FlaskClient) -> None:
        response = http.head("/v1/things")
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers["ETag"] == http.get("/v1/things").headers["ETag"]

    def test_every_answer_carries_the_security_headers(self, http: FlaskClient) -> None:
        for response in (http.get("/v1/things"), http.get("/nothing"), http.get("/v1/fails/bug")):
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["X-Frame-Options"] == "DENY"

    def test_who_asks_too_fast_is_told_when_to_come_back(self, http: FlaskClient, door: Door) -> None:
        clock = Clock()
        door.rate = RateLimit(rate=0.5, burst=2, clock=clock)
        assert [http.get("/v1/things").status_code for _ in range(2)] == [200, 200]
        response = http.get("/v1/things")
        assert_problem(response, 429)
        assert response.headers["Retry-After"] == "2"
        assert http.get("/v1/things", headers=ANALYST).status_code == 200
        clock.now += 2
        assert http.get("/v1/things").status_code == 200

    def test_callers_are_forgotten_rather_than_remembered_without_end(self) -> None:
        rate = RateLimit(clock=Clock())
        for number in range(30_000):
            rate.wait(str(number))
        assert len(rate.buckets) <= 10_001


class TestOperations:
    def test_alive_until_a_loop_is_stuck(self, http: FlaskClient, door: Door) -> None:
        turned = door.liveness.register("scoring")
        assert http.get("/healthz").json == {"status": "alive"}
        door.liveness.clock.now += 61  # type: ignore[attr-defined]
        assert_problem(http.get("/healthz"), 503, words="scoring")
        turned()
        assert http.get("/healthz").status_code == 200

    def test_ready_while_everything_answers(self, api: OpenAPI, door: Door) -> None:
        door.checks = {"bus": lambda: True, "database": lambda: False}
        assert_problem(api.test_client().get("/readyz"), 503, words="database")
        door.checks = {"bus": lambda: True}
        assert api.test_client().get("/readyz").json == {"status": "ready"}

    def test_not_ready_while_something_is_full_in_its_own_words(self, api: OpenAPI, door: Door) -> None:
        full = ["the event log is full; 7 events wait"]
        door.troubles = (lambda: full[0], lambda: "")
        assert_problem(api.test_client().get("/readyz"), 503, words="7 events wait")
        full[0] = ""
        assert api.test_client().get("/readyz").json == {"status": "ready"}

    def test_metrics_are_prometheus_text(self, http: FlaskClient) -> None:
        http.get("/v1/things")
        response = http.get("/metrics")
        assert response.content_type.startswith("text/plain; version=")
        assert 'veedor_http_requests_total{method="GET",service="testing",status="200"}' in response.text

    def test_methods_nobody_knows_do_not_swell_the_metrics(self, http: FlaskClient) -> None:
        for method in ("BREW", "PROPFIND"):
            assert_problem(http.open("/v1/things", method=method), 405)
        assert "BREW" not in http.get("/metrics").text

    def test_the_openapi_document_says_what_can_go_wrong(self, http: FlaskClient) -> None:
        document = http.get("/openapi.json").json
        assert document is not None
        assert document["openapi"].startswith("3.1")
        responses = document["paths"]["/v1/things"]["post"]["responses"]
        assert {"400", "401", "403", "413", "415", "422", "429", "503"} <= set(responses)
        assert list(responses["422"]["content"]) == ["application/problem+json"]


def answering(name: str) -> Flask:
    app = Flask(name)
    app.add_url_rule("/", defaults={"path": ""}, view_func=lambda path: name, endpoint="root")
    app.add_url_rule("/<path:path>", view_func=lambda path: name)
    return app


class TestMount:
    @pytest.fixture
    def http(self) -> Iterator[httpx.Client]:
        mount = Mount(
            {"/v1/alerts": answering("alerting"), "/v1": answering("everything"), "/feeds": answering("feeds"), "/openapi.json": answering("union")}, answering("console")
        )
        with client("http://veedor", transport=httpx.WSGITransport(app=mount)) as http:
            yield http

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/", "console"),
            ("/v1/alerts", "alerting"),
            ("/v1/alerts/7/history", "alerting"),
            ("/v1/alerts/", "alerting"),
            ("/v1/alertsx", "everything"),
            ("/v1/moves", "everything"),
            ("/v1", "everything"),
            ("/v1x", "console"),
            ("/feeds/cap.xml", "feeds"),
            ("/feedsx", "console"),
            ("/openapi.json", "union"),
            ("/alerts/v1/alerts", "console"),
        ],
    )
    def test_the_longest_whole_prefix_wins(self, http: httpx.Client, path: str, name: str) -> None:
        assert http.get(path).text == name

    def test_a_path_of_slashes_is_quickly_told(self, http: httpx.Client) -> None:
        assert http.get("/" + "a/" * 15_000).text == "console"


class TestServer:
    @pytest.fixture
    def server(self, api: OpenAPI) -> Iterator[Server]:
        stop = threading.Event()
        made = Server(api, "127.0.0.1", 0, threads=4)
        thread = threading.Thread(target=made.run, args=(stop,))
        thread.start()
        until(lambda: is_open(made.port), "the server")
        yield made
        stop.set()
        thread.join(15)
        assert not thread.is_alive()
        assert not is_open(made.port)

    def test_it_answers(self, server: Server) -> None:
        with client(f"http://127.0.0.1:{server.port}") as http:
            assert http.get("/healthz").json() == {"status": "alive"}

    def test_a_chunked_body_over_the_limit_is_refused_whole(self, server: Server) -> None:
        with client(f"http://127.0.0.1:{server.port}", headers=ANALYST) as http:
            response = http.post("/v1/things", content=iter([b" " * 65536] * 17), headers={"Content-Type": "application/json"})
            assert response.status_code == 413
            assert response.headers["Content-Type"] == "application/problem+json"
            assert http.post("/v1/things", content=iter([b'{"name":', b' "a"}']), headers={"Content-Type": "application/json"}).status_code == 201

    def test_a_body_over_the_servers_own_limit_is_refused(self, server: Server) -> None:
        with closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as connection:
            connection.sendall(f"POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: {SERVER_MAX_BODY + 1}\r\n\r\n".encode())
            assert b" 413 " in connection.recv(200)

    def test_a_caller_that_dribbles_holds_nobody_up(self, server: Server) -> None:
        slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        try:
            for connection in slow:
                connection.sendall(b"POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            with client(f"http://127.0.0.1:{server.port}", timeout=5) as http:
                assert http.get("/healthz").status_code == 200
        finally:
            for connection in slow:
                connection.close()

    def test_an_address_in_use_is_refused_by_name(self, server: Server, api: OpenAPI) -> None:
        with pytest.raises(Refused, match=f"cannot listen on 127.0.0.1:{server.port}.*--port"):
            Server(api, "127.0.0.1", server.port)

    @pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
    def test_a_host_that_is_not_ours_is_refused_by_name(self, api: OpenAPI, host: str) -> None:
        with pytest.raises(Refused, match=f"cannot listen on {host}:0"):
            Server(api, host, 0)


def test_a_name_with_several_addresses_has_one_port(api: OpenAPI) -> None:
    stop = threading.Event()
    made = Server(api, "localhost", 0, threads=4)
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    with client(f"http://localhost:{made.port}") as http:
        assert until(lambda: http.get("/healthz").is_success, "an answer")
    stop.set()
    thread.join(15)


def test_closing_runs_before_the_server_waits(api: OpenAPI) -> None:
    stop, order = threading.Event(), []
    made = Server(api, "127.0.0.1", 0, threads=4, closing=lambda: order.append("streams"))
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(15)
    assert order == ["streams"]
    assert not thread.is_alive()


class TestClient:
    def test_it_follows_no_redirect(self) -> None:
        transport = httpx.MockTransport(lambda request: httpx.Response(302, headers={"Location": "http://169.254.169.254/"}))
        with client("http://source", transport=transport) as http:
            assert http.get("/").status_code == 302

    def test_it_gives_up_in_time(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as silent, client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3) as http:
            started = time.monotonic()
            with pytest.raises(httpx.ReadTimeout):
                http.get("/")
            assert time.monotonic() - started < 5

    def test_nobody_there(self) -> None:
        with client(f"http://127.0.0.1:{free_port()}") as http, pytest.raises(httpx.ConnectError):
            http.get("/")
