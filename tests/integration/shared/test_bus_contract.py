"""What a bus promises (shared/bus/contract.py), asked of both: the embedded log and a real Kafka broker."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from shared.bus.contract import MAX_RECORD_BYTES, Consumer, Delivery, Record
from shared.bus.kafka import KafkaBus
from shared.errors import InvalidMessage, Refused, Retryable
from tests.integration.shared.conftest import House, nothing_comes, positions, take, values
from tests.parts.kafka import PASSWORD, Kafka
from tests.parts.waiting import free_port, until


def test_order_is_kept_per_key(house: House) -> None:
    producer = house.producer()
    for number in range(20):
        producer.publish([Record(house.topic, f"key-{key}", f"{key} {number}".encode()) for key in range(5)])
    found = values(take(house.join(), 100))
    for key in range(5):
        assert [value for value in found if value.startswith(f"{key} ")] == [f"{key} {number}" for number in range(20)]


def test_a_key_stays_in_one_partition(house: House) -> None:
    house.publish("1", "2", key="one")
    house.publish("3", key="one")
    assert len({delivery.partition for delivery in take(house.join(), 3)}) == 1


def test_what_was_not_committed_comes_again(house: House) -> None:
    house.publish("1", "2", "3")
    first = house.join()
    assert values(take(first, 3)) == ["1", "2", "3"]
    first.close()
    assert values(take(house.join(), 3)) == ["1", "2", "3"]


def test_commit_is_by_name(house: House) -> None:
    house.publish("1", "2", "3")
    first = house.join()
    found = take(first, 3)
    first.commit(positions(found[:1]))
    first.close()
    assert values(take(house.join(), 2)) == ["2", "3"]


def test_groups_go_on_independently(house: House) -> None:
    house.publish("1", "2")
    first = house.join("first" + house.group)
    first.commit(positions(take(first, 2)))
    assert values(take(house.join("second" + house.group), 2)) == ["1", "2"]
    assert nothing_comes(first)


def test_rewind_brings_back_what_was_not_committed(house: House) -> None:
    house.publish("1", "2", "3")
    consumer = house.join()
    consumer.commit(positions(take(consumer, 3)[:1]))
    consumer.rewind()
    assert values(take(consumer, 2)) == ["2", "3"]


def test_rewind_after_several_polls_goes_back_to_the_last_commit(house: House) -> None:
    house.publish("1", "2", "3", "4")
    consumer = house.join()
    first = [delivery for _ in range(2) for delivery in _one(consumer)]
    consumer.commit(positions(first[:1]))
    _one(consumer)
    consumer.rewind()
    assert values(take(consumer, 3)) == ["2", "3", "4"]
    consumer.rewind()
    assert values(take(consumer, 3)) == ["2", "3", "4"]


def _one(consumer: Consumer) -> list[Delivery]:
    return until(lambda: consumer.poll(0.2, 1), "one record")


def test_a_paused_member_gets_nothing_and_stays_a_member(house: House) -> None:
    consumer = house.join()
    until(lambda: consumer.poll(0.2, 10) == [] and consumer.assigned(), "an assignment")
    consumer.pause()
    house.publish("1", "2")
    assert nothing_comes(consumer)
    assert consumer.assigned()
    consumer.resume()
    assert values(take(consumer, 2)) == ["1", "2"]


def test_a_member_paused_before_its_first_poll_gets_nothing(house: House) -> None:
    house.publish("1")
    consumer = house.join()
    consumer.pause()
    assert nothing_comes(consumer, seconds=2)
    consumer.resume()
    assert values(take(consumer, 1)) == ["1"]


def test_pausing_forgets_nothing_that_was_handed_out(house: House) -> None:
    house.publish("1", "2")
    consumer = house.join()
    take(consumer, 2)
    consumer.pause()
    nothing_comes(consumer)
    consumer.rewind()
    consumer.resume()
    assert values(take(consumer, 2)) == ["1", "2"]


def test_two_members_share_the_partitions(house: House) -> None:
    members = [house.join(), house.join()]
    until(lambda: [member.poll(0.2, 10) for member in members] and all(member.assigned() for member in members), "both assigned")
    house.producer().publish([Record(house.topic, f"key-{number}", str(number).encode()) for number in range(200)])
    got: list[set[int]] = [set(), set()]

    def all_came() -> bool:
        for mine, member in zip(got, members, strict=True):
            found = member.poll(0.2, 500)
            mine |= {int(value) for value in values(found)}
            if found:
                member.commit(positions(found))
        return got[0] | got[1] == set(range(200))

    until(all_came, "every record")
    assert got[0]
    assert got[1]
    assert not got[0] & got[1]


def test_a_member_that_leaves_is_replaced(house: House) -> None:
    first, second = house.join(), house.join()
    until(lambda: [first.poll(0.2, 10), second.poll(0.2, 10)] and first.assigned() and second.assigned(), "both assigned")
    first.close()
    house.producer().publish([Record(house.topic, f"key-{number}", str(number).encode()) for number in range(50)])
    assert {int(value) for value in values(take(second, 50))} >= set(range(50))


def test_a_killed_member_is_replaced_and_its_records_come_again(house: House) -> None:
    house.producer().publish([Record(house.topic, f"key-{number}", str(number).encode()) for number in range(50)])
    command = [sys.executable, "-m", "tests.parts.bus_member", house.url, str(house.home), house.group, house.topic]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as member:
        assert member.stdout is not None
        try:
            for _ in range(50):
                assert member.stdout.readline()
        finally:
            member.kill()
    assert {int(value) for value in values(take(house.join(), 50))} == set(range(50))


def test_a_member_cannot_commit_a_partition_that_moved_on(house: House) -> None:
    house.producer().publish([Record(house.topic, f"key-{number}", b"") for number in range(40)])
    first = house.join()
    found = take(first, 40)
    assert len(positions(found)) == 4
    others = [house.join() for _ in range(3)]
    until(lambda: [member.poll(0.15, 10) for member in (first, *others)] and all(len(member.lag()) == 1 for member in (first, *others)), "one partition each")
    kept = set(first.lag())
    with pytest.raises(Retryable, match="moved on"):
        first.commit({place: 1 for place in positions(found) if place not in kept})
    first.commit(dict.fromkeys(kept, 1))


def test_a_record_too_large_is_refused_and_later_ones_pass(house: House) -> None:
    producer = house.producer()
    with pytest.raises(InvalidMessage, match="over the limit"):
        producer.publish([Record(house.topic, "a", b"small"), Record(house.topic, "a", b"x" * (MAX_RECORD_BYTES + 1))])
    with pytest.raises(InvalidMessage, match="over the limit"):
        producer.publish([Record(house.topic, "a", b"", (("why", b"x" * MAX_RECORD_BYTES),))])
    producer.publish([Record(house.topic, "a", b"x" * (MAX_RECORD_BYTES - 1)), Record(house.topic, "a", b"after")])
    found = take(house.join(), 2)
    assert [len(delivery.value) for delivery in found] == [MAX_RECORD_BYTES - 1, 5]


def test_key_value_headers_and_time_come_back_as_they_went(house: House) -> None:
    record = Record(house.topic, "clave-ñ", b"\x00\xff", (("veedor-error", b"caf\xc3\xa9 \x00\xff"), ("veedor-error", b"twice"), ("empty", b"")))
    before = int(time.time() * 1000) - 2000
    house.producer().publish([record])
    (found,) = take(house.join(), 1)
    assert (found.key, found.value, found.headers, found.offset) == (record.key, record.value, record.headers, 0)
    assert before <= found.timestamp <= before + 60_000


def test_publishing_nothing_is_fine(house: House) -> None:
    house.producer().publish([])


def test_an_unknown_topic_is_retryable(house: House) -> None:
    with pytest.raises(Retryable):
        house.producer().publish([Record("no.such.topic", "a", b"")])
    with pytest.raises(Retryable, match=r"no\.such\.topic"):
        house.bus.consumer(house.group, ["no.such.topic"])
    house.publish("still works")


def test_topics_are_made_once_whoever_asks(house: House) -> None:
    house.publish("1")
    house.bus.ensure_topics([house.topic, house.topic])
    assert values(take(house.join(), 1)) == ["1"]


def test_lag_counts_what_is_not_committed(house: House) -> None:
    house.publish("1", "2", "3")
    consumer = house.join()
    found = take(consumer, 3)
    assert sum(consumer.lag().values()) == 3
    consumer.commit(positions(found[:2]))
    assert sum(consumer.lag().values()) == 1
    assert house.bus.lag(house.group, house.topic) == 1
    assert house.bus.count(house.topic) == 3


def test_lag_of_a_group_that_never_came_is_everything(house: House) -> None:
    house.publish("1", "2")
    assert house.bus.lag("nobody" + house.group, house.topic) == 2


def test_a_limit_is_kept(house: House) -> None:
    house.publish(*map(str, range(30)))
    consumer = house.join()
    first = until(lambda: consumer.poll(0.3, 7), "records")
    assert len(first) <= 7


def test_ten_members_in_a_row_join_in_time(house: House) -> None:
    for number in range(10):
        house.publish(str(number))
        consumer = house.join()
        found = take(consumer, 1, seconds=15)
        consumer.commit(positions(found))
        consumer.close()


def test_ready_says_yes(house: House) -> None:
    assert house.bus.ready()


def test_a_frozen_broker_is_retryable_in_time(kafka: Kafka, open_house: Callable[[str], House]) -> None:
    house = open_house(f"{kafka.url}?partitions=4&timeout_ms=1200")
    producer, consumer = house.producer(), house.join()
    producer.publish([Record(house.topic, "a", b"1")])
    found = take(consumer, 1)
    kafka.freeze()
    try:
        for call in (
            lambda: producer.publish([Record(house.topic, "a", b"2")]),
            lambda: consumer.commit(positions(found)),
            consumer.lag,
            house.join,
            lambda: house.bus.ensure_topics(["another"]),
            lambda: house.bus.count(house.topic),
        ):
            started = time.monotonic()
            with pytest.raises(Retryable):
                call()
            assert time.monotonic() - started < 10
        started = time.monotonic()
        assert not house.bus.ready()
        assert _polls_empty_or_retryable(consumer)
        assert time.monotonic() - started < 10
    finally:
        kafka.thaw()
    until(house.bus.ready, "the broker again", seconds=60)
    until(lambda: _published(house, b"3"), "publishing again", seconds=60)
    assert "3" in values(take(house.join("later" + house.group), 2))


def _polls_empty_or_retryable(consumer: Consumer) -> bool:
    try:
        return consumer.poll(0.5, 10) == []
    except Retryable:
        return True


def _published(house: House, value: bytes) -> bool:
    try:
        house.producer().publish([Record(house.topic, "a", value)])
    except Retryable:
        return False
    return True


def test_a_broker_that_is_not_there_is_retryable() -> None:
    bus = KafkaBus(f"kafka://127.0.0.1:{free_port()}?timeout_ms=800")
    assert not bus.ready()
    for call in (lambda: bus.consumer("anyone", ["any.topic"]), lambda: bus.ensure_topics(["any.topic"]), lambda: bus.producer().publish([Record("any.topic", "a", b"")])):
        with pytest.raises(Retryable):
            call()


def test_the_secure_listener_wants_the_password(kafka: Kafka, open_house: Callable[[str], House]) -> None:
    house = open_house(f"{kafka.secure_url}&timeout_ms=4000")
    house.publish("1")
    assert values(take(house.join(), 1)) == ["1"]
    wrong = KafkaBus(kafka.secure_url.replace(PASSWORD, "wrong") + "&timeout_ms=1500")
    assert not wrong.ready()


def test_an_option_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="retentoin_ms"):
        KafkaBus("kafka://127.0.0.1:9092?retentoin_ms=5")
