"""The body of a delivery. In: an alert event, the subscription it goes to and its place there; out: CloudEvents JSON bytes and the `webhook-id`. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson

from services.webhooks.subscription import Language
from shared.events import AlertChanged, digest

TEST_TYPE = "org.veedor.webhook.test.v1"
CONTENT_TYPE = "application/cloudevents+json"
TRANSLATED = ("headline", "body", "reason")


def message_id(event_id: str, subscription_id: str) -> str:
    """The `webhook-id`: the same on every try and after every restart, because it follows from what is sent to whom."""
    return f"msg_{digest(event_id, subscription_id)}"


def alert_body(alert: AlertChanged, subscription_id: str, sequence: int, language: Language) -> bytes:
    """The alert as a structured CloudEvent with two extensions: `subscriptionid` and `sequence` (1, 2, 3 ... per subscription, without gaps)."""
    envelope = alert.envelope()
    if language != "both":
        envelope["data"] |= {name: {language: words.get(language, "")} for name in TRANSLATED if (words := envelope["data"].get(name))}
    return _encode(envelope, subscription_id, sequence)


def trial_body(event_id: str, subscription_id: str, sequence: int, now: dt.datetime) -> bytes:
    """A delivery that says nothing but that deliveries arrive."""
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/veedor/webhooks",
        "type": TEST_TYPE,
        "subject": subscription_id,
        "time": now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "datacontenttype": "application/json",
        "data": {"message": {"es": "Prueba: sus avisos llegan a esta dirección.", "en": "Test: your notices reach this address."}},
    }
    return _encode(envelope, subscription_id, sequence)


def _encode(envelope: dict[str, Any], subscription_id: str, sequence: int) -> bytes:
    return orjson.dumps(envelope | {"subscriptionid": subscription_id, "sequence": sequence}, option=orjson.OPT_SORT_KEYS)
