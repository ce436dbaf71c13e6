"""One run of the product under load in its production shape. In: how many moves; out: moves a second, processor time a move of each process, and what stood on the topics."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from shared.events import ALERTS, ASSESSMENTS, MOVES
from tests.benchmarks.peers import answers
from tests.benchmarks.peers.topology import Capture
from tests.benchmarks.usage import Meter, machine_seconds
from tests.parts import moves
from tests.parts.kafka import records
from tests.parts.production import Production, production
from tests.parts.veedor import COMMAND
from tests.parts.waiting import until

WARM = 200
SERVICES = ("ingest", "scoring", "alerting")
LAST = "SELECT count(*) = cardinality(%s::text[]) FROM alerting.moves WHERE move_id = ANY(%s)"
"""Whether the last hundred moves are through, some of them of every partition: while they are not, to count all would take from what is measured."""
ARRIVED = """SELECT (SELECT count(*) FROM alerting.assessments), (SELECT sequence = published_through FROM alerting.head),
(SELECT position FROM ingest.outbox ORDER BY position LIMIT 1) IS NULL"""

ELSEWHERE = "cores_elsewhere: processors that anything but this measured product kept busy meanwhile; a run that shows more of them than its neighbours was disturbed."


@dataclass
class Run:
    """The services up and joined; `measure` may be called once."""

    made: Production
    replicas: int
    count: int = field(default=0, init=False)

    @classmethod
    @contextmanager
    def started(cls, *, partitions: int, replicas: int = 1) -> Iterator[Run]:
        with production(partitions=partitions) as made:
            made.cluster.start(*SERVICES)
            for service, replica in itertools.product(("scoring", "alerting"), range(1, replicas)):
                made.cluster.process(service, replica).start(lambda: True)
                made.cluster.wait_ready(f"{service}.{replica}")
            yield cls(made, replicas)

    def measure(self, count: int, day: dt.date) -> Mapping[str, float]:
        """Imports `count` new moves by the product's own command, services running, after some that warm them up."""
        folder = self.made.cluster.folder
        warm = moves.write(folder / "warm.jsonl", range(1, WARM + 1), day)
        load = moves.write(folder / "load.jsonl", range(WARM + 1, WARM + count + 1), day)
        self.count = count
        with psycopg.connect(self.made.dsn, autocommit=True, prepare_threshold=None) as look:  # a plan kept from when a table was empty reads all of it
            self._import(warm).wait()
            until(lambda: self._arrived(look, WARM), "the first moves through all services", seconds=120, every=0.2)
            meter, busy, started = Meter(self.made.pids()), machine_seconds() - time.process_time(), time.perf_counter()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            importing = self._import(load)
            until(lambda: look.execute("SELECT count(*) > %s FROM ingest.moves", [WARM]).fetchone() == (True,), "the first move in", seconds=60, every=0.01)
            first = time.perf_counter()
            until(lambda: self._arrived(look, WARM + count), "the last alert committed", seconds=600, every=0.1)
            seconds = time.perf_counter() - first
            spent = meter.spent()
            importing.wait()
            busy, whole = machine_seconds() - time.process_time() - busy, time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent["import"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        figures = {"moves_per_s": count / seconds, "cores_elsewhere": max(0.0, busy - sum(spent.values())) / whole}
        return figures | {f"cpu_{name}_us": value / count * 1e6 for name, value in spent.items()}

    def _import(self, file: Path) -> subprocess.Popen[bytes]:
        log = (self.made.cluster.folder / "import.log").open("ab")
        return subprocess.Popen([str(COMMAND), "import", str(file), "--live"], env={**os.environ, **self.made.cluster.settings}, stdout=log, stderr=log)

    def _arrived(self, look: psycopg.Connection[tuple[object, ...]], count: int) -> bool:
        last = [f"pe.2026-2031.D.bill.{number}" for number in range(count - 99, count + 1)]
        if look.execute(LAST, [last, last]).fetchone() != (True,):
            return False
        return look.execute(ARRIVED).fetchone() == (count, True, True)

    def capture(self, folder: Path) -> Capture:
        """What stands on the topics, without what warmed up, as the answers of each hop."""
        found = {topic: list(self._records(topic)) for topic in (MOVES, ASSESSMENTS, ALERTS)}
        files = [folder / "moves", folder / "assessments", folder / "alerts"]
        for file, (topic, pairs) in zip(files, found.items(), strict=True):
            answers.save(file, ((key.removeprefix("alert.") if topic == ALERTS else key, key, value) for key, value in pairs))
        return Capture(files[0], files[1], files[2], self.count)

    def _records(self, topic: str) -> Iterator[tuple[str, str]]:
        return ((key, value.decode()) for key, value in records(self.made.broker.address, topic) if int(key.rpartition(".")[2]) > WARM)
