"""One hop of the same topology in Quix Streams: JSON decoded, the prepared answer encoded and produced, rows in PostgreSQL before the offsets are committed.

Runs under an interpreter of its own (Quix Streams does not resolve with our pins), so it imports nothing of ours. At least once, acks=all, idempotent producer.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import psycopg
from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch


class PostgresSink(BatchingSink):
    """Writes a row wherever the product's service at this hop writes one of every move, of as many bytes, in one transaction a batch."""

    def __init__(self, address: str, statements: list[str]) -> None:
        super().__init__()
        self.address = address
        self.statements = statements

    def setup(self) -> None:
        self.connection = psycopg.connect(self.address)

    def write(self, batch: SinkBatch) -> None:
        rows = [{"key": item.key.decode(), "at": item.offset, "part": batch.partition, "value": json.dumps(item.value)} for item in batch]
        with self.connection.transaction(), self.connection.cursor() as cursor:
            for statement in self.statements:
                cursor.executemany(statement, rows)


def answers_of(file: str) -> dict[str, list[dict[str, Any]]]:
    """Incoming key -> what follows, decoded: the hop encodes it again for each record."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in Path(file).read_text(encoding="utf-8").splitlines():
        incoming, outgoing, value = json.loads(line)
        found.setdefault(incoming, []).append({"key": outgoing, "value": json.loads(value)})
    return found


class Hop(Application):
    """Says when it holds its partitions, and keeps when the first record was handled and when the last was committed."""

    def __init__(self, count: int, **settings: Any) -> None:
        super().__init__(on_message_processed=self._handled, **settings)
        self.left = count
        self.first = self.last = self.started = 0.0

    def _handled(self, *_: object) -> None:
        if not self.first:
            self.first, self.started = time.time(), time.process_time()
        self.left -= 1
        if self.left == 0:
            self.stop()

    def _on_assign(self, *arguments: Any) -> None:
        super()._on_assign(*arguments)
        print("ready", flush=True)

    def _run_dataframe(self, sink: Any = None) -> None:
        super()._run_dataframe(sink=sink)
        self.last = time.time()


def build(options: argparse.Namespace) -> Hop:
    app = Hop(
        options.count,
        broker_address=options.broker,
        consumer_group=options.group,
        auto_offset_reset="earliest",
        commit_every=options.batch,
        commit_interval=1.0,
        loglevel="ERROR",
        auto_create_topics=False,
        use_changelog_topics=False,
        producer_extra_config={"acks": "all", "enable.idempotence": True, "linger.ms": 20, "batch.size": 1_000_000},
    )
    answers = answers_of(options.answers)
    frame = app.dataframe(app.topic(options.source, value_deserializer="json"))
    if options.postgres:
        frame.sink(PostgresSink(options.postgres, options.statement))
    follows = frame.apply(lambda _value, key, _timestamp, _headers: answers.get(key.decode(), ()), expand=True, metadata=True)
    follows.apply(lambda answer: answer["value"]).to_topic(app.topic(options.target, value_serializer="json"), key=lambda value: value["subject"])
    return app


def run(options: argparse.Namespace) -> None:
    app = build(options)
    app.run()
    print(f"{app.first} {app.last} {time.process_time() - app.started}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("broker", "group", "source", "target", "answers", "postgres"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--statement", action="append", default=[])
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1000)
    run(parser.parse_args())
