"""One endpoint's lane."""

from __future__ import annotations

import datetime as dt

from services.webhooks.lane import AHEAD, AT_ONCE, START_WITHIN, Lane
from services.webhooks.queue import Claimed, Endpoint
from services.webhooks.retry import Outcome, Reason

ENDPOINT = Endpoint("sub_1", "https://example.org", (b"s",), 1000.0)
OK, FAILED = Outcome(Reason.OK, 204), Outcome(Reason.TIMEOUT)


def claimed(number: int, endpoint: Endpoint = ENDPOINT) -> Claimed:
    return Claimed(f"msg_{number}", endpoint, number, b"{}", 0, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


def filled(count: int = AHEAD, *, proven: bool = True) -> Lane:
    lane = Lane(ENDPOINT)
    lane.breaker.proven = proven
    for number in range(count):
        lane.add(claimed(number), 0.0)
    return lane


def test_a_proven_endpoint_gets_several_at_once_in_order() -> None:
    lane = filled()
    started = [lane.next(0.0)[0] for _ in range(AT_ONCE + 1)]
    assert [one and one.sequence for one in started] == [0, 1, 2, 3, None]
    lane.ended(OK, 0.0)
    assert lane.next(0.0)[0] is not None


def test_a_new_or_failing_endpoint_holds_one_place() -> None:
    for lane in (filled(proven=False), filled()):
        if lane.breaker.proven:
            lane.breaker.failed(0.0)
        assert lane.next(0.0)[0] is not None
        assert lane.next(0.0) == (None, 0.0)


def test_room_shrinks_as_it_fills_and_is_one_when_it_fails() -> None:
    lane = filled(10)
    assert lane.room(0.0) == AHEAD - 10
    assert lane.is_thirsty(0.0)
    lane.clear()
    lane.breaker.failed(0.0)
    assert lane.room(0.0) == 1
    for _ in range(4):
        lane.breaker.failed(0.0)
    assert lane.room(0.0) == 0


def test_a_slow_endpoint_claims_no_more_than_it_can_start_in_time() -> None:
    slow = Lane(Endpoint("sub_1", "https://example.org", (b"s",), 1.0))
    assert slow.room(0.0) == START_WITHIN / 2
    assert slow.is_thirsty(0.0)


def test_what_waits_too_long_goes_back() -> None:
    lane = filled(2)
    lane.add(claimed(2), START_WITHIN)
    assert [one.sequence for one in lane.stale(START_WITHIN + 0.1)] == [0, 1]
    assert [one.sequence for one in lane.clear()] == [2]


def test_gone_disables_at_once_and_a_refused_address_when_it_stays_so() -> None:
    lane = filled()
    assert lane.ended(Outcome(Reason.GONE, 410), 0.0) == (False, True)
    lane = filled()
    ends = [lane.ended(Outcome(Reason.REFUSED_ADDRESS), 0.0)[1] for _ in range(5)]
    assert ends == [False, False, False, False, True]


def test_recovery_is_told_once() -> None:
    lane = filled()
    for _ in range(5):
        lane.ended(FAILED, 0.0)
    assert lane.ended(OK, 100.0) == (True, False)
    assert lane.ended(OK, 100.0) == (False, False)


def test_a_new_address_starts_with_a_clean_sheet() -> None:
    lane = filled()
    for _ in range(5):
        lane.breaker.failed(0.0)
    lane.add(claimed(99, Endpoint("sub_1", "https://example.net", (b"s",), 5.0)), 0.0)
    assert lane.breaker.allows(0.0)
    assert lane.bucket.rate == 5.0


def test_retry_after_rests_the_whole_lane() -> None:
    lane = filled()
    lane.ended(Outcome(Reason.STATUS_429, 429, retry_after=30.0), 0.0)
    assert lane.next(29.0)[0] is None
    assert lane.next(30.0)[0] is not None
