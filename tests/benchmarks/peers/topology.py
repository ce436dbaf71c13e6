"""Runs three hops of a peer as three processes over topics of their own. In: a broker, the captured records; out: records a second and CPU a record, hop by hop."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.bus.contract import Record
from shared.bus.kafka import KafkaBus
from tests.benchmarks.peers import answers

ROOT = Path(__file__).resolve().parents[3]
fresh = itertools.count(1)


class HopFailedError(RuntimeError):
    """A peer's process ended badly; its words."""


@dataclass(frozen=True)
class Capture:
    """What the product moved in a run: the file of records on each topic, and how many came into each hop."""

    moves: Path
    assessments: Path
    alerts: Path
    count: int


@dataclass(frozen=True)
class Hop:
    """`command` is the interpreter and module; `extra` its further options."""

    command: Sequence[str]
    answers: Path
    extra: Sequence[str] = ()


def run(broker: str, capture: Capture, hops: Sequence[Hop], *, partitions: int) -> Mapping[str, float]:
    """Fills the first topic, starts the hops from the last to the first, waits for all. Raises HopFailedError."""
    number = next(fresh)
    topics = [f"peer.{number}.{place}" for place in range(len(hops) + 1)]
    bus = KafkaBus(f"kafka://{broker}?partitions={partitions}")
    bus.ensure_topics(topics)
    _fill(bus, topics[0], capture)
    running = [_start(broker, topics[place], topics[place + 1], hop, capture.count) for place, hop in reversed(list(enumerate(hops)))]
    running.reverse()
    ends = [_end(process) for process in running]
    seconds = ends[-1][1] - ends[0][0]
    return {"moves_per_s": capture.count / seconds} | {f"cpu_hop{place}_us": end[2] / capture.count * 1e6 for place, end in enumerate(ends, 1)}


def _fill(bus: KafkaBus, topic: str, capture: Capture) -> None:
    producer = bus.producer()
    rows = answers.read(capture.moves)
    while batch := list(itertools.islice(rows, 2000)):
        producer.publish([Record(topic, key, value.encode()) for key, _, value in batch])
    producer.close()


def _start(broker: str, source: str, target: str, hop: Hop, count: int) -> subprocess.Popen[str]:
    options = ["--broker", broker, "--group", f"group.{source}", "--source", source, "--target", target, "--answers", str(hop.answers), "--count", str(count)]
    process = subprocess.Popen([*hop.command, *options, *hop.extra], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        raise HopFailedError(f"{' '.join(hop.command)}: {process.communicate()[1][-2000:]}")
    return process


def _end(process: subprocess.Popen[str]) -> tuple[float, float, float]:
    out, error = process.communicate(timeout=600)
    last = [line for line in out.splitlines() if line and line != "ready"]
    if process.returncode or not last:
        raise HopFailedError(f"exit code {process.returncode}: {error[-2000:]}")
    first, end, cpu = map(float, last[-1].split())
    return first, end, cpu


def bare(capture: Capture, postgres: str = "") -> list[Hop]:
    """The bare loop; with `postgres` (a libpq address) one insert a batch at the last hop."""
    command = [sys.executable, "-m", "tests.benchmarks.peers.bare"]
    return [Hop(command, capture.moves), Hop(command, capture.assessments), Hop(command, capture.alerts, ("--postgres", postgres) if postgres else ())]


def quix(capture: Capture, python: Path, postgres: str, first: Sequence[str], last: Sequence[str]) -> list[Hop]:
    """Quix Streams with the product's writes: `first` and `last` are the statements of the first and last hop."""
    command = [str(python), str(Path(__file__).parent / "quix.py")]

    def writes(statements: Sequence[str]) -> tuple[str, ...]:
        return ("--postgres", postgres, *(word for statement in statements for word in ("--statement", statement)))

    return [Hop(command, capture.moves, writes(first)), Hop(command, capture.assessments), Hop(command, capture.alerts, writes(last))]
