"""`scoring`: `veedor score` on one core, bills a second beyond its start-up. In: the bills of the reference data where they are, numbered ones elsewhere."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import orjson

from tests.benchmarks.measure import Report, alternate
from tests.benchmarks.reference import bills_file
from tests.parts import moves
from tests.parts.veedor import COMMAND, clean_environment


def bills(count: int) -> list[bytes]:
    """`count` lines, over again when the file has fewer."""
    file = bills_file()
    if file is None:
        lines = [_line(moves.observation(number, dt.date(2026, 11, 3))) for number in range(1, min(count, 20_000) + 1)]
    else:
        with gzip.open(file, "rb") as source:
            lines = source.readlines()
    return [lines[place % len(lines)] for place in range(count)]


def _line(said: Mapping[str, object]) -> bytes:
    return (
        orjson.dumps(
            {"key": said["key"], "period": "2026-2031", "chamber": "D", "presented": said["observed_on"], "title": said["title"], "summary": said["summary"], "stages": []}
        )
        + b"\n"
    )


def _seconds(source: Path, folder: Path) -> tuple[float, float]:
    """Wall and processor seconds of scoring a file on one core."""
    core = {min(os.sched_getaffinity(0))} if hasattr(os, "sched_getaffinity") else None
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [str(COMMAND), "score", "--input", str(source), "--output", str(folder / "out.jsonl")],
        check=False,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **clean_environment({})},
        preexec_fn=(lambda: os.sched_setaffinity(0, core)) if core else None,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(count: int) -> dict[str, float]:
    """Start-up is what one bill costs; the rate is what the others add."""
    with tempfile.TemporaryDirectory(prefix="veedor-") as name:
        folder = Path(name)
        (folder / "one.jsonl").write_bytes(b"".join(bills(1)))
        (folder / "all.jsonl").write_bytes(b"".join(bills(count)))
        start, start_cpu = _seconds(folder / "one.jsonl", folder)
        whole, whole_cpu = _seconds(folder / "all.jsonl", folder)
        assert sum(1 for _ in (folder / "out.jsonl").open("rb")) == count, "a line is missing in what `veedor score` wrote"
        return {"bills_per_s": (count - 1) / (whole - start), "cpu_a_bill_us": (whole_cpu - start_cpu) / count * 1e6, "start_seconds": start}


def bench(runs: int, *, quick: bool) -> Report:
    report = Report(alternate({"veedor": lambda: measure(3_000 if quick else 25_000)}, runs))
    report.notes = ["One process on one core; reading, decoding, scoring with reasons, encoding and writing included, start-up apart."]
    return report
