"""What stands on the broker's topics. In: its address; out: what their records come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import orjson

from shared.events import TOPICS, dead_letters
from tests.chaos.evidence import Wire
from tests.parts.kafka import records


def wires(broker: str) -> dict[str, Wire]:
    """Every event topic from its beginning, poison left out."""
    return {topic: wire((key, value) for key, value in records(broker, topic) if not key.startswith("poison-")) for topic in TOPICS}


def wire(given: Iterator[tuple[str, bytes]]) -> Wire:
    """What a topic's records come to."""
    seen: dict[str, set[tuple[str, bytes]]] = defaultdict(set)
    found = Wire()
    for _, value in given:
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
    return [key for topic in TOPICS for key, _ in records(broker, dead_letters(topic))]
