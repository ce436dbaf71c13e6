"""The smallest service that keeps the correctness rule: stores each move once and says so on a topic, by the one consumer loop.

As a process of its own (`python -m tests.parts.keeper BUS HOME IN OUT STEP`) it ends without a word the first time it reaches STEP.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from shared.bus import open_bus
from shared.bus.contract import Bus, Record
from shared.consumer import Loop
from shared.database import Database
from shared.events import MoveObserved
from tests.parts.breaking_bus import Break, BreakingBus

SERVICE = "keeper"
GROUP = f"veedor.{SERVICE}"
STEPS = ("polled", "writing", "written", "publishing", "published", "after", "done after", "committing", "committed")
"""Every place between two steps of the loop."""


@dataclass
class Keeper:
    """Reads MoveObserved from `source`, keeps each in a table, publishes its event id on `sink`. With `once` it stops when nothing waits any more."""

    bus: Bus
    database: Database
    source: str
    sink: str
    at: Break = lambda step: None
    once: bool = False
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        with self.database.transaction() as session:
            session.connection().execute(text("CREATE TABLE IF NOT EXISTS kept (id TEXT PRIMARY KEY, move_id TEXT, handled INTEGER)"))

    def handle(self, events: Sequence[MoveObserved]) -> list[Record]:
        self.at("writing")
        with self.database.transaction() as session:
            for event in events:
                statement = "INSERT INTO kept VALUES (:id, :move_id, 1) ON CONFLICT (id) DO UPDATE SET handled = kept.handled + 1"
                session.connection().execute(text(statement), {"id": event.event_id, "move_id": event.key})
        self.at("written")
        return [Record(self.sink, event.key, event.event_id.encode()) for event in events]

    def after(self) -> None:
        self.at("after")
        self.at("done after")

    def kept(self) -> dict[str, int]:
        """Event id -> times handled."""
        with self.database.reading() as session:
            return {row[0]: row[1] for row in session.connection().execute(text("SELECT id, handled FROM kept"))}

    def loop(self, *, batch: int = 5) -> Loop[MoveObserved]:
        def at(step: str) -> None:
            self.at(step)
            if self.once and step == "committed" and self.bus.lag(GROUP, self.source) == 0:
                self.stop.set()

        return Loop(SERVICE, BreakingBus(self.bus, at), self.source, MoveObserved, self.handle, self.stop, after=self.after, batch=batch)


def end_at(wanted: str) -> Callable[[str], None]:
    """No finally, no close, no goodbye: what kill -9 does."""

    def at(step: str) -> None:
        if step == wanted:
            os._exit(9)

    return at


def main(url: str, home: str, source: str, sink: str, step: str) -> None:
    folder = Path(home)
    bus = open_bus(url, home=folder, max_bytes=1 << 30)
    Keeper(bus, Database(f"sqlite:///{folder / 'keeper.db'}", "keeper"), source, sink, at=end_at(step)).loop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
