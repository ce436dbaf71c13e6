"""What only the embedded log promises: it refuses when full and keeps what it took, survives kill -9, and hands a dead process's partitions on at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from shared.bus import open_bus
from shared.bus.contract import Record
from shared.bus.local import LocalBus
from shared.errors import Full, Refused
from tests.integration.shared.conftest import House, positions, take, values
from tests.parts.waiting import until

KIBIBYTE = b"x" * 1024


def fill(bus: LocalBus, topic: str) -> int:
    """Publishes until the log refuses; how many were taken."""
    with closing(bus.producer()) as producer:
        for number in range(100_000):
            try:
                producer.publish([Record(topic, str(number), KIBIBYTE)])
            except Full:
                return number
    raise AssertionError("never full")


@pytest.fixture
def small(tmp_path: Path) -> LocalBus:
    bus = LocalBus(tmp_path / "bus.db", max_bytes=2 << 20)
    bus.ensure_topics(["in", "out"])
    return bus


def test_a_full_topic_refuses_and_what_it_took_arrives(small: LocalBus) -> None:
    taken = fill(small, "in")
    assert 500 < taken < 1024
    with closing(small.consumer("g", ["in"])) as consumer:
        assert len(take(consumer, taken)) == taken


def test_a_full_topic_takes_again_once_its_consumers_have_caught_up(small: LocalBus) -> None:
    taken = fill(small, "in")
    with closing(small.consumer("g", ["in"])) as consumer, closing(small.producer()) as producer:
        consumer.commit(positions(take(consumer, taken)))
        producer.publish([Record("in", "later", KIBIBYTE)])
        assert [delivery.key for delivery in take(consumer, 1)] == ["later"]


def test_a_full_topic_lets_its_consumer_publish_what_follows(small: LocalBus) -> None:
    taken = fill(small, "in")
    with closing(small.consumer("g", ["in"])) as consumer, closing(small.producer()) as producer:
        producer.publish([Record("out", delivery.key, delivery.value) for delivery in take(consumer, taken)[:500]])


def test_nothing_is_trimmed_before_every_group_has_consumed_it(small: LocalBus) -> None:
    with closing(small.consumer("slow", ["in"])) as slow, closing(small.consumer("fast", ["in"])) as fast:
        slow.poll(0, 1)
        taken = fill(small, "in")
        fast.commit(positions(take(fast, taken)))
        with closing(small.producer()) as producer, pytest.raises(Full, match="VEEDOR_LOCAL_LOG_MAX_BYTES"):
            producer.publish([Record("in", "more", KIBIBYTE)])
        slow.rewind()
        assert len(take(slow, taken)) == taken


def test_the_file_stays_near_its_limit(tmp_path: Path) -> None:
    bus = LocalBus(tmp_path / "bus.db", max_bytes=2 << 20)
    bus.ensure_topics(["in"])
    with closing(bus.consumer("g", ["in"])) as consumer, closing(bus.producer()) as producer:
        for _ in range(40):
            producer.publish([Record("in", str(number), b"x" * 3000) for number in range(100)])
            consumer.commit(positions(take(consumer, 100)))
    assert (tmp_path / "bus.db").stat().st_size < 4 << 20


def test_a_batch_larger_than_the_share_passes_when_nothing_waits(small: LocalBus) -> None:
    with closing(small.producer()) as producer:
        producer.publish([Record("in", str(number), KIBIBYTE) for number in range(3000)])


def test_kill_9_of_a_publisher_loses_nothing_acknowledged(open_house: Callable[[str], House]) -> None:
    house = open_house("local")
    command = [sys.executable, "-m", "tests.parts.bus_publisher", "local", str(house.home), house.topic]
    acknowledged = -1
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as publisher:
            assert publisher.stdout is not None
            for _ in range(120):
                acknowledged = int(publisher.stdout.readline())
            publisher.kill()
            acknowledged = max([acknowledged, *(int(line) for line in publisher.stdout if line.strip())])
        with closing(house.bus.consumer(f"after {publisher.pid}", [house.topic])) as consumer:
            found = take(consumer, acknowledged + 1)
            assert {int(value) for value in values(found)} >= set(range(acknowledged + 1))


def test_the_partitions_of_a_killed_process_move_at_once(open_house: Callable[[str], House]) -> None:
    house = open_house("local")
    house.publish("1")
    command = [sys.executable, "-m", "tests.parts.bus_member", "local", str(house.home), house.group, house.topic]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as member:
        assert member.stdout is not None
        assert member.stdout.readline()
        member.send_signal(signal.SIGKILL)
        member.wait(10)
    started = time.monotonic()
    assert values(take(house.join(), 1)) == ["1"]
    assert time.monotonic() - started < 2


def test_a_living_member_keeps_its_partitions_while_another_waits(open_house: Callable[[str], House]) -> None:
    house = open_house("local")
    first = house.join()
    first.poll(0, 1)
    second = house.join()
    assert second.poll(1.2, 10) == []
    assert not second.assigned()
    until(lambda: first.poll(0.1, 1) == [] and second.poll(0.1, 1) == [] and second.assigned(), "a share for the second")


def test_six_processes_may_open_a_new_log_at_once(tmp_path: Path) -> None:
    code = "import sys, pathlib; from shared.bus import open_bus; open_bus('local', home=pathlib.Path(sys.argv[1]), max_bytes=1 << 30).ensure_topics(['a', 'b'])"
    for number in range(3):
        openers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / str(number))], stderr=subprocess.PIPE, text=True) for _ in range(6)]
        assert [(opener.communicate(timeout=30)[1], opener.returncode) for opener in openers] == [("", 0)] * 6


def test_a_reopened_log_goes_on_where_it_was(tmp_path: Path) -> None:
    first = LocalBus(tmp_path / "bus.db")
    first.ensure_topics(["in"])
    with closing(first.producer()) as producer, closing(first.consumer("g", ["in"])) as consumer:
        producer.publish([Record("in", "a", b"1"), Record("in", "a", b"2")])
        consumer.commit(positions(take(consumer, 2)[:1]))
    with closing(LocalBus(tmp_path / "bus.db").consumer("g", ["in"])) as consumer:
        assert values(take(consumer, 1)) == ["2"]


@pytest.mark.parametrize(
    "url",
    ["amqp://localhost", "kafka://", "kafka://user:password@", "kafka://user:password@host:port", "kafka://host:9092,host:x", "kafka://[::1", "kafka://host?partitions=some", ""],
)
def test_only_two_kinds_of_address_are_known(tmp_path: Path, url: str) -> None:
    with pytest.raises(Refused, match="VEEDOR_BUS") as refused:
        open_bus(url, home=tmp_path, max_bytes=1 << 30)
    assert "password" not in str(refused.value)
