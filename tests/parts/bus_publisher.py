"""A publisher as a process of its own: prints each number once the bus has acknowledged it, until it is killed. `python -m tests.parts.bus_publisher BUS HOME TOPIC`."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from shared.bus import open_bus
from shared.bus.contract import Record


def main(url: str, home: str, topic: str) -> None:
    producer = open_bus(url, home=Path(home), max_bytes=1 << 30).producer()
    for number in itertools.count():
        producer.publish([Record(topic, f"key-{number % 7}", str(number).encode())])
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
