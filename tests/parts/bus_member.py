"""A group member as a process of its own that commits nothing: prints each record it is handed, until it is killed. `python -m tests.parts.bus_member BUS HOME GROUP TOPIC`."""

from __future__ import annotations

import sys
from pathlib import Path

from shared.bus import open_bus


def main(url: str, home: str, group: str, topic: str) -> None:
    consumer = open_bus(url, home=Path(home), max_bytes=1 << 30).consumer(group, [topic])
    while True:
        for delivery in consumer.poll(0.2, 100):
            print(delivery.key, delivery.offset, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
