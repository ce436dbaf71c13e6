"""The API of ingest as its users meet it, and as a fuzzer does."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from werkzeug.test import TestResponse

from services.ingest.app import Parts, create_app
from services.ingest.catalogue import Catalogue
from services.ingest.main import build
from services.ingest.store import Store
from shared.bus.local import LocalBus
from shared.countries import Pack
from shared.database import Database
from shared.events import MOVES, MoveObserved, Tlp
from shared.http import Door
from shared.identity import Revocations, Role, Verifier, issue, load_key
from shared.operations import Crew, Liveness
from shared.process import open_context
from shared.settings import Settings
from tests.unit.ingest.examples import TODAY, said

KEY = Ed25519PrivateKey.generate()
NOW = dt.datetime(2024, 9, 1, 17, tzinfo=dt.UTC)


def bearer(*roles: Role, key: Ed25519PrivateKey = KEY) -> dict[str, str]:
    token = issue(key, subject="ana", roles=roles or [Role.ANALYST], clearance=Tlp.AMBER, ttl=dt.timedelta(hours=1), now=NOW)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def woken() -> list[bool]:
    return []


@pytest.fixture
def app(database: Database, pack: Pack, tmp_path: Path, woken: list[bool]) -> OpenAPI:
    store = Store(database, pack, lambda: NOW)
    door = Door(Verifier(KEY.public_key(), Revocations(tmp_path / "revoked"), lambda: NOW), Liveness(), {"database": database.ready})
    parts = Parts(store, Catalogue(database, pack), lambda: TODAY, lambda: NOW, lambda: woken.append(True), lambda: None)
    return create_app(door, parts)


@pytest.fixture
def api(app: OpenAPI) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = bearer()["Authorization"]
    return client


def post(api: FlaskClient, **fields: Any) -> TestResponse:
    return api.post("/v1/moves", json=said(**fields))


def test_an_observation_is_told_once(api: FlaskClient, woken: list[bool]) -> None:
    created, again = post(api), post(api)
    assert (created.status_code, again.status_code) == (201, 200)
    assert created.json is not None
    assert (created.json["move_id"], created.json["revision"]) == ("pe.2021-2026.C.bill.5981", 1)
    assert created.headers["Location"] == "/v1/moves/pe.2021-2026.C.bill.5981"
    assert again.json == {"move_id": "pe.2021-2026.C.bill.5981", "revision": 1, "changed": []}
    assert woken


def test_a_later_step_is_a_revision(api: FlaskClient) -> None:
    post(api)
    later = post(api, observed_on="2024-05", stage=None, native_stage="Aprobado 1ra. votación", votes={"yes": 87, "no": 0})
    assert later.status_code == 201
    assert later.json == {"move_id": "pe.2021-2026.C.bill.5981", "revision": 2, "changed": ["steps"]}


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"title": None}, 422, "title"),
        ({"title": "x" * 2001}, 422, "title"),
        ({"title": "Ley\x00"}, 422, "title"),
        ({"title": 5}, 422, "title"),
        ({"stage": "aprobado"}, 422, "stage"),
        ({"stage": None, "native_stage": None}, 422, "stage"),
        ({"observed_on": "2030-01-01"}, 422, "observed_on"),
        ({"observed_on": "2023-02-30"}, 422, "observed_on"),
        ({"country": "zz"}, 422, "country"),
        ({"key": "각" * 200}, 422, "key"),
        ({"aliases": ["PL 1/2023-CR", "각" * 200]}, 422, "aliases.1"),
        ({"key": "\u0301"}, 422, "key"),
        ({"polarity": "threat"}, 422, "polarity"),
        ({"votes": {"yes": 99999999999999999999}}, 422, "votes.yes"),
        ({"votes": {"yes": 2**40}}, 422, "votes.yes"),
        ({"instrument": "motion"}, 409, "instrument"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(api: FlaskClient, fields: dict[str, Any], status: int, field: str) -> None:
    post(api)
    answer = post(api, **fields)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json.get("field") == field
    found = api.get("/v1/moves/T-1").json
    assert found is not None
    assert (found["revision"], len(found["observations"])) == (1, 1)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        (bearer(Role.OBSERVER), 403),
        (bearer(key=Ed25519PrivateKey.generate()), 401),
        ({"Authorization": "Basic abc"}, 401),
    ],
)
def test_only_analysts_tell(app: OpenAPI, headers: dict[str, str], status: int) -> None:
    assert app.test_client().post("/v1/moves", json=said(), headers=headers).status_code == status


def test_nobody_reads_without_a_token(app: OpenAPI) -> None:
    for path in ("/v1/moves", "/v1/moves/T-1", "/v1/sources"):
        assert app.test_client().get(path).status_code == 401


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"{", "application/json", 400), (b"[]", "application/json", 422), (b"a=1", "text/plain", 415), (b"{" + b" " * (1 << 20) + b"}", "application/json", 413)],
)
def test_a_body_that_is_none(api: FlaskClient, body: bytes, kind: str, status: int) -> None:
    assert api.post("/v1/moves", data=body, content_type=kind).status_code == status


def test_a_move_with_all_that_was_observed(api: FlaskClient) -> None:
    post(api, note={"es": "Nota", "en": "Note"})
    found = api.get("/v1/moves/PL 5981").json
    assert found is not None
    assert (found["stage"], found["pending"], found["backfill"], found["move"]["steps"][0]["note"]["es"]) == ("filed", True, True, "Nota")
    assert (found["provenance"]["source"], found["observations"][0]["source"]) == ("api:ana", "api:ana")
    assert found["observations"][0]["said"]["observed_on"] == "2023-09-21"
    assert api.get("/v1/moves/nada").status_code == 404
    etag = api.get("/v1/moves/PL 5981").headers["ETag"]
    assert api.get("/v1/moves/PL 5981", headers={"If-None-Match": etag}).status_code == 304


def test_lists_filter_and_page(api: FlaskClient) -> None:
    for number in range(1, 8):
        post(api, key=f"k{number}", aliases=[f"PL {number}/2023-CR"])
    first = api.get("/v1/moves?limit=3&pending=true").json
    assert first is not None
    assert (first["total"], len(first["items"])) == (7, 3)
    rest = api.get(f"/v1/moves?limit=500&pending=true&cursor={first['next']}").json
    assert rest is not None
    assert len({item["move_id"] for item in first["items"] + rest["items"]}) == 7
    assert rest["next"] is None
    one = api.get("/v1/moves", query_string={"alias": "PL 3/2023-CR"}).json
    assert one is not None
    assert [item["key"] for item in one["items"]] == ["k3"]
    assert api.get("/v1/moves?updated_since=2024-09-01T16:59:59Z").json["total"] == 7  # type: ignore[index]
    assert api.get("/v1/moves?changed_since=2024-09-02").json["total"] == 0  # type: ignore[index]


@pytest.mark.parametrize("query", ["cursor=abc", "limit=0", "limit=501", "stage=x", "updated_since=ayer", "q=%00", "foo=1", "pending=perhaps"])
def test_a_query_that_is_none_is_refused_by_name(api: FlaskClient, query: str) -> None:
    answer = api.get(f"/v1/moves?{query}")
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["field"] == query.partition("=")[0]


def test_sources_say_when_they_last_spoke(api: FlaskClient) -> None:
    post(api)
    found = api.get("/v1/sources").json
    assert found is not None
    (source,) = found["items"]
    assert (source["source"], source["kind"], source["status"], source["count"], found["waiting"]) == ("api:ana", "api", "told", 1, 1)


def test_fuzzed_from_its_document_nothing_breaks(app: OpenAPI) -> None:
    app.test_client().post("/v1/moves", json=said(), headers=bearer())
    for result in schemathesis.openapi.from_wsgi("/openapi.json", app).get_all_operations():
        _fuzz(result.ok().as_strategy())


def _fuzz(strategy: Any) -> None:
    @given(case=strategy)
    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case) -> None:
        # No schema can tell which cursors are ours, or which days the calendar has.
        case.call_and_validate(headers=bearer(), excluded_checks=[positive_data_acceptance])

    check()


# ── the whole service ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[..., tuple[FlaskClient, LocalBus]]]:
    """Starts ingest as the composition root builds it, its loops running; a file named `exercise` in the home marks a replay's."""
    stop, crew = threading.Event(), []

    def start(*, exercise: bool = False) -> tuple[FlaskClient, LocalBus]:
        if exercise:
            (tmp_path / "exercise").touch()
        context = open_context(Settings(home=tmp_path), stop, now=lambda: NOW)
        part = build(context)
        crew.append(Crew(stop))
        for name, work in part.work.items():
            crew[0].start(name, work)
        client = part.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = bearer(key=load_key(tmp_path / "keys" / "identity.pem"))["Authorization"]
        assert isinstance(context.bus, LocalBus)
        return client, context.bus

    yield start
    stop.set()
    crew[0].join()


@pytest.mark.parametrize("exercise", [False, True])
def test_what_is_told_reaches_the_bus(running: Callable[..., tuple[FlaskClient, LocalBus]], exercise: bool) -> None:
    api, bus = running(exercise=exercise)
    consumer = bus.consumer("test", [MOVES])
    assert post(api, observed_on="2024-08-30").status_code == 201
    (delivery,) = consumer.poll(10, 10)
    event = MoveObserved.decode(delivery.value)
    assert (event.key, event.as_of, event.exercise, event.backfill) == ("pe.2021-2026.C.bill.5981", TODAY, exercise, False)
    assert api.get("/healthz").status_code == api.get("/readyz").status_code == 200
    consumer.close()
