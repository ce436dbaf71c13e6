"""libfaketime: a time of day for child processes that can jump while they run. Preloaded, because its command would stand between us and the child's signals."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
"""Run at the start of a Python child: with libfaketime 0.9.10 and a true monotonic clock every `time.sleep` fails with EINVAL (its deadline becomes a negative one)."""


def library() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def missing() -> str | None:
    return None if library() else "faketime is not installed"


@dataclass
class Clock:
    """The time of day of every Python process started with `environment`: the real one, and `jump` seconds off from then on. Their monotonic clocks stay true."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        (self.folder / "sitecustomize.py").write_text(SLEEP, encoding="ascii")
        self.jump(0)

    @property
    def environment(self) -> dict[str, str]:
        """Empty where there is no libfaketime: then nothing jumps."""
        found = library()
        if found is None:
            return {}
        return {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(self.folder / "time"),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(self.folder), os.environ.get("PYTHONPATH")))),
        }

    def jump(self, seconds: int) -> None:
        """Seen within about a second by who runs."""
        draft = self.folder / "time.new"
        draft.write_text(f"{seconds:+d}s\n", encoding="ascii")
        draft.replace(self.folder / "time")
