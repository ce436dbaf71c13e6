"""`python -m tests.benchmarks pipeline|latency|backfill|scoring|scale|lists [--json F] [--runs N] [--quick]`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from tests.benchmarks.measure import Report, show, write

RUNS = {"pipeline": 3, "latency": 3, "backfill": 3, "scoring": 5, "scale": 1, "lists": 3}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("work", type=click.Choice(list(RUNS)))
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write rows, ratios and the machine to this file.")
@click.option("--runs", type=click.IntRange(1), default=None, help="How often every subject runs, in turn [default: as the benchmark needs].")
@click.option("--quick", is_flag=True, help="A small load: shows that it works, not how fast it is.")
def main(work: str, file: Path | None, runs: int | None, quick: bool) -> None:
    """Measure the product beside its peer or its physical limit, alternating, with real servers and real processes."""
    report: Report = import_module(f"tests.benchmarks.{work}").bench(runs or (1 if quick else RUNS[work]), quick=quick)
    show(report)
    if file is not None:
        write(report, file)


if __name__ == "__main__":
    main()
