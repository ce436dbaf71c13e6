"""Can we see? In: the sources' health and the time; out: one state with the sources that are silent. "Nothing happened", "we cannot see" and "nobody looks" are different."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.console.answers import SourceHealth

State = Literal["clear", "partial", "blind", "told", "unknown", "none"]
WELL = "ok"
TOLD = frozenset({"import", "record", "api"})
"""Kinds of sources that told us something once: nothing is watched through them."""


@dataclass(frozen=True)
class Sight:
    """`clear`: every watched source answers; `partial`: some do; `blind`: none; `told`: nothing is watched, we know what we were told.

    `unknown`: health cannot be read; `none`: nobody told anything yet.
    `seen_at` is the newest look of any watched source, or when we were last told (UTC); `incomplete` are told sources of which part was left out."""

    state: State
    total: int
    silent: tuple[SourceHealth, ...]
    seen_at: dt.datetime | None
    incomplete: tuple[SourceHealth, ...] = ()


def sight(sources: Sequence[SourceHealth] | None) -> Sight:
    """`sources` is None when their health could not be read."""
    if sources is None:
        return Sight("unknown", 0, (), None)
    if not sources:
        return Sight("none", 0, (), None)
    watched = [source for source in sources if source.kind not in TOLD]
    silent = tuple(source for source in watched if source.status != WELL)
    incomplete = tuple(source for source in sources if source.kind in TOLD and source.trouble)
    seen_at = max((source.last_seen for source in watched or sources if source.last_seen), default=None)
    state: State = "told" if not watched else "clear" if not silent else "blind" if len(silent) == len(watched) else "partial"
    return Sight(state, len(watched), silent, seen_at, incomplete)
