"""What became of every move, counted from the stores and the topics themselves, not from what the services say of themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from kafka import KafkaConsumer, TopicPartition

from shared.events import TOPICS, dead_letters

Rows = list[tuple[Any, ...]]


@dataclass
class Wire:
    """One topic: records, distinct event ids, and what stands there twice under different ids or with different bytes."""

    records: int = 0
    distinct: int = 0
    conflicting: list[str] = field(default_factory=list)


@dataclass
class Stores:
    """What alerting holds: rows of (move_id, revision), of (sequence, alert_id, revision), of (alert_id, move_id)."""

    assessments: Rows
    entries: Rows
    alerts: Rows


ASSESSMENTS = "SELECT move_id, revision FROM {0}assessments"
ENTRIES = "SELECT sequence, alert_id, event FROM {0}ledger ORDER BY sequence"
ALERTS = "SELECT alert_id, move_id FROM {0}alerts"


def revision_of(event: bytes) -> int:
    return int(orjson.loads(event)["data"]["revision"])


def duplicates(keys: Iterable[Any]) -> list[Any]:
    """What stands there more than once."""
    return sorted(key for key, count in Counter(keys).items() if count > 1)


def gaps(sequences: Iterable[int]) -> list[int]:
    """Numbers missing between 1 and the highest."""
    found = set(sequences)
    return [number for number in range(1, max(found, default=0) + 1) if number not in found]


def lost(accepted: Mapping[int, str], grave: Iterable[str], stores: Stores, delivered: set[str]) -> list[str]:
    """Each accepted move that did not come as far as it had to, and how far it came."""
    assessed, alerted = {row[0] for row in stores.assessments}, {row[1] for row in stores.alerts}
    missing = [f"{move}: accepted, not assessed" for move in accepted.values() if move not in assessed]
    must = set(grave)
    missing += [f"{move}: assessed, no alert" for move in sorted(must & assessed - alerted)]
    return missing + [f"{move}: alert, not delivered" for move in sorted(must & alerted - delivered)]


def wire(broker: str) -> dict[str, Wire]:
    """Every event topic read from its beginning."""
    found = {}
    for topic in TOPICS:
        seen: dict[str, set[tuple[str, bytes]]] = defaultdict(set)
        counted = Wire()
        for key, value in read(broker, topic):
            if key.startswith("poison-"):
                continue
            event = orjson.loads(value)
            data = event["data"]
            counted.records += 1
            seen[f"{event['subject']} revision {data['revision']} as of {data['as_of']}"].add((event["id"], value))
        counted.distinct = len({event_id for versions in seen.values() for event_id, _ in versions})
        counted.conflicting = sorted(name for name, versions in seen.items() if len(versions) > 1)
        found[topic] = counted
    return found


def dead(broker: str) -> set[str]:
    """Keys of the dead letters of all topics."""
    return {key for topic in TOPICS for key, _ in read(broker, dead_letters(topic))}


def read(broker: str, topic: str) -> Iterator[tuple[str, bytes]]:
    """Key and value of every record of a topic, by a reader that joins no group."""
    consumer = KafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False)
    places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(places)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(places)
    while any(consumer.position(place) < end for place, end in ends.items()):
        for records in consumer.poll(timeout_ms=500, max_records=5000).values():
            yield from ((record.key.decode(), record.value or b"") for record in records)
    consumer.close()
