"""`veedor backtest`: replays a record day by day, each day seeing only what was public then. In: a record; out: when each move would first have been warned of, misses first."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.ingest.identity import Identifier
from services.ingest.importer import read_record
from services.ingest.merge import Merger
from services.ingest.numbering import Numbering
from services.ingest.observation import Observation, visible_from
from services.scoring.assess import ScoringPack, assess
from shared.events import Level, Stage

PASSING = (Stage.FIRST_VOTE, Stage.SECOND_VOTE, Stage.PASSED, Stage.INSISTENCE)
ACTS = (Stage.ENACTED, Stage.STRUCK_DOWN, Stage.RESTORED)
PUBLICATION = (Stage.PUBLISHED, Stage.IN_FORCE)
QUIET_DAYS = 90
"""A move is followed daily until this long after its last step: later days change nothing but the calendar."""


@dataclass(frozen=True)
class Decisive:
    """The step after which outside attention comes too late."""

    date: dt.date
    stage: Stage


def decisive_step(observations: Sequence[Observation]) -> Decisive | None:
    """The last plenary or Permanent Commission vote that passes it, else the ruling or act, else publication; None when there is none."""
    steps = sorted((observation.first_day, observation.stage) for observation in observations if observation.stage)
    for wanted, pick in ((PASSING, -1), (ACTS, -1), (PUBLICATION, 0)):
        found = [(day, stage) for day, stage in steps if stage in wanted]
        if found:
            return Decisive(*found[pick])
    return None


def by_move(observations: Sequence[Observation]) -> dict[str, list[Observation]]:
    """Observations grouped by the record's key, in the order they could be known."""
    groups: dict[str, list[Observation]] = defaultdict(list)
    for observation in sorted(observations, key=lambda o: (visible_from(o), o.first_day)):
        groups[observation.key].append(observation)
    return dict(groups)


def levels_over_time(observations: Sequence[Observation], merger: Merger, pack: ScoringPack, until: dt.date) -> Iterator[tuple[dt.date, Level, float]]:
    """(day, level, risk) for each day from the first on which the move could be seen: what the daily clock would have said."""
    day = visible_from(observations[0])
    last = min(until, visible_from(observations[-1]) + dt.timedelta(days=QUIET_DAYS))
    while day <= last:
        seen = [observation for observation in observations if visible_from(observation) <= day]
        found = assess(merger.merge(seen), pack, day)
        yield day, found.level, found.risk
        day += dt.timedelta(days=1)


def replay_move(key: str, observations: Sequence[Observation], merger: Merger, pack: ScoringPack, until: dt.date) -> dict[str, Any]:
    """One row of the backtest: the contract of DESIGN.md section 7 and what people need to read it."""
    days = list(levels_over_time(observations, merger, pack, until))
    changes = [(day, level) for number, (day, level, _) in enumerate(days) if number == 0 or days[number - 1][1] is not level]
    first = next(((day, level) for day, level in changes if level is not Level.NONE), None)
    decisive = decisive_step(observations)
    earlier = decisive is not None and visible_from(observations[0]) < decisive.date
    before = [level for day, level, _ in days if decisive and day < decisive.date]
    return {
        "move_id": merger.merge([o for o in observations if visible_from(o) == visible_from(observations[0])]).move_id,
        "key": key,
        "title": merger.merge(observations).title,
        "first_seen": visible_from(observations[0]).isoformat(),
        "first_alert": first[0].isoformat() if first else None,
        "first_level": str(first[1]) if first else None,
        "peak_level": str(max((level for _, level, _ in days), key=lambda level: level.rank)),
        "peak_risk": max(risk for _, _, risk in days),
        "level_before_decisive": str(max(before, key=lambda level: level.rank)) if before else None,
        "levels": [[day.isoformat(), str(level)] for day, level in changes],
        "decisive": {"date": decisive.date.isoformat(), "stage": str(decisive.stage)} if decisive else None,
        "eligible": earlier,
        "lead_days": (decisive.date - first[0]).days if decisive and first and earlier else None,
    }


def backtest(record: Path, country: str) -> dict[str, Any]:
    """The whole record replayed: `moves` (misses first, then by lead time) and `summary`."""
    pack = ScoringPack.load(country)
    observations = list(read_record(record, pack.country))
    until = max(visible_from(observation) for observation in observations)
    merger = Merger(Identifier(pack.country, Numbering.of(pack.country)))
    moves = [replay_move(key, found, merger, pack, until) for key, found in by_move(observations).items()]
    moves.sort(key=lambda move: (not (move["eligible"] and not _warned(move)), move["lead_days"] or 0, move["key"]))
    return {"moves": moves, "summary": summarise(moves)}


def _warned(move: Mapping[str, Any]) -> bool:
    return move["lead_days"] is not None and move["lead_days"] > 0


def summarise(moves: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`eligible` counts the moves with a decisive step and something public before it."""
    eligible = [move for move in moves if move["eligible"]]
    leads = [move["lead_days"] for move in eligible if _warned(move)]
    return {
        "moves": len(moves),
        "eligible": len(eligible),
        "warned_before_decisive": len(leads),
        "elevated_before_decisive": sum(Level(move["level_before_decisive"] or "none").rank >= Level.ELEVATED.rank for move in eligible),
        "median_lead_days": statistics.median(leads) if leads else None,
        "peak_levels": {str(level): sum(move["peak_level"] == level for move in moves) for level in Level},
    }


def describe(figures: Mapping[str, Any]) -> Iterator[str]:
    """The backtest as lines for people."""
    summary = figures["summary"]
    yield f"{summary['moves']} moves; {summary['eligible']} had a decisive step and something public before it; {summary['warned_before_decisive']} of those were alerted in time."
    if summary["median_lead_days"] is not None:
        yield f"Median lead time {summary['median_lead_days']:g} days; at elevated or above before the decisive step: {summary['elevated_before_decisive']}."
    yield ""
    for move in figures["moves"]:
        decisive = f"{move['decisive']['date']} {move['decisive']['stage']}" if move["decisive"] else "no decisive step"
        lead = f"{move['lead_days']} days" if move["lead_days"] is not None else "not alerted" if move["eligible"] else "nothing earlier is public" if move["decisive"] else ""
        yield f"{move['key']}  {move['peak_level']:<9} first {move['first_alert'] or 'never':<10}  {decisive:<26} {lead:<26} {move['title'][:80]}"
