"""`veedor backtest`: replays a record day by day, each day seeing only what was public then. In: a record; out: when each move would first have been warned of, misses first."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from services.ingest.importer import read_record
from services.ingest.merge import Merger
from services.ingest.observation import Observation, visible_from
from services.scoring.assess import Model, Readings, ScoringPack, assess
from services.scoring.chance import Chance
from services.scoring.learned import Learned
from shared.countries import load
from shared.events import Assessment, Level, Stage

PASSING = (Stage.FIRST_VOTE, Stage.SECOND_VOTE, Stage.PASSED, Stage.INSISTENCE)
ACTS = (Stage.ENACTED, Stage.STRUCK_DOWN, Stage.RESTORED)
PUBLICATION = (Stage.PUBLISHED, Stage.IN_FORCE)
QUIET_DAYS = 90
"""A move is followed daily until this long after its last step: later days change nothing but the calendar."""
WORKERS = 2
LEADS = (1, 7, 30, 90, 180, 365)
"""Lower ends, in days, of the classes of lead time; the class before the first is *no warning*."""


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


class Remembering:
    """A text model that remembers the last text it read: a replay asks about the same title every day."""

    def __init__(self, model: Model) -> None:
        self.version = model.version
        self._model = model
        self._last: tuple[str, Readings] | None = None

    def read(self, text: str, words: Sequence[str] | None = None, marks: Iterable[str] = ()) -> Readings:
        if self._last is None or self._last[0] != text:
            self._last = text, self._model.read(text, words, marks)
        return self._last[1]


def open_pack(country: str, weights: Path | None = None) -> ScoringPack:
    """A country's scoring pack; `weights`: a folder `veedor train` wrote to, read instead of the country's own learned parts."""
    pack = ScoringPack.load(country)
    if weights is not None:
        pack = replace(pack, learned=Learned.load(weights / "learned.json"), chance=Chance.load(weights / "chance.json"))
    return replace(pack, learned=Remembering(pack.learned))


def assessed_daily(observations: Sequence[Observation], merger: Merger, pack: ScoringPack, until: dt.date) -> Iterator[tuple[dt.date, Assessment]]:
    """What the daily clock would have said, from the first day on which the move could be seen. What is known is put together again only when something new can be read."""
    arrivals = [visible_from(observation) for observation in observations]
    day, last = arrivals[0], min(until, arrivals[-1] + dt.timedelta(days=QUIET_DAYS))
    seen = 0
    while day <= last:
        known = sum(arrival <= day for arrival in arrivals)
        if known != seen:
            seen, move = known, merger.merge(observations[:known])
        yield day, assess(move, pack, day)
        day += dt.timedelta(days=1)


def replay_move(key: str, observations: Sequence[Observation], merger: Merger, pack: ScoringPack, until: dt.date) -> dict[str, Any]:
    """One row of the backtest: the contract of DESIGN.md section 7 and what people need to read it."""
    days = [(day, found.level, found.risk, found.direction) for day, found in assessed_daily(observations, merger, pack, until)]
    changes = [(day, level) for number, (day, level, *_) in enumerate(days) if number == 0 or days[number - 1][1] is not level]
    first = next(((day, level) for day, level in changes if level is not Level.NONE), None)
    decisive = decisive_step(observations)
    start = visible_from(observations[0])
    earlier = decisive is not None and start < decisive.date
    before = [entry for entry in days if decisive and entry[0] < decisive.date]
    return {
        "move_id": merger.merge([o for o in observations if visible_from(o) == start]).move_id,
        "key": key,
        "title": merger.merge(observations).title,
        "first_seen": start.isoformat(),
        "first_alert": first[0].isoformat() if first else None,
        "first_level": str(first[1]) if first else None,
        "peak_level": _highest(level for _, level, *_ in days),
        "peak_risk": max(risk for *_, risk, _ in days),
        "level_before_decisive": _highest(level for _, level, *_ in before) if before else None,
        "direction": str((before or days)[-1][3]),
        "levels": [[day.isoformat(), str(level)] for day, level in changes],
        "decisive": {"date": decisive.date.isoformat(), "stage": str(decisive.stage)} if decisive else None,
        "eligible": earlier,
        "lead_days": (decisive.date - first[0]).days if decisive and first and earlier else None,
    }


def _highest(levels: Iterator[Level]) -> str:
    return str(max(levels, key=lambda level: level.rank))


def backtest(record: Path, country: str, weights: Path | None = None, workers: int = WORKERS) -> dict[str, Any]:
    """The whole record replayed, in `workers` processes: `moves` (misses first, then by lead time) and `summary`. Raises Refused for a wrong line of the record."""
    observations = list(read_record(record, load(country)))
    groups = by_move(observations)
    until = max(visible_from(observation) for observation in observations)
    # Long histories first, dealt in turn: the parts take about the same time.
    keys = sorted(groups, key=lambda key: (visible_from(groups[key][0]) - visible_from(groups[key][-1]), key))
    parts = [{key: groups[key] for key in keys[at::workers]} for at in range(workers)]
    moves = [row for rows in in_processes(_replay_part, [(part, country, weights, until) for part in parts]) for row in rows]
    moves.sort(key=lambda move: (not (move["eligible"] and not _warned(move)), move["lead_days"] or 0, move["key"]))
    return {"moves": moves, "summary": summarise(moves)}


def in_processes(work: Any, parts: Sequence[Any]) -> list[Any]:
    """`work(part)` for each part, each in a process of its own; one part needs none."""
    if len(parts) == 1:
        return [work(parts[0])]
    with ProcessPoolExecutor(len(parts)) as pool:
        return list(pool.map(work, parts))


def _replay_part(task: tuple[Mapping[str, Sequence[Observation]], str, Path | None, dt.date]) -> list[dict[str, Any]]:
    groups, country, weights, until = task
    pack = open_pack(country, weights)
    merger = Merger.of(pack.country)
    return [replay_move(key, found, merger, pack, until) for key, found in groups.items()]


def _warned(move: Mapping[str, Any]) -> bool:
    return move["lead_days"] is not None and move["lead_days"] > 0


def _elevated(level: str | None) -> bool:
    return level is not None and Level(level).rank >= Level.ELEVATED.rank


def summarise(moves: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`eligible` counts the moves with a decisive step and something public before it."""
    eligible = [move for move in moves if move["eligible"]]
    leads = [move["lead_days"] for move in eligible if _warned(move)]
    return {
        "moves": len(moves),
        "eligible": len(eligible),
        "warned_before_decisive": len(leads),
        "elevated_before_decisive": sum(_elevated(move["level_before_decisive"]) for move in eligible),
        "median_lead_days": statistics.median(leads) if leads else None,
        "p10_lead_days": percentile(leads, 0.1),
        "lead_classes": lead_classes([move["lead_days"] for move in eligible]),
        "peak_levels": {str(level): sum(move["peak_level"] == level for move in moves) for level in Level},
    }


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest-rank percentile: the smallest value that at least `share` of the values do not exceed; None of nothing."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


def lead_classes(leads: Sequence[int | None]) -> list[list[Any]]:
    """[[from, to, moves]] in days; the first class holds moves with no warning before the decisive step, the last has no end."""
    edges = [None, *LEADS]
    counts = [0] * len(edges)
    for lead in leads:
        counts[sum(lead is not None and lead >= edge for edge in LEADS)] += 1
    ends = [0, *(edge - 1 for edge in LEADS[1:]), None]
    return [[start, end, count] for start, end, count in zip(edges, ends, counts, strict=True)]


def by_judgment(moves: Sequence[Mapping[str, Any]], judged: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The replay beside what people judged of each move (`judged`: key -> threat, positive, neutral, mixed), which no scoring ever reads.

    `p10_lead_days` and `median_lead_days` count a move without a warning as 0 days.
    """
    found = {}
    for verdict in sorted(set(judged.values())):
        own = [move for move in moves if judged.get(move["key"]) == verdict]
        eligible = [move for move in own if move["eligible"]]
        leads = [max(0, move["lead_days"] or 0) for move in eligible]
        found[verdict] = {
            "moves": len(own),
            "above_watch": sum(_elevated(move["peak_level"]) for move in own),
            "eligible": len(eligible),
            "elevated_before_decisive": sum(_elevated(move["level_before_decisive"]) for move in eligible),
            "median_lead_days": statistics.median(leads) if leads else None,
            "p10_lead_days": percentile(leads, 0.1),
            "lead_classes": lead_classes([move["lead_days"] for move in eligible]),
            "below_elevated": [move["key"] for move in eligible if not _elevated(move["level_before_decisive"])],
            "above_watch_keys": [move["key"] for move in own if _elevated(move["peak_level"])],
        }
    return found


def describe(figures: Mapping[str, Any]) -> Iterator[str]:
    """The backtest as lines for people."""
    summary = figures["summary"]
    yield f"{summary['moves']} moves; {summary['eligible']} had a decisive step and something public before it; {summary['warned_before_decisive']} of those were alerted in time."
    if summary["median_lead_days"] is not None:
        days = f"median {summary['median_lead_days']:g} days, one in ten {summary['p10_lead_days']:g} or fewer"
        yield f"Lead time: {days}; at elevated or above before the decisive step: {summary['elevated_before_decisive']}."
        yield from _lead_bars(summary["lead_classes"])
    for verdict, found in figures.get("judged", {}).items():
        early = f"{found['elevated_before_decisive']} of {found['eligible']}"
        yield f"judged {verdict}: {found['moves']} moves, {found['above_watch']} above watch; at elevated or above before the decisive step {early}"
    yield ""
    for move in figures["moves"]:
        yield _line(move)


def _lead_bars(classes: Sequence[Sequence[Any]]) -> Iterator[str]:
    for start, end, count in classes:
        name = "no warning" if start is None else f"{start} days and more" if end is None else f"{start} to {end} days"
        yield f"  {name:<18} {count:>3} {'█' * count}"


def _line(move: Mapping[str, Any]) -> str:
    decisive = f"{move['decisive']['date']} {move['decisive']['stage']}" if move["decisive"] else "no decisive step"
    not_alerted = f"not alerted ({move['direction']})"
    lead = f"{move['lead_days']} days" if move["lead_days"] is not None else not_alerted if move["eligible"] else "nothing earlier is public" if move["decisive"] else ""
    return f"{move['key']}  {move['peak_level']:<9} first {move['first_alert'] or 'never':<10}  {decisive:<26} {lead:<26} {move['title'][:80]}"
