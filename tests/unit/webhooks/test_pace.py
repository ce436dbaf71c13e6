"""Bucket and breaker."""

from __future__ import annotations

import pytest

from services.webhooks.pace import FAILURES_TO_OPEN, HALF_OPEN_AFTER, Breaker, Bucket


def test_a_bucket_gives_a_burst_and_then_its_rate() -> None:
    bucket = Bucket(10.0)
    assert [bucket.wait(100.0) for _ in range(10)] == [0.0] * 10
    assert bucket.wait(100.0) == pytest.approx(0.1)
    assert bucket.wait(100.11) == 0.0
    sent = sum(bucket.wait(200.0 + step / 1000) == 0.0 for step in range(5000))
    assert 59 <= sent <= 60


def test_a_slow_bucket_still_gives_one() -> None:
    bucket = Bucket(0.5)
    assert bucket.wait(0.0) == 0.0
    assert bucket.wait(0.0) == pytest.approx(2.0)


def test_a_breaker_opens_and_half_opens_by_schedule() -> None:
    breaker, now = Breaker(), 0.0
    for _ in range(FAILURES_TO_OPEN - 1):
        assert not breaker.failed(now)
        assert breaker.allows(now)
    for step in (*HALF_OPEN_AFTER, HALF_OPEN_AFTER[-1]):
        assert breaker.failed(now)
        assert not breaker.failed(now), "what was under way does not open it for longer"
        assert not breaker.allows(now + step - 0.01)
        assert breaker.allows(now + step)
        now += step
    assert breaker.is_open
    assert breaker.succeeded()
    assert not breaker.succeeded()
    assert breaker.allows(now)


def test_one_at_a_time_until_it_answers_well_and_again_when_it_fails() -> None:
    breaker = Breaker()
    assert breaker.concurrency(4) == 1
    breaker.succeeded()
    assert breaker.concurrency(4) == 4
    breaker.failed(0.0)
    assert breaker.concurrency(4) == 1


def test_the_endpoint_may_ask_for_a_pause() -> None:
    breaker = Breaker()
    breaker.hold(10.0, 5.0)
    assert not breaker.allows(14.9)
    assert breaker.allows(15.0)
