"""`scale`: the pipeline at 1, 4 and 12 partitions with 1 and 2 replicas of scoring and alerting. On two cores a replica adds no processor: it shows what it costs."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from tests.benchmarks.measure import Report, alternate
from tests.benchmarks.product import ELSEWHERE, Run

PARTITIONS, REPLICAS = (1, 4, 12), (1, 2)


def measure(count: int, partitions: int, replicas: int) -> Mapping[str, float]:
    with Run.started(partitions=partitions, replicas=replicas) as run:
        figures = run.measure(count, dt.datetime.now(ZoneInfo("America/Lima")).date())
        whole = sum(value for name, value in figures.items() if name.startswith("cpu_"))
        return {"moves_per_s": figures["moves_per_s"], "cores_elsewhere": figures["cores_elsewhere"], "cpu_a_move_us": whole}


def bench(runs: int, *, quick: bool) -> Report:
    count = 2_000 if quick else 10_000
    subjects = {f"partitions_{p}_replicas_{r}": functools.partial(measure, count, p, r) for p, r in itertools.product(PARTITIONS, REPLICAS)}
    report = Report(alternate(subjects, runs))
    for replicas in REPLICAS:
        names = (f"partitions_12_replicas_{replicas}", f"partitions_1_replicas_{replicas}")
        report.compare(f"cost_of_12_partitions_replicas_{replicas}", (names[0], "cpu_a_move_us"), (names[1], "cpu_a_move_us"))
    report.compare("two_replicas_to_one", ("partitions_12_replicas_2", "moves_per_s"), ("partitions_12_replicas_1", "moves_per_s"))
    report.notes = [ELSEWHERE]
    return report
