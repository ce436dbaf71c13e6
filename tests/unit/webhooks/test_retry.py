"""When to try again."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.retry import FLOOR_SECONDS, RETRY_AFTER_CAP, SCHEDULE, Outcome, Reason, parse_retry_after, reason_of, wait_after

NOW = dt.datetime(2026, 11, 25, 12, 0, 0, tzinfo=dt.UTC)


@given(st.integers(1, len(SCHEDULE)), st.floats(0, 1, exclude_max=True))
def test_full_jitter_stays_between_the_floor_and_the_step(attempts: int, draw: float) -> None:
    wait = wait_after(attempts, draw=lambda: draw)
    assert wait is not None
    assert FLOOR_SECONDS <= wait <= SCHEDULE[attempts - 1]


def test_the_schedule_ends() -> None:
    assert wait_after(len(SCHEDULE)) is not None
    assert wait_after(len(SCHEDULE) + 1) is None


@pytest.mark.parametrize(("asked", "wait"), [(None, 2.5), (0.0, 2.5), (60.0, 60.0), (1e9, RETRY_AFTER_CAP)])
def test_retry_after_is_obeyed_and_capped(asked: float | None, wait: float) -> None:
    assert wait_after(1, asked, draw=lambda: 0.5) == wait


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("999999999999999999999", RETRY_AFTER_CAP),
        ("Wed, 25 Nov 2026 12:01:00 GMT", 60.0),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0.0),
        ("Wed, 25 Nov 9999 11:00:00 GMT", RETRY_AFTER_CAP),
        (None, None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("Wed, 99 Nov 2026 12:01:00 GMT", None),
        ("1" * 5000, RETRY_AFTER_CAP),
    ],
)
def test_retry_after_is_read(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text(max_size=100))
def test_junk_retry_after_never_raises(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= RETRY_AFTER_CAP


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, Reason.OK),
        (204, Reason.OK),
        (299, Reason.OK),
        (301, Reason.REDIRECT),
        (304, Reason.REDIRECT),
        (400, Reason.STATUS_4XX),
        (410, Reason.GONE),
        (429, Reason.STATUS_429),
        (500, Reason.STATUS_5XX),
        (999, Reason.STATUS_5XX),
        (101, Reason.STATUS_1XX),
    ],
)
def test_only_2xx_is_an_acknowledgement(status: int, reason: Reason) -> None:
    assert reason_of(status) is reason
    assert Outcome(reason).delivered is (200 <= status < 300)
