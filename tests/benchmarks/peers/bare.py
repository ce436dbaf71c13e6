"""One hop of a bare consume-and-produce loop on kafka-python, tuned: the physical limit of the pipeline. In: a topic; out: for each record the prepared answer to the next topic.

It decodes nothing and decides nothing; with --postgres it inserts each batch's answers into one table before it commits. Run by topology.py as a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from typing import Any

import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from tests.benchmarks.peers.answers import Answers


def join(options: argparse.Namespace) -> Any:
    """A member that holds all partitions of its topic, waiting at their beginning."""
    consumer = KafkaConsumer(
        bootstrap_servers=options.broker,
        group_id=options.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 << 20,
        fetch_max_bytes=32 << 20,
    )
    expected = len(consumer.partitions_for_topic(options.source) or ())
    consumer.subscribe([options.source])
    while len(consumer.assignment()) < expected:
        consumer.poll(timeout_ms=100, max_records=1)
    consumer.seek_to_beginning()
    return consumer


def produce(producer: Any, topic: str, batch: list[Any], answers: Answers) -> None:
    """Sends the batch's answers and waits until the broker has them all."""
    sent = [producer.send(topic, key=key, value=value) for record in batch for key, value in answers.of(record.key)]
    producer.flush(timeout=30)
    for future in sent:
        if future.exception is not None:
            raise future.exception


def insert(connection: psycopg.Connection[Any] | None, batch: list[Any]) -> None:
    if connection is not None:
        with connection.transaction(), connection.cursor() as cursor:
            rows = [(record.partition, record.offset, record.key.decode(), record.value) for record in batch]
            cursor.executemany("INSERT INTO bare (partition, position, key, value) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", rows)


def run(options: argparse.Namespace) -> None:
    answers = Answers.load(options.answers)
    consumer = join(options)
    producer = KafkaProducer(bootstrap_servers=options.broker, acks="all", enable_idempotence=True, linger_ms=20, batch_size=1_000_000, max_in_flight_requests_per_connection=5)
    producer.partitions_for(options.target)
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(options.postgres)) if options.postgres else None
        print("ready", flush=True)
        done, first, started = 0, 0.0, 0.0
        while done < options.count:
            found = consumer.poll(timeout_ms=200, max_records=options.batch)
            batch = [record for records in found.values() for record in records]
            if not batch:
                continue
            first, started = (first, started) if first else (time.time(), time.process_time())
            insert(connection, batch)
            produce(producer, options.target, batch, answers)
            consumer.commit({TopicPartition(place.topic, place.partition): OffsetAndMetadata(records[-1].offset + 1, "", -1) for place, records in found.items()})
            done += len(batch)
        print(f"{first} {time.time()} {time.process_time() - started}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("broker", "group", "source", "target", "answers", "postgres"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1000)
    run(parser.parse_args())
