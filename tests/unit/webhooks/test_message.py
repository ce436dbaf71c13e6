"""What stands in a delivery."""

from __future__ import annotations

import datetime as dt

import orjson
import pytest

from services.webhooks.message import TEST_TYPE, alert_body, message_id, trial_body
from tests.unit.webhooks.alerts import alert


def test_the_id_follows_from_event_and_subscription() -> None:
    assert message_id("e1", "sub_1") == message_id("e1", "sub_1")
    assert len({message_id(event, which) for event in ("e1", "e2") for which in ("sub_1", "sub_2")}) == 4
    assert message_id("e1", "sub_1").startswith("msg_")


def test_the_body_is_the_event_with_two_extensions() -> None:
    event = alert()
    body = orjson.loads(alert_body(event, "sub_1", 3, "both"))
    assert body == event.envelope() | {"subscriptionid": "sub_1", "sequence": 3}
    assert type(event).decode(orjson.dumps(body)) == event


@pytest.mark.parametrize(("language", "other"), [("es", "en"), ("en", "es")])
def test_one_language_leaves_the_other_out(language: str, other: str) -> None:
    data = orjson.loads(alert_body(alert(), "sub_1", 1, language))["data"]  # type: ignore[arg-type]
    assert data["headline"].keys() == data["body"].keys() == {language}
    assert data["headline"][language]


def test_the_same_input_gives_the_same_bytes() -> None:
    assert alert_body(alert(), "sub_1", 1, "es") == alert_body(alert(), "sub_1", 1, "es")


def test_a_test_event_says_that_it_is_one() -> None:
    body = orjson.loads(trial_body("e1", "sub_1", 9, dt.datetime(2026, 11, 25, 1, 2, 3, tzinfo=dt.UTC)))
    assert (body["type"], body["sequence"], body["id"], body["time"]) == (TEST_TYPE, 9, "e1", "2026-11-25T01:02:03.000000Z")
