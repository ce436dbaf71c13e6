"""Replays every filing of a window of time: each bill as it could be read on the day it was filed and at each later stage. In: lines of bills; out: one `Followed` a bill.

Only for windows in which all filings are known: else no rate can be read from them.
"""

from __future__ import annotations

import datetime as dt
import gzip
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from services.backtest import WORKERS, in_processes, open_pack
from services.scoring.assess import ScoringPack, assess
from services.scoring.lines import move_of
from shared.countries import Pack
from shared.errors import Refused
from shared.events import Level, Move

ALARMS = (Level.WATCH, Level.ELEVATED, Level.HIGH)


@dataclass(frozen=True, slots=True)
class Window:
    """Days of filing, both included, between which the list of bills is complete. `ended`: what became of each bill is known."""

    start: dt.date
    end: dt.date
    ended: bool

    @property
    def weeks(self) -> float:
        return ((self.end - self.start).days + 1) / 7

    @property
    def name(self) -> str:
        return f"{self.start}:{self.end}"


@dataclass(frozen=True, slots=True)
class Said:
    """A chance of becoming law and the base rate said beside it, both 0..1."""

    chance: float
    base: float


@dataclass(frozen=True, slots=True)
class Followed:
    """A bill followed from filing to its last recorded step. `reached`: the first day at each alarm level or above; `later` was said on a random day of its course."""

    key: str
    filed: dt.date
    law: bool
    risk_filed: float
    level_filed: Level
    reached: dict[Level, dt.date]
    filing: Said | None
    later: Said | None


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    """JSON objects, one a line, gzipped or not. Raises Refused naming the line."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            try:
                found = orjson.loads(raw)
            except orjson.JSONDecodeError as error:
                raise Refused(f"is no JSON ({error}): correct the line", field=f"{file.name} line {number}") from error
            if isinstance(found, dict):
                yield found


def judgments_of(file: Path) -> dict[str, str]:
    """What people judged of each move of a record (`id`, `polarity` a line): key -> threat, positive, neutral or mixed. Raises Refused naming what is missing."""
    found = {}
    for line in read_lines(file):
        if missing := [name for name in ("id", "polarity") if name not in line]:
            raise Refused("is missing from a judgment: add it", field=missing[0])
        found[line["id"]] = line["polarity"]
    return found


def window_of(text: str, pack: Pack) -> Window:
    """`2006-07-27:2011-07-26`. Outcomes count as known when the window reaches the end of its parliamentary period. Raises Refused."""
    try:
        start, end = (dt.date.fromisoformat(day) for day in text.split(":"))
    except ValueError as error:
        raise Refused(f"{text!r} must be FROM:UNTIL, such as 2006-07-27:2011-07-26", field="--window") from error
    if end < start:
        raise Refused(f"{text!r} ends before it begins: give FROM:UNTIL", field="--window")
    period = pack.period_on(end)
    return Window(start, end, ended=period is not None and end >= period.end)


def filed_in(bills: Path, window: Window) -> list[dict[str, Any]]:
    """The lines of bills filed in the window; one without a day of filing is in none."""
    start, end = window.start.isoformat(), window.end.isoformat()
    return [line for line in read_lines(bills) if isinstance(line.get("presented"), str) and start <= line["presented"][:10] <= end]


def follow(line: dict[str, Any], pack: ScoringPack) -> Followed:
    """Assessed on the day of filing and on the day of each later step; `assess` sees no step of a later day. Raises ValueError naming the field."""
    move = move_of(line, pack.country)
    days = sorted({step.date for step in move.steps})
    filed = dt.date.fromisoformat(line["presented"][:10])
    first = assess(move, pack, filed)
    reached = {level: filed for level in ALARMS if first.level.rank >= level.rank}
    for day in days:
        if day > filed and len(reached) < len(ALARMS):
            found = assess(move, pack, day)
            for level in ALARMS:
                if found.level.rank >= level.rank:
                    reached.setdefault(level, day)
    filing = Said(first.p_law, first.p_law_base) if first.p_law is not None and first.p_law_base is not None else None
    return Followed(str(line.get("key")), filed, line.get("status_norm") == "law", first.risk, first.level, reached, filing, _said_later(move, filed, days[-1], pack))


def _said_later(move: Move, filed: dt.date, last: dt.date, pack: ScoringPack) -> Said | None:
    """On a day drawn by the bill's own key between filing and its last recorded step, both included."""
    day = filed + dt.timedelta(days=random.Random(move.key).randint(0, max(0, (last - filed).days)))
    found = assess(move, pack, day)
    return Said(found.p_law, found.p_law_base) if found.p_law is not None and found.p_law_base is not None else None


def replay(bills: Path, window: Window, country: str, weights: Path | None = None, workers: int = WORKERS) -> tuple[list[Followed], int]:
    """Every bill filed in the window, in `workers` processes, in order of key; and how many could not be read (no title, a stage without sense)."""
    lines = filed_in(bills, window)
    parts = [(lines[at::workers], country, weights) for at in range(workers)]
    rows = sorted((row for found in in_processes(_follow_part, parts) for row in found), key=lambda row: row.key)
    return rows, len(lines) - len(rows)


def _follow_part(task: tuple[Sequence[dict[str, Any]], str, Path | None]) -> list[Followed]:
    lines, country, weights = task
    pack = open_pack(country, weights)
    return [row for line in lines if (row := _followed(line, pack)) is not None]


def _followed(line: dict[str, Any], pack: ScoringPack) -> Followed | None:
    try:
        return follow(line, pack)
    except ValueError:
        return None
