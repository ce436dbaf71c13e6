"""libfaketime: a time of day for child processes that can jump while they run. Preloaded, because its command would stand between us and the child's signals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


def library() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def missing() -> str | None:
    return None if library() else "faketime is not installed"


@dataclass
class Clock:
    """The time of day of every process started with `environment`: the real one, and `jump` seconds off from then on. Their monotonic clocks stay true."""

    file: Path

    def __post_init__(self) -> None:
        self.jump(0)

    @property
    def environment(self) -> dict[str, str]:
        """Empty where there is no libfaketime: then nothing jumps."""
        found = library()
        return {"LD_PRELOAD": str(found), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"} if found else {}

    def jump(self, seconds: int) -> None:
        """Seen within a second by who runs."""
        draft = self.file.with_suffix(".new")
        draft.write_text(f"{seconds:+d}s\n", encoding="ascii")
        draft.replace(self.file)
