"""What stands on the broker's topics. In: its address; out: every record, read by a reader that joins no group and shares no code with the product's bus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import orjson
from kafka import KafkaConsumer, TopicPartition

from shared.events import TOPICS, dead_letters
from tests.chaos.evidence import Wire


def wires(broker: str) -> dict[str, Wire]:
    """Every event topic from its beginning, poison left out."""
    return {topic: wire((key, value) for key, value in read(broker, topic) if not key.startswith("poison-")) for topic in TOPICS}


def wire(records: Iterator[tuple[str, bytes]]) -> Wire:
    """What a topic's records come to."""
    seen: dict[str, set[tuple[str, bytes]]] = defaultdict(set)
    found = Wire()
    for _, value in records:
        event = orjson.loads(value)
        data = event["data"]
        found.records += 1
        found.versions.add((event["subject"], data["revision"]))
        seen[f"{event['subject']} revision {data['revision']} as of {data['as_of']}"].add((event["id"], value))
    found.distinct = len({event_id for versions in seen.values() for event_id, _ in versions})
    found.conflicting = sorted(name for name, versions in seen.items() if len(versions) > 1)
    return found


def dead(broker: str) -> list[str]:
    """Keys of the dead letters of all topics, each as often as it stands there."""
    return [key for topic in TOPICS for key, _ in read(broker, dead_letters(topic))]


def read(broker: str, topic: str) -> Iterator[tuple[str, bytes]]:
    """Key and value of every record of a topic."""
    consumer = KafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False)
    places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(places)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(places)
    while any(consumer.position(place) < end for place, end in ends.items()):
        for records in consumer.poll(timeout_ms=500, max_records=5000).values():
            yield from ((record.key.decode(), record.value or b"") for record in records)
    consumer.close()
