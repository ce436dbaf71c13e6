"""Alerts become rows once, numbered without gaps."""

from __future__ import annotations

import threading

import orjson
import pytest

from services.webhooks.intake import Intake
from services.webhooks.message import message_id
from services.webhooks.subscription import State
from shared.errors import Refused
from shared.events import Direction, Level, Lifecycle, Tlp
from tests.integration.webhooks.house import House, alerts, person
from tests.unit.webhooks.alerts import alert


def test_each_subscription_counts_for_itself(house: House) -> None:
    all_of_it, high = house.subscribe(min_level=Level.WATCH), house.subscribe(min_level=Level.HIGH)
    mixed = [*alerts(3, level=Level.WATCH), *alerts(2, start=4, level=Level.CRITICAL)]
    assert house.intake.take(mixed) == {all_of_it.subscription_id, high.subscription_id}
    assert house.numbers(all_of_it.subscription_id) == [1, 2, 3, 4, 5]
    assert house.numbers(high.subscription_id) == [1, 2]
    bodies = [orjson.loads(row.body) for row in house.rows(high.subscription_id)]
    assert [(body["sequence"], body["data"]["alert_id"]) for body in bodies] == [(1, "alert.4"), (2, "alert.5")]


def test_what_comes_again_is_stored_once_and_moves_no_number(house: House) -> None:
    which = house.subscribe().subscription_id
    batch = alerts(5)
    house.intake.take(batch)
    before = house.rows()
    assert house.intake.take(batch) == set()
    house.intake.take([*batch[2:], *alerts(1, start=6), batch[0]])
    assert house.rows()[:5] == before
    assert house.numbers(which) == [1, 2, 3, 4, 5, 6]
    assert house.rows()[0].delivery_id == message_id(batch[0].event_id, which)


def test_the_same_event_twice_in_a_batch_is_one_row(house: House) -> None:
    which = house.subscribe().subscription_id
    house.intake.take([*alerts(2), *alerts(2)])
    assert house.numbers(which) == [1, 2]


def test_a_crash_in_the_transaction_leaves_nothing_and_the_next_try_all(house: House) -> None:
    """Broken between the last row and the commit: the numbers are given again."""
    which = house.subscribe().subscription_id

    class Broken(Intake):
        def _row(self, *arguments: object) -> dict[str, object] | None:  # type: ignore[override]
            row = super()._row(*arguments)  # type: ignore[arg-type]
            if row and row["sequence"] == 3:
                raise MemoryError("killed")
            return row

    with pytest.raises(MemoryError):
        Broken(house.store).take(alerts(4))
    assert house.rows() == []
    house.intake.take(alerts(4))
    assert house.numbers(which) == [1, 2, 3, 4]


def test_two_replicas_leave_no_gap_and_no_double(house: House) -> None:
    which = [house.subscribe().subscription_id for _ in range(3)]
    batches = [alerts(20, start=start) for start in range(1, 100, 10)]
    errors: list[BaseException] = []

    def work(mine: list[int]) -> None:
        try:
            for index in mine:
                Intake(house.store).take(batches[index])
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in ([0, 2, 4, 6, 8], [9, 7, 5, 3, 1, 0])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for subscription_id in which:
        assert house.numbers(subscription_id) == list(range(1, 111))
        assert len({row.event_id for row in house.rows(subscription_id)}) == 110


def test_paused_keeps_and_a_pull_feed_waits_to_be_fetched(house: House) -> None:
    paused, pull = house.subscribe(), house.subscribe(url=None)
    house.subscribers.change(person(), paused.subscription_id, {}, {}, State.PAUSED)
    assert house.intake.take(alerts(2)) == set()
    assert house.statuses(paused.subscription_id) == ["held", "held"]
    assert house.statuses(pull.subscription_id) == ["pull", "pull"]


def test_deleted_gets_nothing(house: House) -> None:
    which = house.subscribe().subscription_id
    house.subscribers.delete(person(), which)
    house.intake.take(alerts(1))
    assert house.rows() == []


def test_clearance_comes_from_the_token_and_red_never_leaves(house: House) -> None:
    green = house.subscribe(who=person("a", clearance=Tlp.GREEN)).subscription_id
    red = house.subscribe(who=person("b", clearance=Tlp.RED)).subscription_id
    house.intake.take([*alerts(1, tlp=Tlp.GREEN), *alerts(1, start=2, tlp=Tlp.AMBER_STRICT), *alerts(1, start=3, tlp=Tlp.RED)])
    assert (len(house.rows(green)), len(house.rows(red))) == (1, 2)


def test_backfill_is_never_delivered(house: House) -> None:
    house.subscribe(min_level=Level.NONE)
    house.intake.take(alerts(3, backfill=True))
    assert house.rows() == []


def test_the_end_of_what_was_told_is_told_even_when_it_turned(house: House) -> None:
    which = house.subscribe(directions=(Direction.WEAKENS,)).subscription_id
    house.intake.take([alert(direction=Direction.WEAKENS)])
    end = alert(revision=2, lifecycle=Lifecycle.CANCEL, level=Level.NONE, previous_level=Level.HIGH, direction=Direction.STRENGTHENS)
    never_told = alert(alert_id="alert.other", revision=2, lifecycle=Lifecycle.CANCEL, level=Level.NONE, previous_level=Level.HIGH, direction=Direction.STRENGTHENS)
    house.intake.take([end, never_told])
    assert [orjson.loads(row.body)["data"]["lifecycle"] for row in house.rows(which)] == ["Alert", "Cancel"]


def test_a_test_event_takes_a_number_like_any_other(house: House) -> None:
    which = house.subscribe().subscription_id
    house.intake.take(alerts(1))
    house.intake.take_trial(which)
    house.intake.take(alerts(1, start=2))
    assert [(row.sequence, row.kind) for row in house.rows(which)] == [(1, "alert"), (2, "test"), (3, "alert")]


def test_a_test_event_needs_an_active_subscription(house: House) -> None:
    which = house.subscribe().subscription_id
    house.subscribers.change(person(), which, {}, {}, State.PAUSED)
    with pytest.raises(Refused, match="paused") as paused:
        house.intake.take_trial(which)
    with pytest.raises(Refused) as missing:
        house.intake.take_trial("sub_none")
    assert (paused.value.status, missing.value.status) == (409, 404)


@pytest.mark.parametrize("together", [True, False])
def test_a_members_step_goes_only_to_whoever_was_not_told_of_the_cluster(house: House, together: bool) -> None:
    """A subscriber of moves alone never hears of the cluster, so nothing is kept from it."""
    everything, moves = house.subscribe().subscription_id, house.subscribe(kinds=("move",)).subscription_id
    opened = [alert(), alert(alert_id="cluster.pe.JNJ.20230901", kind="cluster")]
    step = [alert(revision=2, lifecycle=Lifecycle.UPDATE, inhibited_by="cluster.pe.JNJ.20230901")]
    rise = [alert(revision=3, lifecycle=Lifecycle.UPDATE, level=Level.CRITICAL)]
    for batch in [[*opened, *step, *rise]] if together else [opened, step, rise]:
        house.intake.take(batch)
    told = [[(data["kind"], data["revision"]) for row in house.rows(which) for data in [orjson.loads(row.body)["data"]]] for which in (everything, moves)]
    assert told == [[("move", 1), ("cluster", 1), ("move", 3)], [("move", 1), ("move", 2), ("move", 3)]]
