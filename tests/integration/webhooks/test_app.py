"""The API: who may do what, what it answers, what it never shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from standardwebhooks import Webhook

from services.webhooks.app import Parts, create_app
from services.webhooks.egress import Egress, Names
from services.webhooks.history import History
from services.webhooks.queue import Result
from services.webhooks.retry import Outcome, Reason
from shared.events import Tlp
from shared.http import Door
from shared.identity import Revocations, Role, Verifier, issue
from shared.operations import Liveness
from shared.process import utc_now
from tests.integration.webhooks.house import House, alerts

Ask = Callable[..., Any]


@dataclass
class Told:
    """Notes what the API tells whoever sends."""

    woken: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def wake(self, subscriptions: set[str]) -> None:
        self.woken += sorted(subscriptions)

    def forget(self, subscription_id: str) -> None:
        self.forgotten.append(subscription_id)


@dataclass
class Api:
    """A test client that signs requests as somebody."""

    client: FlaskClient
    key: Ed25519PrivateKey
    told: Told

    def ask(self, method: str, path: str, body: Any = None, *, who: str = "embassy", role: Role = Role.SUBSCRIBER, clearance: Tlp = Tlp.AMBER) -> Any:
        token = issue(self.key, subject=who, roles=[role], clearance=clearance, ttl=dt.timedelta(hours=1), now=utc_now())
        return self.client.open(path, method=method, json=body, headers={"Authorization": f"Bearer {token}"})

    def subscribe(self, who: str = "embassy", **body: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/v1/subscriptions", {"url": "https://example.org/hook", **body}, who=who)
        assert answer.status_code == 201, answer.json
        return dict(answer.json)


@pytest.fixture
def api(house: House, tmp_path: Path) -> Api:
    key, told = Ed25519PrivateKey.generate(), Told()
    names = Names(lambda host: ["10.0.0.1"] if host.startswith("inside") else ["8.8.8.8"])
    parts = Parts(house.subscribers, house.intake, History(house.store), Egress(names=names), told, house.key, utc_now)
    app = create_app(Door(Verifier(key.public_key(), Revocations(tmp_path / "revoked")), Liveness()), parts)
    return Api(app.test_client(), key, told)


def test_the_secret_is_shown_once(api: Api) -> None:
    made = api.subscribe(description="Embajada", min_level="high", institutions=["JNE"], language="es")
    assert made["secret"].startswith("whsec_")
    shown = api.ask("GET", f"/v1/subscriptions/{made['id']}").json
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert (shown["min_level"], shown["institutions"], shown["language"], shown["status"], shown["clearance"]) == ("high", ["JNE"], "es", "active", "TLP:AMBER")
    assert "secret" not in api.ask("GET", "/v1/subscriptions").text


def test_defaults(api: Api) -> None:
    made = api.subscribe()
    assert (made["min_level"], made["language"], made["notice"], made["last_sequence"], made["pending"]) == ("elevated", "both", None, 0, 0)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://inside.example/"}, "url"),
        ({"url": "http://example.org/"}, "url"),
        ({"url": "https://2130706433/"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": ""}, "url"),
        ({"url": 7}, "url"),
        ({"url": "https://example.org/\x00"}, "url"),
        ({"min_level": "grave"}, "min_level"),
        ({"institutions": ["XYZ"]}, "institutions.0"),
        ({"language": "fr"}, "language"),
        ({"country": "Peru"}, "country"),
        ({"max_per_second": 0}, "max_per_second"),
        ({"max_per_second": 10**30}, "max_per_second"),
        ({"description": "a\x00b"}, "description"),
        ({"description": "a" * 501}, "description"),
        ({"urll": "https://example.org"}, "urll"),
    ],
)
def test_what_is_wrong_is_named(api: Api, body: dict[str, Any], named: str) -> None:
    answer = api.ask("POST", "/v1/subscriptions", {"url": "https://example.org/", **body})
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.json["field"] == named
    assert answer.json["detail"]
    assert api.ask("GET", "/v1/subscriptions").json["total"] == 0


def test_a_private_address_is_refused_saying_why(api: Api) -> None:
    detail = api.ask("POST", "/v1/subscriptions", {"url": "https://inside.example/"}).json["detail"]
    assert "10.0.0.1" in detail
    assert "private network" in detail


@pytest.mark.parametrize("role", [Role.OBSERVER, Role.ANALYST])
def test_who_may_not_write(api: Api, role: Role) -> None:
    made = api.subscribe()
    place = f"/v1/subscriptions/{made['id']}"
    for method, path in [
        ("POST", "/v1/subscriptions"),
        ("PATCH", place),
        ("DELETE", place),
        ("POST", f"{place}/test"),
        ("POST", f"{place}/secret"),
        ("POST", "/v1/deliveries/x/redeliver"),
    ]:
        assert api.ask(method, path, {}, role=role).status_code == 403, path


def test_nothing_is_anonymous_but_the_keys(api: Api) -> None:
    for path in ("/v1/subscriptions", "/v1/deliveries", "/v1/feed", "/v1/subscriptions/x", "/v1/deliveries/x"):
        assert api.client.get(path).status_code == 401
    assert api.client.post("/v1/subscriptions", json={}).status_code == 401
    assert api.client.get("/.well-known/jwks.json").status_code == 200


def test_others_see_nothing_and_operators_all(api: Api, house: House) -> None:
    made = api.subscribe()
    house.intake.take(alerts(2))
    delivery = house.rows()[0].delivery_id
    place = f"/v1/subscriptions/{made['id']}"
    for method, path in [
        ("GET", place),
        ("PATCH", place),
        ("DELETE", place),
        ("POST", f"{place}/test"),
        ("POST", f"{place}/secret"),
        ("GET", f"/v1/feed?subscription={made['id']}"),
    ]:
        assert api.ask(method, path, None if method == "GET" else {}, who="other").status_code == 404, path
    assert api.ask("GET", f"/v1/deliveries/{delivery}", who="other").status_code == 404
    assert api.ask("POST", f"/v1/deliveries/{delivery}/redeliver", who="other").status_code == 404
    assert api.ask("GET", "/v1/deliveries", who="other").json["total"] == 0
    assert api.ask("GET", "/v1/subscriptions", who="other").json["total"] == 0
    for role in (Role.OPERATOR, Role.ADMIN):
        assert api.ask("GET", "/v1/deliveries", who="other", role=role).json["total"] == 2
        assert api.ask("GET", place, who="other", role=role).status_code == 200


def test_pages_follow_each_other(api: Api, house: House) -> None:
    made = [api.subscribe()["id"] for _ in range(5)]
    house.intake.take(alerts(3))
    for path, total, expected in (("/v1/subscriptions", 5, set(made)), ("/v1/deliveries", 15, {row.delivery_id for row in house.rows()})):
        seen: list[str] = []
        cursor = ""
        while True:
            page = api.ask("GET", f"{path}?limit=2{cursor}").json
            assert page["total"] == total
            seen += [item["id"] for item in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert len(seen) == total
        assert set(seen) == expected


@pytest.mark.parametrize("path", ["/v1/subscriptions", "/v1/deliveries", "/v1/feed"])
@pytest.mark.parametrize("cursor", ["x", "W10", "WzFd", "eyJhIjoxfQ", "WyIyMDI2IiwgMV0", "WyI5OTk5LTEyLTMxVDIzOjU5OjU5IiwgImEiXQ", "Wy0xXQ", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTldCg"])
def test_a_cursor_from_elsewhere_is_refused(api: Api, path: str, cursor: str) -> None:
    api.subscribe()
    answer = api.ask("GET", f"{path}?cursor={cursor}")
    if (path, cursor) == ("/v1/feed", "WzFd"):
        return  # [1] is a place in a feed
    assert (answer.status_code, answer.json["field"]) == (422, "cursor")


def test_pause_resume_change_delete(api: Api, house: House) -> None:
    place = f"/v1/subscriptions/{api.subscribe()['id']}"
    assert api.ask("PATCH", place, {"status": "paused"}).json["status"] == "paused"
    house.intake.take(alerts(2))
    assert api.ask("GET", place).json["held"] == 2
    resumed = api.ask("PATCH", place, {"status": "active", "min_level": "high", "url": "https://example.net", "country": "pe"}).json
    assert (resumed["status"], resumed["held"], resumed["pending"], resumed["min_level"], resumed["url"], resumed["country"]) == (
        "active",
        0,
        2,
        "high",
        "https://example.net",
        "pe",
    )
    assert api.ask("PATCH", place, {"country": None}).json["country"] is None
    assert api.ask("PATCH", place, {"url": "https://127.0.0.1"}).json["field"] == "url"
    assert api.ask("PATCH", place, {"status": "deleted"}).status_code == 422
    assert api.ask("DELETE", place).status_code == 204
    assert api.ask("GET", place).status_code == 404
    assert api.ask("DELETE", place).status_code == 404
    dropped = api.ask("GET", "/v1/deliveries?status=dropped").json
    assert [item["last_reason"] for item in dropped["items"]] == ["deleted", "deleted"]
    assert len(api.told.forgotten) == 4


def test_a_new_secret_replaces_the_old(api: Api) -> None:
    made = api.subscribe()
    renewed = api.ask("POST", f"/v1/subscriptions/{made['id']}/secret", {"overlap_hours": 1})
    assert renewed.status_code == 201
    assert renewed.json["secret"] != made["secret"]


def test_a_test_event_goes_through_the_queue(api: Api, house: House) -> None:
    made = api.subscribe()
    answer = api.ask("POST", f"/v1/subscriptions/{made['id']}/test")
    assert (answer.status_code, answer.json["kind"], answer.json["status"], answer.json["sequence"]) == (202, "test", "pending", 1)
    assert api.told.woken == [made["id"]]
    assert len(house.rows()) == 1


def test_the_log_can_be_filtered(api: Api, house: House) -> None:
    one, two = api.subscribe()["id"], api.subscribe()["id"]
    house.intake.take(alerts(2))
    (claimed,) = house.queue().claim({one: 1})
    house.queue().record([Result(claimed, Outcome(Reason.OK, 200, excerpt=b"ok"))])
    for query, total in [
        ("", 4),
        (f"subscription={two}", 2),
        ("status=delivered", 1),
        ("alert_id=alert.2", 2),
        ("since=2020-01-01T00:00:00Z", 4),
        ("since=2100-01-01T00:00:00%2B05:00", 0),
    ]:
        assert api.ask("GET", f"/v1/deliveries?{query}").json["total"] == total, query
    for wrong in ("status=lost", "since=yesterday", "since=2020-01-01T00:00:00", "subscription=a%00b", "unknown=1", "limit=0"):
        assert api.ask("GET", f"/v1/deliveries?{wrong}").status_code == 422, wrong
    detail = api.ask("GET", f"/v1/deliveries/{claimed.delivery_id}").json
    assert (detail["status"], detail["attempts"], detail["last_code"]) == ("delivered", 1, 200)
    assert [(attempt["reason"], attempt["answer"]) for attempt in detail["attempt_log"]] == [("ok", "ok")]
    assert detail["event"]["sequence"] == 1


def test_what_was_delivered_can_be_sent_again_under_its_id(api: Api, house: House) -> None:
    made = api.subscribe()["id"]
    house.intake.take(alerts(1))
    (claimed,) = house.queue().claim({made: 1})
    again = f"/v1/deliveries/{claimed.delivery_id}/redeliver"
    assert api.ask("POST", again).status_code == 409
    house.queue().record([Result(claimed, Outcome(Reason.OK, 200))])
    answer = api.ask("POST", again)
    assert (answer.status_code, answer.json["status"], answer.json["id"]) == (202, "pending", claimed.delivery_id)
    assert [one.delivery_id for one in house.queue().claim({made: 1})] == [claimed.delivery_id]


def test_the_feed_gives_every_event_by_number_signed_like_a_webhook(api: Api, house: House) -> None:
    made = api.ask("POST", "/v1/subscriptions", {"description": "closed network"}).json
    house.intake.take(alerts(5))
    first = api.ask("GET", "/v1/feed?limit=3").json
    assert ([item["sequence"] for item in first["items"]], first["total"]) == ([1, 2, 3], 5)
    item = first["items"][0]
    headers = {name.replace("_", "-"): item[name] for name in ("webhook_id", "webhook_timestamp", "webhook_signature")}
    assert Webhook(made["secret"]).verify(item["body"], headers)["sequence"] == 1
    assert {row.status for row in house.rows()} == {"pull"}
    second = api.ask("GET", f"/v1/feed?cursor={first['next']}&subscription={made['id']}").json
    assert [item["sequence"] for item in second["items"]] == [4, 5]
    assert house.statuses() == ["delivered"] * 3 + ["pull"] * 2
    last = api.ask("GET", f"/v1/feed?cursor={second['next']}").json
    assert (last["items"], last["next"], last["total"]) == ([], second["next"], 0)
    assert [orjson.loads(item["body"])["sequence"] for item in api.ask("GET", "/v1/feed?after=2").json["items"]] == [3, 4, 5]
    assert api.ask("GET", f"/v1/subscriptions/{made['id']}").json["acknowledged"] == 5


def test_a_place_beyond_the_feed_s_end_is_a_conflict_that_says_where_to_start(api: Api) -> None:
    made = api.ask("POST", "/v1/subscriptions", {}).json
    api.ask("POST", f"/v1/subscriptions/{made['id']}/test")
    assert api.ask("GET", "/v1/feed?after=1").status_code == 200
    answer = api.ask("GET", "/v1/feed?after=2")
    assert (answer.status_code, answer.json["field"]) == (409, "after")
    assert "start again from after=1" in answer.json["detail"]
    assert api.ask("GET", "/v1/feed?cursor=WzJd").status_code == 409
    assert api.ask("GET", f"/v1/subscriptions/{made['id']}").json["acknowledged"] == 1


def test_the_feed_needs_to_know_whose(api: Api) -> None:
    assert api.ask("GET", "/v1/feed").json["field"] == "subscription"
    api.subscribe()
    assert api.ask("GET", "/v1/feed").status_code == 200
    api.subscribe()
    assert api.ask("GET", "/v1/feed").json["field"] == "subscription"


def test_a_webhook_stays_one_and_a_feed_stays_one(api: Api) -> None:
    hook, feed = api.subscribe()["id"], api.ask("POST", "/v1/subscriptions", {}).json["id"]
    assert api.ask("PATCH", f"/v1/subscriptions/{feed}", {"url": "https://example.org"}).status_code == 409
    assert api.ask("PATCH", f"/v1/subscriptions/{hook}", {"url": None}).json["url"] == "https://example.org/hook"


def test_there_is_an_end_to_subscribing(api: Api) -> None:
    for _ in range(100):
        api.subscribe()
    answer = api.ask("POST", "/v1/subscriptions", {})
    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")


def test_the_keys_are_those_that_sign(api: Api, house: House) -> None:
    (found,) = api.client.get("/.well-known/jwks.json").json["keys"]
    assert jwt.PyJWK(found).key.public_bytes_raw() == house.key.public_key().public_bytes_raw()
