"""The correctness rule - write, publish, then commit - with the process broken between every two steps, on both buses: handled at least once, stored once, same ids."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Sequence

import pytest

from shared.bus.contract import MAX_RECORD_BYTES, Record
from shared.consumer import Loop, TooManyDeadLetters
from shared.database import Database
from shared.errors import InvalidMessage, Retryable
from shared.events import MoveObserved, dead_letters
from tests.integration.shared.conftest import House, take, values
from tests.parts.breaking_bus import BreakingBus
from tests.parts.keeper import GROUP, SERVICE, STEPS, Keeper
from tests.parts.samples import an_observation
from tests.parts.waiting import until

EVENTS = [an_observation(number) for number in range(1, 13)]
IDS = {event.event_id for event in EVENTS}


class PulledPlugError(Exception):
    """The process ends here."""


def plug(wanted: str) -> Callable[[str], None]:
    def at(step: str) -> None:
        if step == wanted:
            raise PulledPlugError(step)

    return at


@pytest.fixture
def sink(house: House) -> str:
    topic = f"sink.{uuid.uuid4().hex}"
    house.bus.ensure_topics([topic, dead_letters(house.topic)])
    house.producer().publish([Record(house.topic, event.key, event.encode()) for event in EVENTS])
    return topic


def keeper(house: House, sink: str, at: Callable[[str], None] = lambda step: None) -> Keeper:
    return Keeper(house.bus, Database(f"sqlite:///{house.home / 'keeper.db'}", SERVICE), house.topic, sink, at, once=True)


def read_all(house: House, topic: str, count: int) -> list[str]:
    consumer = house.bus.consumer(f"reader {uuid.uuid4().hex}", [topic])
    try:
        return values(take(consumer, count))
    finally:
        consumer.close()


def assert_whole(house: House, sink: str, made: Keeper) -> None:
    """Every event was handled, stands once in the store, was published, and nothing is left to do."""
    handled = made.kept()
    assert set(handled) == IDS
    assert min(handled.values()) >= 1
    assert set(read_all(house, sink, len(EVENTS))) == IDS
    assert house.bus.lag(GROUP, house.topic) == 0


@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_breaks_at_any_step_loses_and_doubles_nothing(house: House, sink: str, step: str) -> None:
    with pytest.raises(PulledPlugError, match=step):
        keeper(house, sink, plug(step)).loop().run()
    restarted = keeper(house, sink)
    restarted.loop().run()
    assert_whole(house, sink, restarted)


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_at_any_step_loses_and_doubles_nothing_on_the_local_log(open_house: Callable[[str], House], step: str) -> None:
    kill_and_restart(open_house("local"), step)


def test_a_process_killed_before_it_commits_loses_and_doubles_nothing_on_kafka(kafka_url: str, open_house: Callable[[str], House]) -> None:
    kill_and_restart(open_house(kafka_url), "published")


def kill_and_restart(house: House, step: str) -> None:
    sink = f"sink.{uuid.uuid4().hex}"
    house.bus.ensure_topics([sink])
    house.producer().publish([Record(house.topic, event.key, event.encode()) for event in EVENTS])
    command = [sys.executable, "-m", "tests.parts.keeper", house.url, str(house.home), house.topic, sink, step]
    assert subprocess.run(command, check=False, timeout=60).returncode == 9
    restarted = keeper(house, sink)
    restarted.loop().run()
    assert_whole(house, sink, restarted)


def test_an_event_published_twice_upstream_is_stored_once(house: House, sink: str) -> None:
    house.producer().publish([Record(house.topic, event.key, event.encode()) for event in EVENTS])
    made = keeper(house, sink)
    made.loop().run()
    assert set(made.kept()) == IDS
    assert sorted(read_all(house, sink, 2 * len(EVENTS))) == sorted([*IDS, *IDS])


def run_loop(house: House, handle: Callable[..., list[Record]], *, limit: int = 1000, batch: int = 500) -> None:
    """A loop over the house's topic that ends when nothing waits any more."""
    stop = threading.Event()

    def at(step: str) -> None:
        if step == "committed" and house.bus.lag(GROUP, house.topic) == 0:
            stop.set()

    Loop(SERVICE, BreakingBus(house.bus, at), house.topic, MoveObserved, handle, stop, dead_letter_limit=limit, batch=batch).run()


def test_poison_goes_to_the_dead_letters_with_its_origin(house: House, sink: str) -> None:
    house.producer().publish([Record(house.topic, "poison", b"\xffnot json", (("trace", b"abc"),))])
    seen: list[str] = []

    def handle(events: Sequence[MoveObserved]) -> list[Record]:
        seen.extend(event.event_id for event in events)
        return []

    run_loop(house, handle)
    assert set(seen) == IDS
    consumer = house.bus.consumer(house.group, [dead_letters(house.topic)])
    (dead,) = take(consumer, 1)
    consumer.close()
    headers = dict(dead.headers)
    assert (dead.key, dead.value) == ("poison", b"\xffnot json")
    assert headers["veedor-origin-topic"] == house.topic.encode()
    assert headers["veedor-origin-partition"].isdigit()
    assert headers["veedor-origin-offset"].isdigit()
    assert b"not JSON" in headers["veedor-error"]
    assert headers["veedor-time"].isdigit()
    assert headers["trace"] == b"abc"


def test_a_record_the_handler_refuses_goes_alone(house: House, sink: str) -> None:
    poison = EVENTS[3].event_id

    def handle(events: Sequence[MoveObserved]) -> list[Record]:
        if any(event.event_id == poison for event in events):
            raise InvalidMessage("no such country")
        return [Record(sink, event.key, event.event_id.encode()) for event in events]

    run_loop(house, handle)
    assert set(read_all(house, sink, len(EVENTS) - 1)) == IDS - {poison}
    assert read_all(house, dead_letters(house.topic), 1) == [EVENTS[3].encode().decode()]


def test_a_result_too_large_for_the_bus_makes_a_dead_letter_of_its_cause(house: House, sink: str) -> None:
    def handle(events: Sequence[MoveObserved]) -> list[Record]:
        return [Record(sink, event.key, b"x" * (MAX_RECORD_BYTES if event.event_id == EVENTS[0].event_id else 10)) for event in events]

    run_loop(house, handle)
    assert len(read_all(house, sink, len(EVENTS) - 1)) == len(EVENTS) - 1
    assert read_all(house, dead_letters(house.topic), 1) == [EVENTS[0].encode().decode()]


def test_poison_as_large_as_the_bus_takes_is_cut_and_points_home(house: House, sink: str) -> None:
    house.producer().publish([Record(house.topic, "p", b"x" * (MAX_RECORD_BYTES - 1))])
    run_loop(house, lambda events: [])
    consumer = house.bus.consumer(house.group, [dead_letters(house.topic)])
    (dead,) = take(consumer, 1)
    consumer.close()
    assert 0 < len(dead.value) < MAX_RECORD_BYTES
    assert dict(dead.headers)["veedor-cut-from-bytes"] == str(MAX_RECORD_BYTES - 1).encode()
    assert dict(dead.headers)["veedor-origin-offset"].isdigit()


def test_what_is_wrong_now_is_tried_again_in_order(house: House) -> None:
    revisions = [an_observation(1, revision=number) for number in range(1, 8)]
    house.producer().publish([Record(house.topic, event.key, event.encode()) for event in revisions])
    seen: list[int] = []
    failures = iter([True, False, True, True, False])

    def handle(events: Sequence[MoveObserved]) -> list[Record]:
        if next(failures, False):
            raise Retryable("the database is away")
        seen.extend(event.revision for event in events)
        return []

    run_loop(house, handle, batch=3)
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_too_many_dead_letters_stop_the_consumer_before_the_topic_is_emptied(house: House, sink: str) -> None:
    house.producer().publish([Record(house.topic, "poison", b"junk") for _ in range(20)])
    with pytest.raises(TooManyDeadLetters, match=r"look at .*\.dlq"):
        run_loop(house, lambda events: [], limit=7, batch=4)
    assert house.bus.count(dead_letters(house.topic)) <= 7
    assert house.bus.lag(GROUP, house.topic) >= 13


def test_a_bug_ends_the_process_and_commits_nothing(house: House, sink: str) -> None:
    def handle(events: Sequence[MoveObserved]) -> list[Record]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_loop(house, handle)
    assert house.bus.lag(GROUP, house.topic) == len(EVENTS)


def _stopping(stop: threading.Event) -> Callable[[Sequence[MoveObserved]], list[Record]]:
    """A handler that has the loop end with its first batch."""

    def handle(events: Sequence[MoveObserved]) -> list[Record]:
        stop.set()
        return []

    return handle


def test_a_stop_ends_the_loop_and_leaves_the_group(house: House, sink: str) -> None:
    stop = threading.Event()
    Loop(SERVICE, house.bus, house.topic, MoveObserved, _stopping(stop), stop).run()
    next_one = house.join(GROUP)
    until(lambda: next_one.poll(0.2, 1) is not None and next_one.assigned(), "the partitions", seconds=5)


def test_a_loop_turns_while_nothing_comes(house: House) -> None:
    stop, turns = threading.Event(), []

    def turned() -> None:
        turns.append(1)
        if len(turns) == 3:
            stop.set()

    Loop(SERVICE, house.bus, house.topic, MoveObserved, lambda events: [], stop, turned=turned).run()
    assert len(turns) == 3


def test_a_loop_waits_for_a_topic_that_is_not_there_yet(open_house: Callable[[str], House]) -> None:
    house = open_house("local")
    late = f"late.{uuid.uuid4().hex}"
    stop, turns = threading.Event(), []

    def turned() -> None:
        turns.append(1)
        if len(turns) == 2:
            house.bus.ensure_topics([late])
            house.producer().publish([Record(late, "a", an_observation().encode())])

    Loop(SERVICE, house.bus, late, MoveObserved, _stopping(stop), stop, turned=turned).run()
    assert house.bus.lag(GROUP, late) == 0
