"""`backfill`: all bills of the reference data with their histories, from the file to the last alert committed, on the embedded default: seconds, peak memory, growth."""

from __future__ import annotations

import gzip
import os
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import orjson
import psutil

from tests.benchmarks.measure import Report, alternate
from tests.benchmarks.reference import bills_file
from tests.benchmarks.usage import peak_mb
from tests.parts.veedor import COMMAND, Embedded, clean_environment
from tests.parts.waiting import TooLateError, until


def measure(source: Path) -> Mapping[str, float]:
    """A fresh home with `veedor up` on it; `veedor import` beside it; the clock runs from the import's start."""
    with tempfile.TemporaryDirectory(prefix="veedor-", ignore_cleanup_errors=True) as folder:
        house = Embedded(Path(folder) / "home")
        house.start()
        try:
            started = time.perf_counter()
            report, memory = _import(source, house)
            expected = report["accepted"]
            until(lambda: arrived(house.home, len_distinct(house.home)), f"all of {expected} accepted lines assessed and published", seconds=900, every=0.1)
            seconds = time.perf_counter() - started
            assert house.process.child is not None
            return {"seconds": seconds, "peak_mb": max(memory, peak_mb(house.process.child.pid)), "peak_import_mb": memory, "moves": float(len_distinct(house.home))}
        finally:
            house.stop()


def _import(source: Path, house: Embedded) -> tuple[dict[str, int], float]:
    """The import's own figures and its peak memory (MB)."""
    out = house.home.parent / "import.json"
    environment = {**os.environ, **clean_environment({})}
    process = subprocess.Popen(
        [str(COMMAND), "import", str(source), "--home", str(house.home), "--json", str(out)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak, turn = 0.0, threading.Event()
    while process.poll() is None:
        peak = max(peak, peak_mb(process.pid))
        turn.wait(0.05)
    if not out.exists():
        raise TooLateError(f"`veedor import` ended with exit code {process.returncode} and said nothing")
    return orjson.loads(out.read_bytes()), peak


def len_distinct(home: Path) -> int:
    return int(_ask(home / "ingest.db", "SELECT count(*) FROM moves")[0])


def arrived(home: Path, count: int) -> bool:
    """Every move assessed and taken in by alerting, its ledger published, nothing left in the outbox."""
    waiting = _ask(home / "ingest.db", "SELECT count(*) FROM outbox")[0]
    taken = _ask(home / "alerting.db", "SELECT (SELECT count(*) FROM moves), (SELECT sequence - published_through FROM head)")
    return waiting == 0 and taken[0] >= count and taken[1] == 0


def _ask(file: Path, question: str) -> tuple[int, ...]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)
    try:
        found: tuple[int, ...] = connection.execute(question).fetchone()
        return found
    finally:
        connection.close()


def bench(runs: int, *, quick: bool) -> Report:
    source = bills_file()
    if source is None:
        return Report([], notes=["The bills are not here: set VEEDOR_REFERENCE to the folder that holds data/pe/bills.jsonl.gz."])
    with tempfile.TemporaryDirectory(prefix="veedor-") as folder:
        with gzip.open(source, "rb") as lines:
            bills = lines.readlines()
        share, whole = 10, Path(folder) / "bills.jsonl"
        whole.write_bytes(b"".join(bills[: len(bills) // 5] if quick else bills))
        tenth = Path(folder) / "tenth.jsonl"
        tenth.write_bytes(b"".join((bills[: len(bills) // 5] if quick else bills)[::share]))
        report = Report(alternate({"veedor": lambda: measure(whole), "veedor_tenth": lambda: measure(tenth)}, runs))
    report.compare("growth", ("veedor", "seconds"), ("veedor_tenth", "seconds"))
    report.notes = [
        "`veedor up` runs already; the clock runs from the start of `veedor import` until the last alert is committed and published.",
        f"{psutil.cpu_count()} processors; every tenth bill for growth.",
    ]
    return report
