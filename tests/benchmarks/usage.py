"""Processor time and memory of process trees, as the operating system counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil


def processor_seconds(pid: int) -> float:
    """Of a process, its children and those of them that have ended."""
    total = 0.0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            times = process.cpu_times()
            total += times.user + times.system + getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    except psutil.NoSuchProcess:
        return total
    return total


def peak_mb(pid: int) -> float:
    """The most memory a process ever held (MB); 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:  # noqa: PTH123 - a kernel file, read as it is
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0.0


def machine_seconds() -> float:
    """Processor seconds the whole machine has been busy, whoever it was for."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0))


@dataclass
class Meter:
    """Processor seconds of named processes since it was made."""

    pids: Mapping[str, int]
    start: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.start = {name: processor_seconds(pid) for name, pid in self.pids.items()}

    def spent(self) -> dict[str, float]:
        return {name: processor_seconds(pid) - self.start[name] for name, pid in self.pids.items()}
