"""Rows written as leased: a lane with nothing to catch up on gets what is new without claiming it, and nothing it must not send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pytest

from services.webhooks.dispatcher import Dispatcher
from services.webhooks.lane import Offer
from services.webhooks.queue import Claimed, Queue
from services.webhooks.subscription import State
from tests.integration.webhooks.endpoints import Endpoint, serving
from tests.integration.webhooks.house import House, alerts, person
from tests.parts.waiting import until

Dispatching = Callable[..., AbstractContextManager[Dispatcher]]


class Counting(Queue):
    """A queue that counts what was claimed."""

    claimed = 0

    def claim(self, room: object) -> list[Claimed]:
        found = super().claim(room)  # type: ignore[arg-type]
        self.claimed += len(found)
        return found


@dataclass
class Between:
    """Passes offers and rows on to a dispatcher, with something done in between."""

    dispatcher: Dispatcher
    meanwhile: Callable[[], object]
    taken: list[str] = field(default_factory=list)

    def offer(self, subscription_id: str) -> Offer | None:
        return self.dispatcher.offer(subscription_id)

    def take(self, leased: Sequence[tuple[Claimed, Offer]]) -> None:
        self.meanwhile()
        self.taken += [claimed.delivery_id for claimed, _ in leased]
        self.dispatcher.take(leased)


def known(house: House, endpoint: Endpoint, dispatcher: Dispatcher) -> str:
    """A subscription whose endpoint has answered once, with nothing left to do."""
    which = house.subscribe(endpoint.url).subscription_id
    dispatcher.wake(house.intake.take(alerts(1)))
    until(lambda: house.statuses() == ["delivered"] and which not in dispatcher.hinted, "the first one is recorded")
    return which


def test_what_is_new_is_sent_without_being_claimed(house: House, dispatching: Dispatching) -> None:
    queue = Counting(house.store, "w1")
    with serving(Endpoint()) as endpoint, dispatching(queue=queue) as dispatcher:
        known(house, endpoint, dispatcher)
        assert house.intake.take(alerts(20, start=2), dispatcher) == set()
        until(lambda: house.statuses() == ["delivered"] * 21, "all delivered")
    assert queue.claimed == 1
    assert len(set(endpoint.ids)) == len(endpoint.posts) == 21


def test_more_than_the_lane_holds_is_claimed_as_ever(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint()) as endpoint, dispatching() as dispatcher:
        which = known(house, endpoint, dispatcher)
        assert house.intake.take(alerts(100, start=2), dispatcher) == {which}
        dispatcher.wake({which})
        until(lambda: house.statuses() == ["delivered"] * 101, "all delivered")
    assert len(set(endpoint.ids)) == len(endpoint.posts) == 101


def test_nothing_is_offered_where_older_rows_wait_or_the_endpoint_fails(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint()) as endpoint, dispatching() as dispatcher:
        assert dispatcher.offer("unknown") is None
        which = known(house, endpoint, dispatcher)
        assert dispatcher.offer(which) is not None
        endpoint.status = 503
        dispatcher.wake(house.intake.take(alerts(1, start=2)))
        until(lambda: dispatcher.lanes[which].breaker.failures > 0, "it fails")
        assert dispatcher.offer(which) is None
        assert house.intake.take(alerts(1, start=3), dispatcher) == {which}


@pytest.mark.parametrize("change", ["pause", "move"])
def test_what_changes_between_writing_and_handing_over_is_obeyed(house: House, dispatching: Dispatching, change: str) -> None:
    with serving(Endpoint()) as endpoint, serving(Endpoint()) as elsewhere, dispatching() as dispatcher:
        which = known(house, endpoint, dispatcher)

        def meanwhile() -> None:
            house.subscribers.change(person(), which, {"url": elsewhere.url} if change == "move" else {}, {}, State.PAUSED if change == "pause" else None)
            dispatcher.forget(which)
            until(lambda: which not in dispatcher.lanes, "the lane is dropped")

        between = Between(dispatcher, meanwhile)
        house.intake.take(alerts(1, start=2), between)
        assert len(between.taken) == 1
        until(lambda: house.statuses()[1] == ("held" if change == "pause" else "delivered"), "obeyed")
    assert len(endpoint.posts) == 1, "nothing more to the old address"
    assert len(elsewhere.posts) == (change == "move")


def test_a_row_known_already_is_not_handed_over_again(house: House, dispatching: Dispatching) -> None:
    with serving(Endpoint()) as endpoint, dispatching() as dispatcher:
        known(house, endpoint, dispatcher)
        batch = alerts(3, start=2)
        house.intake.take(batch, dispatcher)
        between = Between(dispatcher, lambda: None)
        assert house.intake.take(batch, between) == set()
        assert between.taken == []
        until(lambda: house.statuses() == ["delivered"] * 4, "all delivered")


def test_what_was_written_as_leased_and_never_handed_over_goes_when_its_lease_ends(house: House, dispatching: Dispatching) -> None:
    class Lost(Between):
        def take(self, leased: Sequence[tuple[Claimed, Offer]]) -> None:
            self.taken += [claimed.delivery_id for claimed, _ in leased]

    with serving(Endpoint()) as endpoint, dispatching(queue=house.queue(lease_seconds=0.5)) as dispatcher:
        known(house, endpoint, dispatcher)
        lost = Lost(dispatcher, lambda: None)
        house.intake.take(alerts(1, start=2), lost)
        assert len(lost.taken) == 1
        until(lambda: house.statuses() == ["delivered"] * 2, "delivered after all")
    assert endpoint.ids[1:] == lost.taken
