"""Files into the store. In: a path; out: a `Report` that accounts for every line: read = accepted + unchanged + rejected.

Two walks: the first reads, checks and spools every line and learns which lines are about one move; the second stores move by move: one revision a move and file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from services.ingest.bill import is_bill
from services.ingest.bill import observations as bill_observations
from services.ingest.identity import Grouping
from services.ingest.observation import Observation, read_content, understand
from services.ingest.reader import Line, lines
from services.ingest.store import Store
from shared.countries import Pack
from shared.errors import Refused
from shared.events import Instrument, Provenance

BATCH = 500
REPORT_EVERY = 256
Progress = Callable[[int, int], object]


@dataclass
class Report:
    """Lines of a file. `rejected` has {line, field, error} for each that was left out."""

    read: int = 0
    accepted: int = 0
    unchanged: int = 0
    rejected: list[dict[str, str | int]] = field(default_factory=list)

    def reject(self, line: int, error: Refused) -> None:
        self.rejected.append({"line": line, "field": error.field, "error": error.detail})


def import_file(path: Path, store: Store, pack: Pack, today: dt.date, progress: Progress | None = None, *, backfill: bool | None = None) -> Report:
    """Imports what is good and reports the rest. `progress` gets (done, total) in bytes, the file walked twice.

    `backfill` None: moves without a step in the last 30 days are history. Importing a file again changes nothing. Raises Refused when the file as a whole is unknown, Retryable.
    """
    size = path.stat().st_size
    progress = progress or (lambda *_: None)
    report = Report()
    with path.open("rb") as raw:
        snapshot = hashlib.file_digest(raw, "sha256").hexdigest()
    provenance = Provenance(source=f"import:{path.name}"[:300], sha256=snapshot)
    with tempfile.TemporaryFile() as file:
        spool = Spool(file)
        _first_walk(path, spool, store, pack, today, report, lambda done: progress(done, 2 * size))
        _second_walk(spool, store, today, report, provenance, backfill, lambda part: progress(size + int(part * size), 2 * size))
    report.rejected.sort(key=lambda entry: int(entry["line"]))
    if report.rejected:
        store.trouble(provenance.source, "import", f"{len(report.rejected)} of {report.read} lines rejected")
    progress(2 * size, 2 * size)
    return report


class Spool:
    """Lines on disk: the observations of each, where it stood in the file, and which lines are about one move."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.end = 0
        self.offsets = array("q")
        self.numbers = array("q")
        self.counts = array("l")
        self.grouping = Grouping()

    def add(self, number: int, observations: Sequence[Observation], store: Store) -> None:
        self.offsets.append(self.end)
        self.numbers.append(number)
        self.counts.append(len(observations))
        self.end += self.file.write("".join(f"{one.content}\n" for one in observations).encode())
        self.grouping.add(named for one in observations for named in store.identifier.numbers(one))

    def read(self, at: int) -> list[Observation]:
        self.file.seek(self.offsets[at])
        return [read_content(self.file.readline()) for _ in range(self.counts[at])]


def _first_walk(path: Path, spool: Spool, store: Store, pack: Pack, today: dt.date, report: Report, progress: Callable[[int], object]) -> None:
    instruments: dict[str, Instrument] = {}
    for line in lines(path):
        report.read += 1
        try:
            observations = _understood(line, pack, today)
            _one_instrument(observations, instruments)
            spool.add(line.number, observations, store)
        except Refused as error:
            report.reject(line.number, error)
        if report.read % REPORT_EVERY == 0:
            progress(line.done)


def _understood(line: Line, pack: Pack, today: dt.date) -> list[Observation]:
    if line.error is not None:
        raise line.error
    said = line.said or {}
    return bill_observations(said, pack, today) if is_bill(said) else [understand(said, pack, today)]


def _one_instrument(observations: Sequence[Observation], known: dict[str, Instrument]) -> None:
    """The first line about a key says what it is; one that contradicts it is out."""
    for one in observations:
        first = known.setdefault(one.key, one.instrument)
        if first is not one.instrument:
            raise Refused(f"{str(one.instrument)!r} contradicts {str(first)!r}, said of the same key above: correct one of them", field="instrument")


def _second_walk(spool: Spool, store: Store, today: dt.date, report: Report, provenance: Provenance, backfill: bool | None, progress: Callable[[float], object]) -> None:
    groups = spool.grouping.lists()

    def observe(batch: Sequence[Sequence[int]]) -> None:
        batched = [(spool.numbers[at], one) for group in batch for at in group for one in spool.read(at)]
        outcomes = store.observe([one for _, one in batched], as_of=today, backfill=backfill, provenance=provenance)
        accepted = {batched[position][0] for outcome in outcomes for position in outcome.new}
        report.accepted += len(accepted)
        report.unchanged += len({number for number, _ in batched} - accepted)

    for start in range(0, len(groups), BATCH):
        batch = groups[start : start + BATCH]
        try:
            observe(batch)
        except Refused:
            for group in batch:
                _observe_alone(group, spool, observe, report)
        progress((start + len(batch)) / len(groups))


def _observe_alone(group: Sequence[int], spool: Spool, observe: Callable[[Sequence[Sequence[int]]], None], report: Report) -> None:
    try:
        observe([group])
    except Refused as error:
        for at in group:
            report.reject(spool.numbers[at], error)


def read_record(path: Path, pack: Pack, today: dt.date = dt.date.max - dt.timedelta(days=1)) -> Iterator[Observation]:
    """Every observation of a file in any form we import, for replays, which feed it day by day. Raises Refused naming the file, and the first line and field that are wrong."""
    number = 0
    try:
        for line in lines(path):
            number = line.number
            yield from _understood(line, pack, today)
    except Refused as error:
        where = f"{path.name} line {number}: {error.field}" if number else path.name
        raise Refused(error.detail, field=where, status=error.status) from error
    if not number:
        raise Refused("holds no observation: give a record with one JSON object a line (docs/record.schema.json)", field=path.name)
