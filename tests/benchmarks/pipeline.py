"""`pipeline`: moves a second through ingest -> scoring -> alerting on real Kafka and PostgreSQL, beside a bare kafka-python loop and Quix Streams with the same bytes."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from tests.benchmarks.measure import Report, alternate
from tests.benchmarks.peers import topology
from tests.benchmarks.peers.topology import Capture
from tests.benchmarks.product import ELSEWHERE, Run
from tests.parts.kafka import Kafka, cache
from tests.parts.postgres import Postgres

PARTITIONS = 4
QUIX = "quixstreams==3.28.1"
TABLES = (
    "CREATE TABLE bare (partition int, position bigint, key text, value bytea, PRIMARY KEY (partition, position))",
    "CREATE TABLE moves (key text PRIMARY KEY, content text)",
    "CREATE TABLE observations (key text PRIMARY KEY, content text)",
    "CREATE TABLE aliases (alias text PRIMARY KEY, key text)",
    "CREATE TABLE assessments (key text PRIMARY KEY, part int, position bigint)",
    "CREATE TABLE latest (key text PRIMARY KEY, content text)",
)
UPSERT = "INSERT INTO {table} VALUES (%(key)s, %(value)s) ON CONFLICT (key) DO UPDATE SET content = excluded.content"
FIRST = [UPSERT.format(table="moves"), UPSERT.format(table="observations"), "INSERT INTO aliases VALUES ('pe|bill:' || %(key)s, %(key)s) ON CONFLICT DO NOTHING"]
LAST = ["INSERT INTO assessments VALUES (%(key)s, %(part)s, %(at)s) ON CONFLICT DO NOTHING", UPSERT.format(table="latest")]


class Peers:
    """Broker and database of the peers, and what they move: captured from the product's first run."""

    def __init__(self, stack: ExitStack) -> None:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veedor-", ignore_cleanup_errors=True))) for _ in range(3)]
        self.folder = folders[2]
        self.broker = Kafka(folders[0])
        self.server = Postgres(folders[1], durable=True)
        self.capture: Capture | None = None
        self.python = quix_interpreter()

    def run(self, subject: str) -> Mapping[str, float]:
        """Starts broker and database, as the product's run does, and stops them: idle servers would take from the next subject."""
        assert self.capture is not None
        with ExitStack() as stack:
            self.broker.start()
            stack.callback(self.broker.stop)
            self.server.start()
            stack.callback(self.server.stop)
            dsn = self._fresh_database()
            hops = {
                "bare": lambda capture: topology.bare(capture),
                "bare_postgres": lambda capture: topology.bare(capture, dsn),
                "quix": lambda capture: topology.quix(capture, self.python, dsn, FIRST, LAST),
            }[subject](self.capture)
            return topology.run(self.broker.address, self.capture, hops, partitions=PARTITIONS)

    def _fresh_database(self) -> str:
        address = f"host=127.0.0.1 port={self.server.port} user=postgres"
        with psycopg.connect(f"{address} dbname=postgres", autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS peers")
            connection.execute("CREATE DATABASE peers")
        with psycopg.connect(f"{address} dbname=peers") as connection:
            for table in TABLES:
                connection.execute(table)
        return f"{address} dbname=peers"


def quix_interpreter() -> Path:
    """A Python that has Quix Streams: it does not resolve with our pins, so it lives in the cache, beside Kafka's jars."""
    folder = cache().parent / "quix"
    python = folder / "bin" / "python"
    if subprocess.run([str(python), "-c", "import quixstreams, psycopg"], check=False, capture_output=True).returncode if python.exists() else True:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", QUIX, "psycopg[binary]>=3.3,<4"], check=True)
    return python


def bench(runs: int, *, quick: bool) -> Report:
    count = 2_000 if quick else 20_000
    with ExitStack() as stack:
        peers = Peers(stack)

        def veedor() -> Mapping[str, float]:
            with Run.started(partitions=PARTITIONS) as run:
                figures = run.measure(count, dt.datetime.now(ZoneInfo("America/Lima")).date())
                peers.capture = peers.capture or run.capture(peers.folder)
                return figures

        subjects = {"veedor": veedor} | {name: lambda name=name: peers.run(name) for name in ("bare", "bare_postgres", "quix")}
        report = Report(alternate(subjects, runs))
    for peer in ("bare", "bare_postgres", "quix"):
        report.compare(f"veedor_to_{peer}", ("veedor", "moves_per_s"), (peer, "moves_per_s"))
    report.notes = [
        "Same records, topics and partitions, acks=all, offsets committed after the work; from the first record handled at the first hop to the last commit at the last.",
        "veedor also reads the file, merges, scores with reasons, keeps observations, an outbox and a hash-chained ledger with signed checkpoints;",
        "quix writes moves, their names, observations, assessments and the latest of each move; no outbox (its first topic is filled beforehand) and nothing of alerts.",
        "cpu_*_us: processor microseconds a move of each process, brokers and database with their children.",
        ELSEWHERE,
    ]
    return report
