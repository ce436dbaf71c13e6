"""What the demo's summary says of an alert (its level when it was first warned of and when it rose to its peak, never one beside the other's day), and its room on the disk."""

from __future__ import annotations

from typing import Any

from services.demo import LOG_BYTES, gravest_row, modest, rise, warned
from shared.settings import Settings

ITEM: dict[str, Any] = {
    "move_id": "m",
    "key": "K",
    "title": "Ley",
    "opened_as_of": "2024-05-30",
    "first_level": "watch",
    "peak_level": "high",
    "peak_risk": 61.0,
}
LEVELS = [("2024-05-30", "watch"), ("2024-06-02", "elevated"), ("2024-06-10", "high"), ("2024-06-12", "elevated"), ("2024-07-01", "high")]


def test_the_first_level_stands_beside_the_first_day_and_the_peak_beside_its_own() -> None:
    row = gravest_row(ITEM, LEVELS, [])
    assert (row["first_alert"], row["first_level"], row["level"], row["peak_on"]) == ("2024-05-30", "watch", "high", "2024-06-10")
    assert rise(row) == "first 2024-05-30 at watch, high from 2024-06-10"
    assert warned(ITEM, []) == "first warned 2024-05-30 at watch, high at its peak; it never reached a decisive step"


def test_an_alert_that_opened_at_its_peak_says_so_once() -> None:
    row = gravest_row(ITEM | {"first_level": "high"}, [("2024-05-30", "high")], [])
    assert rise(row) == "first 2024-05-30 at high"
    assert warned(ITEM | {"first_level": "high"}, []) == "first warned 2024-05-30 at high; it never reached a decisive step"


def test_its_event_log_is_small_on_any_machine_and_never_larger_than_it_was_set() -> None:
    assert modest(Settings()).local_log_max_bytes == LOG_BYTES
    assert modest(Settings(local_log_max_bytes=1 << 20)).local_log_max_bytes == 1 << 20
