"""Records of one publish as whole batches. In: an open kafka-python producer and records; out: a future a batch, done when the broker has confirmed it.

`KafkaProducer.send` takes 15 us of bookkeeping a record (a future, two locks, a hash in Python); we ask only whether all of a publish stands.
It reaches into the accumulator, so the version is pinned and tests/integration/shared/test_kafka_traps.py holds it to what it must keep.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from zlib import crc32

from kafka import KafkaProducer, TopicPartition
from kafka.errors import RecordListTooLargeError
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder

from shared.bus.contract import Record


def partition_of(key: bytes, partitions: int) -> int:
    """Of equal keys always the same: CRC-32, as librdkafka chooses too."""
    return crc32(key) % partitions


def enqueue(client: KafkaProducer, records: Sequence[Record], *, alone: bool = False) -> list[Any]:
    """Hands the records to the producer, in order a partition; `flush` sends them. `alone`: each a batch of its own. Raises KafkaError when a topic is not known in time."""
    accumulator = client._accumulator
    batches = _batches(client, records, alone=alone)
    for batch in batches:
        with accumulator._tp_lock(batch.topic_partition):
            accumulator._batches[batch.topic_partition].append(batch)
            accumulator._incomplete.add(batch)
    return [batch.produce_future for batch in batches]


def failure(future: Any) -> BaseException | None:
    """Why a batch does not stand; None when it does."""
    _offset, _time, error_of = future.value
    return error_of(0) if error_of is not None else None


def _batches(client: KafkaProducer, records: Sequence[Record], *, alone: bool) -> list[ProducerBatch]:
    counts = {topic: len(client.partitions_for(topic)) for topic in {record.topic for record in records}}
    moment = int(time.time() * 1000)
    filling: dict[tuple[str, int], MemoryRecordsBuilder] = {}
    made = []
    for record in records:
        key = record.key.encode()
        place = (record.topic, partition_of(key, counts[record.topic]))
        builder = None if alone else filling.get(place)
        # A batch takes its first record whatever its size, and says None when it is full.
        if builder is None or builder.append(moment, key, record.value, record.headers) is None:
            builder = filling[place] = _builder(client)
            builder.append(moment, key, record.value, record.headers)
            made.append(_batch(place, builder))
    return made


def _builder(client: KafkaProducer) -> MemoryRecordsBuilder:
    settings = client._accumulator.config
    return MemoryRecordsBuilder(settings["message_version"], settings["compression_attrs"], settings["batch_size"])


def _batch(place: tuple[str, int], builder: MemoryRecordsBuilder) -> ProducerBatch:
    batch = ProducerBatch(TopicPartition(*place), builder)
    batch._record_futures.append(_Whole(batch.produce_future))
    return batch


class _Whole:
    """Stands where a record's future would: told when kafka-python splits a batch that a topic finds too large, whose own future it would leave open for ever."""

    def __init__(self, future: Any) -> None:
        self.future = future

    def rebind(self, _future: Any, _index: int) -> None:
        if not self.future.is_done:
            self.future.success((-1, -1, lambda _: RecordListTooLargeError("the records are more than the topic takes at once")))
