"""The bus: records go in by topic and key, come out by consumer group, in order per key. Two implementations, one contract."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from shared.bus.contract import Bus
from shared.errors import Refused


def open_bus(url: str, *, home: Path, max_bytes: int) -> Bus:
    """`local` (a log under `home`) or `kafka://...`. Raises Refused for any other address."""
    if url == "local":
        from shared.bus.local import LocalBus

        return LocalBus(home / "bus.db", max_bytes=max_bytes)
    try:
        if url.startswith("kafka://") and urlsplit(url).netloc.rpartition("@")[2]:
            from shared.bus.kafka import KafkaBus

            return KafkaBus(url)
    except ValueError:
        # Its words may quote a part of the password.
        raise Refused("must be `kafka://host:port`, with numbers for the port and for the options that count", field="VEEDOR_BUS") from None
    raise Refused("must be `local` or `kafka://host:port`", field="VEEDOR_BUS")
