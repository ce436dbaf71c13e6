"""The thread that sends: everything arrives, in spite of endpoints that fail and processes that die."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack

import pytest
from standardwebhooks import Webhook

from services.webhooks.dispatcher import Dispatcher
from services.webhooks.egress import Egress
from services.webhooks.queue import Queue, Result
from services.webhooks.sender import Sender
from services.webhooks.signing import verify, written_secret
from services.webhooks.subscription import State
from shared.errors import Retryable
from tests.integration.webhooks.endpoints import Endpoint, serving
from tests.integration.webhooks.house import House, alerts, person
from tests.parts.waiting import until

Dispatching = Callable[..., AbstractContextManager[Dispatcher]]


def test_everything_arrives_once_signed_and_numbered(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint()) as endpoint, dispatching() as dispatcher:
        row = house.subscribe(endpoint.url)
        dispatcher.wake(house.intake.take(alerts(100)))
        until(lambda: house.statuses() == ["delivered"] * 100, "all recorded as delivered")
    assert len(set(endpoint.ids)) == len(endpoint.posts) == 100
    for post in endpoint.posts:
        body = Webhook(written_secret(row.secret)).verify(post.body, post.headers)
        assert verify(post.body, post.headers, now=time.time(), keys=[house.key.public_key()])
        assert post.headers["content-type"] == "application/cloudevents+json"
        assert body["subscriptionid"] == row.subscription_id
    assert {row.attempts for row in house.rows()} == {1}


def test_a_new_row_leaves_at_once(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint()) as endpoint, dispatching() as dispatcher:
        house.subscribe(endpoint.url)
        waits = []
        for number in range(1, 21):
            started = time.monotonic()
            dispatcher.wake(house.intake.take(alerts(1, start=number)))
            until(lambda number=number: len(endpoint.posts) == number, "it arrives", every=0.001)
            waits.append(time.monotonic() - started)
    assert sorted(waits)[10] < 0.2


def test_what_is_found_at_start_goes_out(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint()) as endpoint:
        house.subscribe(endpoint.url)
        house.intake.take(alerts(3))
        with dispatching():
            until(lambda: len(endpoint.posts) == 3, "all arrive")


def test_a_failure_is_tried_again_under_the_same_id(house: House, dispatching: Dispatching) -> None:
    answers = iter([500, 429, 204])
    quick = house.queue(wait=lambda attempts, _: 0.1 * attempts)
    with serving(Endpoint(answer=lambda _: next(answers), extra={"Retry-After": "1"})) as endpoint, dispatching(queue=quick) as dispatcher:
        house.subscribe(endpoint.url)
        dispatcher.wake(house.intake.take(alerts(1)))
        until(lambda: house.statuses() == ["delivered"], "delivered in the end", seconds=60)
    assert len(set(endpoint.ids)) == 1
    assert [row.reason for row in house.attempts()] == ["status_5xx", "status_429", "ok"]
    assert len({post.headers["webhook-signature"] for post in endpoint.posts}) > 1, "signed anew with the time of the try"


def test_an_endpoint_that_hangs_costs_the_others_nothing(house: House, dispatching: Dispatching) -> None:
    """One of ten hangs: the slowest of the healthy ones is served long before it answers."""
    with ExitStack() as stack:
        endpoints = [stack.enter_context(serving(Endpoint())) for _ in range(10)]
        hanging, healthy = endpoints[0], endpoints[1:]
        hanging.gate.clear()
        for endpoint in endpoints:
            house.subscribe(endpoint.url)
        dispatcher = stack.enter_context(dispatching(deadline=8.0))
        started = time.monotonic()
        dispatcher.wake(house.intake.take(alerts(40)))
        until(lambda: all(len(endpoint.posts) == 40 for endpoint in healthy), "the healthy ones have all")
        assert time.monotonic() - started < 7
        assert 1 <= len(hanging.posts) <= 4
        hanging.gate.set()
        until(lambda: set(house.statuses()) == {"delivered"}, "the slow one has all too")


def test_a_dead_endpoint_is_given_a_rest_and_recovers_in_full(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint(status=503)) as endpoint, dispatching() as dispatcher:
        which = house.subscribe(endpoint.url).subscription_id
        dispatcher.wake(house.intake.take(alerts(50)))
        until(lambda: len(endpoint.posts) >= 5, "it fails")
        until(lambda: which in dispatcher.lanes and dispatcher.lanes[which].breaker.is_open, "the breaker opens")
        assert len(endpoint.posts) < 10
        endpoint.status = 204
        house.subscribers.change(person(), which, {"url": endpoint.url + "/new"}, {}, None)
        dispatcher.forget(which)
        until(lambda: house.statuses() == ["delivered"] * 50, "all arrive at the new address, retries hastened")


def test_410_disables_with_notice_and_nothing_more_is_sent(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint(status=410)) as endpoint, dispatching() as dispatcher:
        which = house.subscribe(endpoint.url).subscription_id
        dispatcher.wake(house.intake.take(alerts(10)))
        until(lambda: house.subscribers.get(person(), which).state == State.DISABLED, "disabled")
        until(lambda: house.statuses() == ["held"] * 10, "all held")
        assert len(endpoint.posts) == 1
        endpoint.status = 204
        house.subscribers.change(person(), which, {}, {}, State.ACTIVE)
        dispatcher.forget(which)
        until(lambda: house.statuses() == ["delivered"] * 10, "all go out on resume")
    assert endpoint.posts[1].body == house.rows()[0].body, "the oldest first"
    assert len(endpoint.posts) == 11


def test_pause_keeps_and_resume_sends_in_order(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint()) as endpoint, dispatching() as dispatcher:
        which = house.subscribe(endpoint.url).subscription_id
        house.subscribers.change(person(), which, {}, {}, State.PAUSED)
        dispatcher.forget(which)
        dispatcher.wake(house.intake.take(alerts(3)))
        house.subscribers.change(person(), which, {}, {}, State.ACTIVE)
        dispatcher.forget(which)
        until(lambda: house.statuses() == ["delivered"] * 3, "sent")
    assert endpoint.ids[0] == house.rows()[0].delivery_id, "first the oldest, alone until it is answered"


def test_delete_stops_what_is_claimed(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint()) as endpoint, dispatching(deadline=8.0) as dispatcher:
        endpoint.gate.clear()
        which = house.subscribe(endpoint.url).subscription_id
        dispatcher.wake(house.intake.take(alerts(20)))
        until(lambda: len(endpoint.posts) == 1, "the first is under way, the others are claimed")
        house.subscribers.delete(person(), which)
        dispatcher.forget(which)
        until(lambda: which not in dispatcher.lanes, "the lane is gone")
        endpoint.gate.set()
        until(lambda: house.statuses().count("delivered") == 1, "what was under way is recorded as it went")
    assert len(endpoint.posts) == 1
    assert house.statuses().count("dropped") == 19


def test_a_forbidden_address_is_never_dialled_and_ends_as_disabled(house: House, dispatching: Dispatching) -> None:
    """What a demo left for its own receiver is kept and held by a house that does not dial private addresses."""
    with serving(Endpoint()) as endpoint, dispatching(allow_private=False) as dispatcher:
        which = house.subscribe(endpoint.url).subscription_id
        dispatcher.wake(house.intake.take(alerts(8)))
        until(lambda: house.subscribers.get(person(), which).state == State.DISABLED, "disabled")
        assert house.subscribers.get(person(), which).notice_en
        until(lambda: house.statuses() == ["held"] * 8, "held")
        assert endpoint.connections == 0


# ── broken between every two steps ────────────────────────────────────────────────────────────────────────────────────────────────


class Broken(Queue):
    """A queue that breaks at one step, with `error`, `times` times."""

    def __init__(self, house: House, step: str, error: Exception, times: int = 1) -> None:
        super().__init__(house.store, "broken")
        self.step, self.error, self.times = step, error, times

    def _break(self, step: str) -> None:
        if self.step == step and self.times > 0:
            self.times -= 1
            raise self.error

    def claim(self, room):  # type: ignore[no-untyped-def]
        self._break("before claim")
        claimed = super().claim(room)
        if claimed:
            self._break("after claim")
        return claimed

    def record(self, results: Sequence[Result], returned: Sequence[str] = ()) -> dict[str, float]:
        if results:
            self._break("before record")
        found = super().record(results, returned)
        if results:
            self._break("after record")
        return found


@pytest.mark.parametrize("step", ["before claim", "after claim", "before record", "after record"])
def test_a_process_that_dies_at_any_step_loses_nothing(house: House, dispatching: Dispatching, step: str) -> None:
    """Not even its release runs: the successor starts from what stands in the database."""
    with serving(Endpoint()) as endpoint:
        house.subscribe(endpoint.url)
        house.intake.take(alerts(5))
        dying = Dispatcher(Broken(house, step, MemoryError("killed")), Sender(Egress(True)), house.key, time.time, threading.Event())
        with pytest.raises(BaseExceptionGroup):
            dying.run()
        with dispatching() as dispatcher:
            dispatcher.queue.release(everyone=True)
            until(lambda: house.statuses() == ["delivered"] * 5, "all delivered by the successor")
    assert len(set(endpoint.ids)) == 5, "what came twice came under the same id"


@pytest.mark.parametrize("step", ["before claim", "after claim", "before record", "after record"])
def test_a_database_that_is_away_for_a_moment_is_waited_for(house: House, dispatching: Dispatching, step: str) -> None:
    broken = Broken(house, step, Retryable("away"), times=2)
    if step == "after claim":
        # The claim stood, its answer was lost: the leases must end before the rows come again.
        broken.lease = broken.lease.__class__(seconds=1)
    with serving(Endpoint()) as endpoint, dispatching(queue=broken) as dispatcher:
        house.subscribe(endpoint.url)
        dispatcher.wake(house.intake.take(alerts(3)))
        until(lambda: house.statuses() == ["delivered"] * 3, "all delivered", seconds=30)
    assert len(set(endpoint.ids)) == 3


def test_a_stop_ends_what_is_under_way_and_gives_the_rest_back(house: House) -> None:
    stop = threading.Event()
    with serving(Endpoint()) as endpoint:
        endpoint.gate.clear()
        house.subscribe(endpoint.url)
        house.intake.take(alerts(10))
        dispatcher = Dispatcher(house.queue(), Sender(Egress(True)), house.key, time.time, stop)
        thread = threading.Thread(target=dispatcher.run, daemon=True)
        thread.start()
        until(lambda: endpoint.posts, "one is under way")
        stop.set()
        endpoint.gate.set()
        thread.join(10)
        assert not thread.is_alive()
    assert house.statuses() == ["delivered", *["pending"] * 9]
    assert {row.leased_by for row in house.rows()} == {None}


def test_two_workers_share_the_work_without_doubles(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint()) as endpoint, dispatching(worker="w1") as one, dispatching(worker="w2") as two:
        for _ in range(4):
            house.subscribe(endpoint.url)
        for start in range(1, 60, 20):
            woken = house.intake.take(alerts(20, start=start))
            one.wake(woken)
            two.wake(woken)
        until(lambda: house.statuses() == ["delivered"] * 240, "all delivered")
    assert len(endpoint.ids) == len(set(endpoint.ids)) == 240
