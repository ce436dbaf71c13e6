"""The durable queue: leases, order, results, pause and resume."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import update

from services.webhooks.queue import Claimed, Result
from services.webhooks.retry import MAX_AGE, SCHEDULE, Outcome, Reason
from services.webhooks.store import DELIVERIES, SUBSCRIPTIONS
from services.webhooks.subscription import State
from shared.errors import Refused
from tests.integration.webhooks.house import House, alerts, person

OK = Outcome(Reason.OK, 204, excerpt=b"thanks\x00\xff")
FAILED = Outcome(Reason.STATUS_5XX, 503, "answered 503")


def filled(house: House, count: int = 5) -> str:
    which = house.subscribe().subscription_id
    house.intake.take(alerts(count))
    return which


def claim(house: House, which: str, room: int, worker: str = "w1") -> list[Claimed]:
    return house.queue(worker).claim({which: room})


def test_claims_in_order_and_only_once(house: House) -> None:
    which = filled(house)
    assert [one.sequence for one in claim(house, which, 3)] == [1, 2, 3]
    assert [one.sequence for one in claim(house, which, 3, "w2")] == [4, 5]
    assert house.queue().due() == set()


def test_two_workers_never_share_a_row(house: House) -> None:
    which = filled(house, 60)
    found: dict[str, list[str]] = {"w1": [], "w2": [], "w3": []}

    def work(worker: str) -> None:
        while some := claim(house, which, 7, worker):
            found[worker] += [one.delivery_id for one in some]

    threads = [threading.Thread(target=work, args=(worker,)) for worker in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [one for some in found.values() for one in some]
    assert len(every) == len(set(every)) == 60


def test_an_ended_lease_is_taken_over_and_the_old_workers_failure_counts_no_more(house: House) -> None:
    which = filled(house, 1)
    (first,) = house.queue("w1", lease_seconds=-1).claim({which: 1})
    (second,) = claim(house, which, 1, "w2")
    assert first.delivery_id == second.delivery_id
    house.queue("w1").record([Result(first, FAILED)])
    (row,) = house.rows()
    assert (row.attempts, row.leased_by) == (0, "w2")
    house.queue("w1").record([Result(first, OK)])
    (row,) = house.rows()
    assert (row.status, row.leased_by) == ("delivered", None), "delivered is delivered, whoever did it"


def test_results_are_kept_with_their_attempts(house: House) -> None:
    which = filled(house, 2)
    good, bad = claim(house, which, 2)
    seconds = house.queue().record([Result(good, OK), Result(bad, FAILED)])
    assert seconds.keys() == {good.delivery_id}
    first, second = house.rows()
    assert (first.status, first.attempts, first.last_code, first.last_reason) == ("delivered", 1, 204, "ok")
    assert first.delivered_at is not None
    assert (second.status, second.attempts, second.last_code, second.last_reason) == ("pending", 1, 503, "status_5xx")
    assert dt.timedelta(0) < second.next_attempt_at - second.queued_at <= dt.timedelta(seconds=SCHEDULE[0] + 1)
    assert {(row.reason, row.code) for row in house.attempts()} == {("ok", 204), ("status_5xx", 503)}
    assert next(row.excerpt for row in house.attempts() if row.reason == "ok") == "thanks\ufffd\ufffd"
    row = house.subscribers.get(person(), which)
    assert row.last_delivered_at
    assert row.last_failed_at


def test_first_attempts_go_before_late_retries(house: House) -> None:
    which = filled(house, 3)
    house.queue().record([Result(one, FAILED) for one in claim(house, which, 2)])
    _make_due(house)
    assert [one.sequence for one in claim(house, which, 10)] == [3, 1, 2]


def test_the_schedule_ends_as_failed_and_the_row_stays(house: House) -> None:
    which = filled(house, 1)
    for _ in range(len(SCHEDULE) + 1):
        _make_due(house)
        house.queue().record([Result(one, FAILED) for one in claim(house, which, 1)])
    assert house.statuses() == ["failed"]
    assert house.rows()[0].attempts == len(SCHEDULE) + 1
    assert len(house.attempts()) == len(SCHEDULE) + 1


def test_rows_given_back_are_due_at_once(house: House) -> None:
    which = filled(house, 3)
    claimed = claim(house, which, 3)
    house.queue("w2").record([], [one.delivery_id for one in claimed])
    assert claim(house, which, 3) == [], "only who holds a lease gives it back"
    house.queue("w1").record([], [one.delivery_id for one in claimed[:2]])
    assert [one.sequence for one in claim(house, which, 3)] == [1, 2]


def test_release_gives_back_ones_own_and_at_start_everyones(house: House) -> None:
    which = filled(house, 4)
    claim(house, which, 2, "w1")
    claim(house, which, 2, "w2")
    assert house.queue("w1").release() == 2
    assert house.queue("w3").release(everyone=True) == 2


def test_recovery_hastens_what_waits(house: House) -> None:
    which = filled(house, 2)
    first, second = claim(house, which, 2)
    house.queue().record([Result(first, FAILED)])
    assert claim(house, which, 2) == []
    house.queue().record([Result(second, OK, hasten=True)])
    assert [one.sequence for one in claim(house, which, 2)] == [1]


def test_disabling_holds_all_and_says_why_and_a_resume_sends_all_in_order(house: House) -> None:
    which = filled(house, 3)
    (first,) = claim(house, which, 1)
    house.queue().record([Result(first, Outcome(Reason.GONE, 410), disable=True)])
    row = house.subscribers.get(person(), which)
    assert row.state == State.DISABLED
    assert "410" in row.notice_es
    assert "410" in row.notice_en
    house.intake.take(alerts(1, start=4))
    assert house.statuses() == ["held"] * 4
    house.subscribers.change(person(), which, {}, {}, State.ACTIVE)
    assert house.subscribers.get(person(), which).notice_en == ""
    assert [one.sequence for one in claim(house, which, 9)] == [1, 2, 3, 4]


def test_a_new_address_ends_what_the_system_stopped_but_not_a_pause(house: House) -> None:
    which = filled(house, 1)
    (first,) = claim(house, which, 1)
    house.queue().record([Result(first, Outcome(Reason.REFUSED_ADDRESS), disable=True)])
    assert house.subscribers.change(person(), which, {"url": "https://example.net"}, {}, None).state == State.ACTIVE
    assert house.statuses() == ["pending"]
    house.subscribers.change(person(), which, {}, {}, State.PAUSED)
    assert house.subscribers.change(person(), which, {"url": "https://example.com"}, {}, None).state == State.PAUSED
    assert house.statuses() == ["held"]


def test_an_old_addresss_410_does_not_disable_the_new_one(house: House) -> None:
    which = filled(house, 1)
    (first,) = claim(house, which, 1)
    house.subscribers.change(person(), which, {"url": "https://example.net"}, {}, None)
    house.queue().record([Result(first, Outcome(Reason.GONE, 410), disable=True)])
    assert house.subscribers.get(person(), which).state == State.ACTIVE


def test_a_failure_that_ends_after_the_pause_leaves_the_row_held(house: House) -> None:
    which = filled(house, 1)
    (first,) = claim(house, which, 1)
    house.subscribers.change(person(), which, {}, {}, State.PAUSED)
    house.queue().record([Result(first, FAILED)])
    assert house.statuses() == ["held"]


def test_delete_drops_what_waits_with_a_reason_and_erases_the_secret(house: House) -> None:
    which = filled(house, 3)
    done, *_ = claim(house, which, 2)
    house.queue().record([Result(done, OK)])
    house.subscribers.delete(person(), which)
    assert [(row.status, row.last_reason) for row in house.rows()] == [("delivered", "ok"), ("dropped", "deleted"), ("dropped", "deleted")]
    assert claim(house, which, 9) == []
    with pytest.raises(Refused):
        house.subscribers.get(person(), which)
    with house.store.database.reading() as session:
        assert session.connection().execute(SUBSCRIPTIONS.select()).one().secret == b""


def test_what_waited_three_days_ends_but_not_what_was_held_for_longer(house: House) -> None:
    which = filled(house, 2)
    house.subscribers.change(person(), which, {}, {}, State.PAUSED)
    _age(house)
    assert house.queue().expire() == 0
    house.subscribers.change(person(), which, {}, {}, State.ACTIVE)
    assert house.queue().expire() == 0, "its time begins anew"
    _age(house)
    assert house.queue().expire() == 2
    assert {(row.status, row.last_reason) for row in house.rows()} == {("failed", "expired")}


def test_the_old_secret_signs_beside_the_new_until_it_ends(house: House) -> None:
    which = filled(house, 3)
    old = house.subscribers.get(person(), which).secret
    new = house.subscribers.renew_secret(person(), which, dt.timedelta(hours=1)).secret
    assert claim(house, which, 1)[0].endpoint.secrets == (new, old)
    newest = house.subscribers.renew_secret(person(), which, dt.timedelta(0)).secret
    assert claim(house, which, 1)[0].endpoint.secrets == (newest,)


def test_the_backlog_is_counted(house: House) -> None:
    which = filled(house, 3)
    backlog = house.queue().backlog()
    assert (backlog.pending, backlog.held) == (3, 0)
    assert 0 <= backlog.oldest_seconds < 30
    house.subscribers.change(person(), which, {}, {}, State.PAUSED)
    assert (house.queue().backlog().pending, house.queue().backlog().held) == (0, 3)


def _make_due(house: House) -> None:
    with house.store.writing() as (session, now):
        session.connection().execute(update(DELIVERIES).values(next_attempt_at=now))


def _age(house: House) -> None:
    with house.store.writing() as (session, now):
        session.connection().execute(update(DELIVERIES).values(queued_at=now - MAX_AGE - dt.timedelta(minutes=1)))
