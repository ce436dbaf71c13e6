"""The traps of kafka-python, each on a real broker: the first join that hangs, the producer that dies of one refused record, waiting without end on a frozen broker."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.coordinator.assignors.range import RangePartitionAssignor

from shared.bus.contract import Record
from shared.bus.kafka import KafkaMember
from shared.bus.kafka_batch import enqueue
from shared.errors import InvalidMessage, Retryable
from tests.integration.shared.conftest import House, take, values
from tests.parts.kafka import Kafka
from tests.parts.waiting import until


@pytest.fixture
def house(kafka_url: str, open_house: Callable[[str], House]) -> House:
    return open_house(kafka_url)


@pytest.fixture
def narrow(kafka: Kafka) -> str:
    """A topic whose broker takes no record over 1,000 bytes, whatever a producer believes."""
    topic = f"narrow.{uuid.uuid4().hex}"
    with closing(KafkaAdminClient(bootstrap_servers=kafka.address)) as admin:
        admin.create_topics([NewTopic(name=topic, num_partitions=1, replication_factor=1, topic_configs={"max.message.bytes": "1000"})])
    return topic


@pytest.fixture
def frozen(kafka: Kafka) -> Iterator[Callable[[], None]]:
    """Freezes the broker when called; it goes on when the test ends."""
    yield kafka.freeze
    kafka.thaw()


@pytest.mark.timeout(120)
def test_members_that_poll_in_a_hurry_join_all_the_same(house: House) -> None:
    for number in range(5):
        house.publish(str(number))
        member = house.join(f"hurried.{uuid.uuid4().hex}")
        found = until(lambda member=member: member.poll(0.001, 10), "a record for a hurried member", seconds=20, every=0)  # type: ignore[misc]
        assert values(found)[0] == "0"
        member.close()


@pytest.mark.timeout(60)
def test_a_record_the_broker_refuses_harms_no_later_one(house: House, narrow: str) -> None:
    producer = house.producer()
    producer.publish([Record(narrow, "a", b"small")])
    for _ in range(2):
        with pytest.raises(InvalidMessage, match="kafka refuses the record"):
            producer.publish([Record(house.topic, "a", b"beside it"), Record(narrow, "a", b"x" * 5000)])
    producer.publish([Record(narrow, "a", b"after"), Record(house.topic, "a", b"healthy")])
    assert "healthy" in values(take(house.join(), 1))
    assert [record.value for record in _all(house, narrow)] == [b"small", b"after"]


@pytest.mark.timeout(60)
def test_a_publish_larger_than_the_topic_takes_at_once_arrives_whole(house: House, narrow: str) -> None:
    house.producer().publish([Record(narrow, "a", f"{number:100}".encode()) for number in range(40)])
    with closing(house.bus.consumer(f"reader.{uuid.uuid4().hex}", [narrow])) as consumer:
        assert [int(number) for number in dict.fromkeys(values(take(consumer, 40)))] == list(range(40))


def test_equal_keys_share_a_partition_and_several_batches_keep_their_order(house: House) -> None:
    large = [Record(house.topic, f"key-{number % 3}", f"{number}".encode().ljust(200_000)) for number in range(24)]
    house.producer().publish(large)
    found = take(house.join(), 24)
    for key in {record.key for record in large}:
        mine = [delivery for delivery in found if delivery.key == key]
        assert [int(delivery.value) for delivery in mine] == sorted(int(delivery.value) for delivery in mine)
        assert len({delivery.partition for delivery in mine}) == 1


def _all(house: House, topic: str) -> list[Record]:
    consumer = house.bus.consumer(f"reader.{uuid.uuid4().hex}", [topic])
    with closing(consumer):
        return [Record(topic, delivery.key, delivery.value) for delivery in take(consumer, 2)]


@pytest.mark.timeout(120)
def test_nothing_waits_without_end_on_a_frozen_broker_not_even_goodbye(kafka: Kafka, open_house: Callable[[str], House], frozen: Callable[[], None]) -> None:
    house = open_house(f"{kafka.url}?partitions=4&timeout_ms=1500")
    producer, member = house.producer(), house.join()
    producer.publish([Record(house.topic, "a", b"1")])
    take(member, 1)
    sender = producer.client._sender  # type: ignore[attr-defined]
    frozen()
    started = time.monotonic()
    with pytest.raises(Retryable):
        producer.publish([Record(house.topic, key, b"2") for key in "abc"])
    until(lambda: not sender.is_alive(), "the end of the thread that failed: one was left behind by every such failure")
    producer.close()
    member.close()
    with pytest.raises(Retryable):
        house.bus.lag(house.group, house.topic)
    assert time.monotonic() - started < 30


@pytest.mark.timeout(60)
def test_a_bad_value_is_bytes_like_any_other(house: House) -> None:
    """A deserializer that raises would have `poll` spin for ever inside kafka-python; so there is none."""
    house.publish("good")
    house.producer().publish([Record(house.topic, "a", b"\xff\xfe\x00")])
    member = house.join()
    assert [delivery.value for delivery in take(member, 2)] == [b"good", b"\xff\xfe\x00"]
    assert isinstance(member.client, KafkaConsumer)  # type: ignore[attr-defined]
    assert member.client.config["value_deserializer"] is None  # type: ignore[attr-defined]


def test_a_header_without_a_value_is_an_empty_one(house: House, kafka: Kafka) -> None:
    """Kafka knows null there: its length was asked for when the message went to the dead letters, and the consumer died of it again and again."""
    foreign: Any = (("none", None), ("some", b"1"))
    with closing(KafkaProducer(bootstrap_servers=kafka.address)) as producer:
        enqueue(producer, [Record(house.topic, "a", b"x", foreign)])
        producer.flush(10)
    assert [delivery.headers for delivery in take(house.join(), 1)] == [(("none", b""), ("some", b"1"))]


class Unhurried(RangePartitionAssignor):  # type: ignore[misc]
    """Deals out more partitions than before for longer than a poll waits, once: the join is answered, the assignment not yet there when the poll gives up."""

    known = 4

    @classmethod
    def assign(cls, cluster: Any, members: Any) -> Any:
        found = max(len(cluster.partitions_for_topic(topic) or ()) for member in members for topic in member.metadata.topics)
        if found > cls.known:
            cls.known = found
            threading.Event().wait(1)
        return super().assign(cluster, members)


def test_a_member_whose_poll_gives_up_while_it_joins_again_ends_that_join(kafka: Kafka, house: House) -> None:
    options = {"bootstrap_servers": [kafka.address], "metadata_max_age_ms": 500, "session_timeout_ms": 6000, "heartbeat_interval_ms": 500}
    with closing(KafkaMember({**options, "partition_assignment_strategy": [Unhurried]}, 4000, house.group, [house.topic])) as member:
        until(lambda: member.poll(0.1, 10) == [] and len(member.client.assignment()) == 4, "all partitions")
        with closing(KafkaAdminClient(bootstrap_servers=kafka.address)) as admin:
            admin.create_partitions({house.topic: 6})
        until(lambda: member.poll(0.1, 10) == [] and len(member.client.assignment()) == 6, "the new partitions")
        house.publish("1")
        assert values(take(member, 1)) == ["1"]
