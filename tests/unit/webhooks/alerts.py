"""An alert event of the webhooks tests, with what a test wants otherwise."""

from __future__ import annotations

import datetime as dt
from typing import Any

from shared.events import AlertChanged, Direction, Level, Lifecycle, Target, Words


def alert(**changes: Any) -> AlertChanged:
    fields: dict[str, Any] = {
        "alert_id": "alert.pe.2021-2026.C.bill.1",
        "sequence": 7,
        "revision": 1,
        "lifecycle": Lifecycle.ALERT,
        "level": Level.HIGH,
        "headline": Words(es="Un proyecto", en="A bill"),
        "body": Words(es="Texto", en="Text"),
        "country": "pe",
        "subject_id": "pe.2021-2026.C.bill.1",
        "targets": (Target.JNE, Target.ONPE),
        "direction": Direction.WEAKENS,
        "as_of": dt.date(2024, 5, 30),
        "recorded_at": dt.datetime(2024, 5, 30, 12, tzinfo=dt.UTC),
        "hash": "0" * 64,
    }
    return AlertChanged(**(fields | changes))
