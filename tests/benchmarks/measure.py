"""What every benchmark does with its figures. In: subjects as functions that run once; out: medians with their spread, ratios, the machine; a table and JSON."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from tests.benchmarks.machine import machine

Subject = Callable[[], Mapping[str, float]]
console = Console(stderr=True)


@dataclass(frozen=True)
class Row:
    """One figure of one subject over all runs."""

    subject: str
    figure: str
    unit: str
    median: float
    min: float
    max: float
    runs: int


@dataclass
class Report:
    """What a benchmark found. `notes` say what a reader must know to read the figures right."""

    rows: list[Row]
    ratios: dict[str, float | None] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=machine)
    notes: list[str] = field(default_factory=list)

    def median(self, subject: str, figure: str) -> float | None:
        return next((row.median for row in self.rows if (row.subject, row.figure) == (subject, figure)), None)

    def compare(self, name: str, over: tuple[str, str], under: tuple[str, str]) -> None:
        """Adds the ratio of two medians; a peer that did not run gives None."""
        above, below = self.median(*over), self.median(*under)
        self.ratios[name] = round(above / below, 4) if above is not None and below else None


def alternate(subjects: Mapping[str, Subject], runs: int) -> list[Row]:
    """Runs all subjects in turn, `runs` times over, so that a slow minute of the machine hits each alike."""
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(1, runs + 1):
        for name, subject in subjects.items():
            figures = subject()
            console.print(f"[dim]run {number}/{runs}[/] {name}: " + ", ".join(f"{figure} {value:,.4g}" for figure, value in figures.items()))
            for figure, value in figures.items():
                found.setdefault((name, figure), []).append(value)
    return [row(subject, figure, values) for (subject, figure), values in found.items()]


def row(subject: str, figure: str, values: Sequence[float]) -> Row:
    return Row(subject, figure, unit_of(figure), round(statistics.median(values), 4), round(min(values), 4), round(max(values), 4), len(values))


def unit_of(figure: str) -> str:
    """The unit follows from the figure's name."""
    endings = {"_per_s": "1/s", "_mb": "MB", "_us": "us", "seconds": "s"}
    return next((unit for ending, unit in endings.items() if figure.endswith(ending)), "ms" if figure.startswith("p") else "")


def show(report: Report) -> None:
    """The table people read."""
    table = Table("subject", "figure", "unit", "median", "min", "max", "runs")
    for found in report.rows:
        table.add_row(
            found.subject, found.figure, found.unit, *(f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for value in (found.median, found.min, found.max)), str(found.runs)
        )
    out = Console()
    out.print(table)
    for name, ratio in report.ratios.items():
        out.print(f"{name}: {'not measured' if ratio is None else f'{ratio:.2f}'}")
    for note in report.notes:
        out.print(f"[dim]{note}[/]")


def write(report: Report, file: Path) -> None:
    file.write_bytes(orjson.dumps(asdict(report), option=orjson.OPT_INDENT_2))
