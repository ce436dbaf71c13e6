"""What a replay of filings is worth. In: bills followed, labels. Out: alarms a week and how many were right, what a reviewer with little time reads, whether chances came true."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.methodology.docket import ALARMS, Followed, Said, Window, read_lines, replay
from shared.errors import Refused
from shared.events import Level

CAPACITIES = (1, 3, 5, 10)
"""Bills a reviewer can read on a day."""
BINS = 10


@dataclass(frozen=True, slots=True)
class Label:
    """What a person judged from the text. `weight` undoes the sampling of the labelled set; None: chosen by hand, no rate can be read from it."""

    core: bool
    direction: str
    severity: int
    weight: float | None

    @property
    def threat(self) -> bool:
        return self.core and self.direction == "weakens"

    @property
    def severe(self) -> bool:
        return self.threat and self.severity >= 2

    @property
    def undisclosed(self) -> bool:
        """The text names what it touches and not what it changes: whether an alarm on it was right cannot be told."""
        return self.core and self.direction == "mixed"

    @property
    def kind(self) -> str:
        return "threat" if self.threat else "undisclosed" if self.undisclosed else "false"


def label_of(line: Mapping[str, Any]) -> Label:
    """From a line of labels: key, rel, dir, sev, weight. Raises Refused naming what is missing."""
    if missing := [name for name in ("key", "rel", "dir", "sev") if name not in line]:
        raise Refused("is missing from a label: add it", field=missing[0])
    return Label(line["rel"] == 2, line["dir"], line["sev"], line.get("weight"))


def labels_of(files: Iterable[Path]) -> dict[str, Label]:
    """Labels by key; a later file beats an earlier one. Raises Refused naming the line."""
    return {line["key"]: label_of(line) for file in files for line in read_lines(file)}


def scorecards(bills: Path, windows: Iterable[Window], labels: Mapping[str, Label], country: str, weights: Path | None = None) -> dict[str, Any]:
    """A card a window, by its name. Raises Refused for a broken line."""
    return {window.name: scorecard(replay(bills, window, country, weights), window, labels) for window in windows}


def scorecard(replayed: tuple[Sequence[Followed], int], window: Window, labels: Mapping[str, Label]) -> dict[str, Any]:
    """All figures of one window, from what `replay` returns."""
    rows, unreadable = replayed
    return {
        "from": window.start.isoformat(),
        "until": window.end.isoformat(),
        "weeks": round(window.weeks, 1),
        "bills": len(rows),
        "unreadable": unreadable,
        "labelled": sum(row.key in labels for row in rows),
        "alarms": {str(level): alarms(rows, level, window, labels) for level in ALARMS},
        "capacity": [capacity(rows, per_day, labels) for per_day in CAPACITIES],
        "forecast": forecasts(rows) if window.ended else None,
    }


def alarms(rows: Sequence[Followed], level: Level, window: Window, labels: Mapping[str, Label]) -> dict[str, Any]:
    """Bills that ever reached the level. `false_per_week_most` counts every alarm no label calls a threat; `false_per_week` takes the share of the sampled labels, weighted."""
    raised = [row for row in rows if level in row.reached]
    kinds = [labels[row.key].kind for row in raised if row.key in labels]
    shares = _shares([labels[row.key] for row in raised if row.key in labels])
    return {
        "bills": len(raised),
        "at_filing": sum(row.reached[level] == row.filed for row in raised),
        "per_week": round(len(raised) / window.weeks, 2),
        "labelled": {kind: kinds.count(kind) for kind in ("threat", "undisclosed", "false")},
        "false_share": shares.get("false"),
        "undisclosed_share": shares.get("undisclosed"),
        "false_per_week": round(shares["false"] * len(raised) / window.weeks, 2) if shares else None,
        "false_per_week_most": round((len(raised) - kinds.count("threat")) / window.weeks, 2),
        "severe_reached": sum(level in row.reached for row in rows if row.key in labels and labels[row.key].severe),
        "severe": sum(row.key in labels and labels[row.key].severe for row in rows),
    }


def _shares(labels: Sequence[Label]) -> dict[str, float]:
    """Share of each kind among labels with a weight; empty when there is none."""
    total = sum(label.weight or 0.0 for label in labels)
    if not total:
        return {}
    return {kind: round(sum(label.weight or 0.0 for label in labels if label.kind == kind) / total, 3) for kind in ("threat", "undisclosed", "false")}


def capacity(rows: Sequence[Followed], per_day: int, labels: Mapping[str, Label]) -> dict[str, Any]:
    """A reviewer reads, each day, the `per_day` riskiest of the bills filed that day that stand at watch or above.

    Precision counts the read bills that have a label; `severe_read` of `severe`: labelled threats of severity 2 or 3 read on the day they were filed.
    """
    read = list(_read(rows, per_day))
    judged = [labels[row.key] for row in read if row.key in labels]
    severe = sum(row.key in labels and labels[row.key].severe for row in rows)
    return {
        "per_day": per_day,
        "read": len(read),
        "labelled": len(judged),
        "threats": sum(label.threat for label in judged),
        "undisclosed": sum(label.undisclosed for label in judged),
        "precision": round(sum(label.threat for label in judged) / len(judged), 3) if judged else None,
        "severe_read": sum(label.severe for label in judged),
        "severe": severe,
    }


def _read(rows: Sequence[Followed], per_day: int) -> Iterator[Followed]:
    days: dict[dt.date, list[Followed]] = defaultdict(list)
    for row in rows:
        if row.level_filed is not Level.NONE:
            days[row.filed].append(row)
    for filed in days.values():
        yield from sorted(filed, key=lambda row: (-row.risk_filed, row.key))[:per_day]


def forecasts(rows: Sequence[Followed]) -> dict[str, Any]:
    """The chance of law at filing and on a random later day, against what became of the bills."""
    return {
        "at_filing": forecast([(row.filing, row.law) for row in rows if row.filing]),
        "on_random_day": forecast([(row.later, row.law) for row in rows if row.later]),
    }


def forecast(said: Sequence[tuple[Said, bool]]) -> dict[str, Any] | None:
    """Brier score and skill (Murphy 1973): against the share of the window itself, known only afterwards, and against the base rate said beside each chance.

    `reliability`: [bills, said, was] for each tenth of the scale that was used.
    """
    if not said:
        return None
    pairs = [(one.chance, was) for one, was in said]
    share = sum(was for _, was in pairs) / len(pairs)
    brier = _brier(pairs)
    return {
        "bills": len(pairs),
        "became_law": round(share, 4),
        "brier": round(brier, 4),
        "brier_skill": _skill(brier, _brier([(share, was) for _, was in pairs])),
        "brier_skill_over_said_base": _skill(brier, _brier([(one.base, was) for one, was in said])),
        "auroc": auroc(pairs),
        "reliability": reliability(pairs),
    }


def _brier(pairs: Sequence[tuple[float, bool]]) -> float:
    return sum((chance - was) ** 2 for chance, was in pairs) / len(pairs)


def _skill(brier: float, reference: float) -> float | None:
    return round(1 - brier / reference, 4) if reference else None


def reliability(pairs: Sequence[tuple[float, bool]]) -> list[list[float]]:
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for chance, was in pairs:
        bins[min(BINS - 1, int(chance * BINS))].append((chance, was))
    return [[len(own), round(sum(c for c, _ in own) / len(own), 3), round(sum(was for _, was in own) / len(own), 3)] for _, own in sorted(bins.items())]


def auroc(pairs: Sequence[tuple[float, bool]]) -> float | None:
    """Share of (law, not law) pairs in the right order, ties half (Mann-Whitney); None when all ended alike."""
    laws = sum(was for _, was in pairs)
    if not 0 < laws < len(pairs):
        return None
    ranked: dict[float, list[bool]] = defaultdict(list)
    for chance, was in pairs:
        ranked[chance].append(was)
    below, won = 0, 0.0
    for _, tied in sorted(ranked.items()):
        others = tied.count(False)
        won += sum(tied) * (below + others / 2)
        below += others
    return round(won / (laws * (len(pairs) - laws)), 4)


def describe(card: Mapping[str, Any]) -> Iterator[str]:
    """A window's figures as lines for people."""
    yield ""
    yield f"filed {card['from']} to {card['until']}: {card['bills']} bills in {card['weeks']} weeks, {card['labelled']} of them labelled"
    for level, found in card["alarms"].items():
        estimated = "" if found["false_per_week"] is None else f", about {found['false_per_week']} of them false"
        yield f"  {level:<9} {found['per_week']:>6} a week{estimated} (false at most {found['false_per_week_most']}); labelled: {_kinds(found['labelled'])}"
    for found in card["capacity"]:
        yield f"  reading {found['per_day']:>2} a day: {found['threats']} threats of {found['labelled']} labelled; severe threats read {found['severe_read']} of {found['severe']}"
    for name, found in (card["forecast"] or {}).items():
        yield f"  chance of law {name.replace('_', ' ')}: Brier skill {found['brier_skill']}, AUROC {found['auroc']}, {found['became_law']:.0%} became law"
        for bills, said, was in found["reliability"]:
            yield f"    said {said:5.0%}  was {was:5.0%}  {bills:>5} bills"


def _kinds(labelled: Mapping[str, int]) -> str:
    return f"{labelled['threat']} threats, {labelled['undisclosed']} undisclosed, {labelled['false']} neither"
