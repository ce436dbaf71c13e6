"""Can we see? In: the sources' health and the time; out: one state with the sources that are silent. "Nothing happened" and "we cannot see" are different."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.console.answers import SourceHealth

State = Literal["clear", "partial", "blind", "unknown", "none"]
WELL = "ok"


@dataclass(frozen=True)
class Sight:
    """`clear`: every source answers; `partial`: some do; `blind`: none; `unknown`: health cannot be read; `none`: nothing is watched yet.

    `seen_at` is the newest look of any source (UTC)."""

    state: State
    total: int
    silent: tuple[SourceHealth, ...]
    seen_at: dt.datetime | None


def sight(sources: Sequence[SourceHealth] | None) -> Sight:
    """`sources` is None when their health could not be read."""
    if sources is None:
        return Sight("unknown", 0, (), None)
    if not sources:
        return Sight("none", 0, (), None)
    silent = tuple(source for source in sources if source.status != WELL)
    seen_at = max((source.last_seen for source in sources if source.last_seen), default=None)
    state: State = "clear" if not silent else "blind" if len(silent) == len(sources) else "partial"
    return Sight(state, len(sources), silent, seen_at)
