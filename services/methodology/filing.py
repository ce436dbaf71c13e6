"""How often moves that weaken an institution are filed: the null model of clusters.

In: bills of years whose filings are complete; out: filing.yaml of the country pack, and the false alarms of a replay of those years.

Run by `veedor train`, after the weights are written. Counts exactly what alerting counts: the first day on which a move would be alerted as weakening.
"""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from services.alerting.alert import decide
from services.alerting.cluster import FEWEST_MOVES, UNLIKELY, YEAR_DAYS, Filing, bursts, enters, filing, sits
from services.ingest.bill import observations
from services.ingest.identity import Identifier
from services.ingest.merge import Merger
from services.ingest.numbering import Numbering
from services.ingest.observation import Observation, visible_from
from services.scoring.assess import ScoringPack, assess
from shared.countries import Pack
from shared.countries.form import FilingFile
from shared.events import Direction, MoveAssessed, Target

Span = tuple[dt.date, dt.date]
NEVER = dt.date(2100, 1, 1)

COMPLETE: tuple[Span, ...] = (*((dt.date(year, 7, 27), dt.date(year + 1, 7, 26)) for year in range(2006, 2016)), (dt.date(2021, 8, 1), dt.date(2022, 5, 31)))
"""Parliamentary years of Peru whose filings the reference data hold all."""


@dataclass(frozen=True)
class Year:
    """A span with every day on which a bill was filed, and the filings that weaken."""

    span: Span
    days: tuple[dt.date, ...]
    weakening: tuple[Filing, ...]

    @property
    def length(self) -> float:
        return ((self.span[1] - self.span[0]).days + 1) / YEAR_DAYS

    def count(self, target: Target) -> int:
        return sum(found.target is target for found in self.weakening)


def measure(reference: Path, pack: ScoringPack) -> list[Year]:
    """The complete years as alerting would have seen them. Raises OSError when the reference data is missing."""
    merger = Merger(Identifier(pack.country, Numbering.of(pack.country)))
    days: dict[Span, list[dt.date]] = {span: [] for span in COMPLETE}
    weakening: dict[Span, list[Filing]] = {span: [] for span in COMPLETE}
    with gzip.open(reference / "data/pe/bills.jsonl.gz") as lines:
        for bill in map(orjson.loads, lines):
            span = _span(bill)
            if span is not None and bill["title"]:
                days[span].append(dt.date.fromisoformat(bill["presented"]))
                weakening[span] += counted(observations(bill, pack.country, NEVER), merger, pack)
    return [Year(span, tuple(days[span]), tuple(weakening[span])) for span in COMPLETE]


def _span(bill: dict[str, Any]) -> Span | None:
    presented = bill["presented"]
    return next((span for span in COMPLETE if presented and span[0] <= dt.date.fromisoformat(presented) <= span[1]), None)


def counted(found: Sequence[Observation], merger: Merger, pack: ScoringPack) -> list[Filing]:
    """One filing for each institution that the bill weakens, from the first day on which that would have been said."""
    for day in sorted({visible_from(one) for one in found}):
        move = merger.merge([one for one in found if visible_from(one) <= day])
        said = assess(move, pack, day)
        event = MoveAssessed(move=move, revision=1, as_of=day, pack_version="", model_version="", assessment=said)
        change = decide(None, event, pack.country)
        if change and enters(change.alert, event):
            return [filing(change.alert, event, target, None) for target in said.targets]
        if said.direction is not Direction.WEAKENS:
            return []  # Later steps bring it nearer; they do not change what its text says.
    return []


def fitted(years: Sequence[Year], pack: Pack) -> FilingFile:
    """Counts, their spread over the years, and the season of all filings."""
    length = sum(year.length for year in years)
    counts = {target: sum(year.count(target) for year in years) for target in Target}
    days = [day for year in years for day in year.days]
    calendar = [year.span[0] + dt.timedelta(days=number) for year in years for number in range((year.span[1] - year.span[0]).days + 1)]
    session, share = sum(sits(day, pack.procedure.legislatures) for day in days) / len(days), sum(sits(day, pack.procedure.legislatures) for day in calendar) / len(calendar)
    return FilingFile(years=round(length, 3), shape=_shape(years, counts, length), session=round(session / share, 3), recess=round((1 - session) / (1 - share), 3), counts=counts)


def _shape(years: Sequence[Year], counts: dict[Target, int], length: float) -> float:
    """Gamma shape by moments, one for all institutions: sum of mean**2 over sum of (count - mean)**2 - mean. Large when the years differ no more than chance makes them."""
    pairs = [(year.count(target), counts[target] / length * year.length) for year in years for target in Target]
    excess = sum((count - mean) ** 2 - mean for count, mean in pairs)
    return round(min(100.0, sum(mean**2 for _, mean in pairs) / excess), 3) if excess > 0 else 100.0


def replayed(years: Sequence[Year], pack: Pack, *, known_groups: bool) -> list[str]:
    """Bursts of each year under the rates of all other years. Without `known_groups` every filing counts as of a group of its own: an upper bound, as later bills name none."""
    found = []
    for year in years:
        elsewhere = replace(pack, filing=fitted([other for other in years if other is not year], pack))
        for target in Target:
            mine = [one if known_groups else one.model_copy(update={"groups": (one.move_id,)}) for one in year.weakening if one.target is target]
            found += [f"{burst.alert_id}: {burst.count} filings, {burst.expected:.2f} expected, chance {burst.chance:.2g}" for burst in bursts(mine, elsewhere)]
    return found


def written(found: FilingFile, said: Iterable[str]) -> str:
    """filing.yaml."""
    counts = ", ".join(f"{target}: {found.counts[target]}" for target in Target)
    spans = f"{COMPLETE[0][0]} to {COMPLETE[-2][1]} and {COMPLETE[-1][0]} to {COMPLETE[-1][1]}"
    return "\n".join(
        [
            f"# Moves read as weakening each institution, by day of filing, in the years whose filings are complete ({spans}). Written by `veedor train`: do not edit.",
            "# A rate is (count + 0.5) / years; yearly rates differ by a Gamma law of this shape (moments over years and institutions), so counts are negative binomial.",
            "# session, recess: filings of all bills a day while an ordinary legislature sits and while none does, against the average day.",
            *(f"# {line}" for line in said),
            f"years: {found.years}",
            f"shape: {found.shape}",
            f"session: {found.session}",
            f"recess: {found.recess}",
            f"counts: {{{counts}}}",
            "",
        ]
    )


def report(years: Sequence[Year], pack: Pack) -> Iterator[str]:
    """What the replay of the complete years says, for people."""
    length = sum(year.length for year in years)
    for known, what in ((True, "groups as recorded"), (False, "every filing of a group of its own (upper bound)")):
        found = replayed(years, pack, known_groups=known)
        yield f"Replay, {what}, each year under the rates of the others: {len(found)} clusters in {length:.1f} years ({len(found) / length:.2f} a year)."
        yield from (f"  {line}" for line in found)


def train_filing(reference: Path, code: str, *, say: Callable[[str], None] = print) -> None:
    """Writes filing.yaml of the pack `code` from the reference data."""
    pack = ScoringPack.load(code)
    years = measure(reference, pack)
    said = list(report(years, pack.country))
    for line in said:
        say(line)
    found = fitted(years, pack.country)
    (pack.country.directory / "filing.yaml").write_text(written(found, said), encoding="utf-8")
    say(f"A cluster needs at least {FEWEST_MOVES} moves and a chance below {UNLIKELY:g} a year and institution, or at most {UNLIKELY * len(Target):.2f} a year by chance over all.")
