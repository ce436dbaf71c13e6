"""Bursts of filings against one institution. In: moves read as weakening it, with the day each was filed; out: the windows in which more were filed than chance explains.

A burst is a function of the set of filings alone, so neither batches nor the order of arrival change which bursts there are in the end.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from services.alerting.alert import Alert
from services.alerting.phrasing import searchable, shortened
from services.alerting.scan import chance
from shared.countries import Pack
from shared.countries.form import FilingFile, Legislature
from shared.events import Direction, Frozen, HttpUrl, Hundred, Level, Mechanism, MoveAssessed, Stage, Target, Tlp, Unit

WINDOW_DAYS = 60
FEWEST_MOVES = 3
FEWEST_GROUPS = 2
UNLIKELY = 0.01
MARGIN = 0.1
MOST_TOLD_APART = 60
"""From so many filings on the chance is not worked out further: it is nil."""
YEAR_DAYS = 365.25
UNSEEN = 0.5
"""Added to a count of filings, so that an institution nobody touched in the complete years has a small rate and not none (Jeffreys' prior)."""


class Member(Frozen):
    """A move of a cluster as its alert's last revision said it. `pending`: its alert is open and it still weakens the institution."""

    alert_id: str
    move_id: str
    key: str
    title: str
    title_en: str | None = None
    filed: dt.date
    pending: bool
    level: Level
    stage: Stage
    risk: Hundred
    url: HttpUrl | None = None


class Filing(Frozen):
    """A move once alerted as weakening an institution, with its alert's figures. `day` is when it was filed and never changes; `groups` is empty when they are not known.

    `numbers` are the move's own and those of the moves it was joined with or renews.
    """

    country: str
    target: Target
    day: dt.date
    groups: tuple[str, ...]
    numbers: tuple[str, ...]
    member: Member
    mechanisms: tuple[Mechanism, ...]
    severity: Hundred
    imminence: Hundred
    confidence: Unit
    tlp: Tlp

    @property
    def move_id(self) -> str:
        return self.member.move_id

    @property
    def place(self) -> tuple[dt.date, str]:
        return self.day, self.move_id


@dataclass(frozen=True, slots=True)
class Burst:
    """A window of WINDOW_DAYS from `first` on. `count`: separate moves filed in it; `expected`: how many the usual rate gives; `chance`: of so many somewhere in a year."""

    country: str
    target: Target
    first: dt.date
    filings: tuple[Filing, ...] = field(repr=False)
    count: int
    expected: float
    chance: float

    @property
    def alert_id(self) -> str:
        return cluster_id(self.country, self.target, self.first)

    @property
    def last(self) -> dt.date:
        return self.first + dt.timedelta(days=WINDOW_DAYS - 1)

    @property
    def pending(self) -> tuple[Filing, ...]:
        return tuple(filing for filing in self.filings if filing.member.pending)

    @property
    def stands(self) -> bool:
        """Whether enough separate moves of enough groups are still pending."""
        return len(separate(self.pending)) >= FEWEST_MOVES and groups(self.pending) >= FEWEST_GROUPS


def cluster_id(country: str, target: Target, first: dt.date) -> str:
    return f"cluster.{country}.{target}.{first:%Y%m%d}"


def enters(alert: Alert, event: MoveAssessed) -> bool:
    """Whether a move counts as weakening: its alert is open and that reading leads by MARGIN over the next likely one."""
    found = event.assessment
    if not alert.open or found.direction is not Direction.WEAKENS or found.abstained or filed(event) is None:
        return False
    others = (value for direction, value in found.direction_probabilities.items() if direction is not Direction.WEAKENS)
    return found.direction_probabilities.get(Direction.WEAKENS, 0.0) - max(others, default=0.0) >= MARGIN


def filed(event: MoveAssessed) -> dt.date | None:
    """The day of the move's first public step, or today's without any; None when only its year is known: that is no place in a window of sixty days."""
    steps = [step for step in event.move.steps if step.stage is not Stage.OTHER] or list(event.move.steps)
    first = min(steps, key=lambda step: step.date, default=None)
    if first is None:
        return event.as_of
    return None if first.precision == "year" else min(first.date, event.as_of)


def filing(alert: Alert, event: MoveAssessed, target: Target, held: Filing | None, beside: Filing | None = None) -> Filing:
    """The filing after a revision of its move's alert. The day stays as first known: ids of clusters hang on it.

    `beside`: the one after the same revision against another institution, which mostly says the same.
    """
    move, now = event.move, event.assessment
    day = held.day if held else filed(event)
    assert day is not None
    pending = alert.open and now.direction is Direction.WEAKENS and target in now.targets
    if beside is not None and (beside.day, beside.member.pending) == (day, pending):
        return beside.model_copy(update={"target": target})
    member = Member(
        alert_id=alert.alert_id,
        move_id=move.move_id,
        key=alert.key,
        title=shortened(alert.title, 200),
        title_en=shortened(alert.title_en, 200) if alert.title_en else None,
        filed=day,
        pending=pending,
        level=alert.level,
        stage=alert.stage,
        risk=alert.risk,
        url=alert.url,
    )
    return Filing(
        country=move.country,
        target=target,
        day=day,
        groups=named(move.groups),
        numbers=tuple(sorted({move.move_id, move.key, *move.aliases, *move.related})),
        member=member,
        mechanisms=alert.mechanisms,
        severity=alert.severity,
        imminence=alert.imminence,
        confidence=alert.confidence,
        tlp=alert.tlp,
    )


def named(found: Iterable[str]) -> tuple[str, ...]:
    """Groups as they are compared: whatever their case, accents and punctuation."""
    return tuple(sorted({folded for group in found if (folded := searchable(group))}))


def bursts(filings: Iterable[Filing], pack: Pack) -> Iterator[Burst]:
    """The bursts among the filings against one institution, earliest first; none overlaps another.

    A filing once counted stays counted when its move dies or reads otherwise: the question is how many were filed, and a burst so keeps its first day and its id.
    """
    ordered = sorted(filings, key=lambda found: found.place)
    days = [found.day for found in ordered]
    at = 0
    while at < len(ordered):
        end = bisect_right(days, days[at] + dt.timedelta(days=WINDOW_DAYS - 1))
        burst = _burst(ordered[at:end], pack) if end - at >= FEWEST_MOVES else None
        if burst:
            yield burst
        # A window that begins later on the same day holds no more: on to the next day.
        at = end if burst else bisect_right(days, days[at])


def _burst(window: Sequence[Filing], pack: Pack) -> Burst | None:
    if groups(window) < FEWEST_GROUPS:
        return None
    count = len(separate(window))
    first = window[0]
    share = season(first.day, pack.procedure.legislatures, pack.filing.session, pack.filing.recess)
    likely = chance(min(count, MOST_TOLD_APART), rate(first.target, pack.filing), pack.filing.shape, share)
    if count < FEWEST_MOVES or likely >= UNLIKELY:
        return None
    return Burst(first.country, first.target, first.day, tuple(window), count, rate(first.target, pack.filing) * share, likely)


def rate(target: Target, filed: FilingFile) -> float:
    """Moves against an institution that are filed in a year."""
    return (filed.counts.get(target, 0) + UNSEEN) / filed.years


@lru_cache(maxsize=4096)
def season(first: dt.date, legislatures: tuple[Legislature, ...], session: float, recess: float) -> float:
    """The share of a year's filings that falls into the window from `first` on: more is filed while an ordinary legislature sits."""
    days = (first + dt.timedelta(days=number) for number in range(WINDOW_DAYS))
    return round(sum(session if sits(day, legislatures) else recess for day in days) / YEAR_DAYS, 6)


def sits(day: dt.date, legislatures: tuple[Legislature, ...]) -> bool:
    """Whether an ordinary legislature sits on a day."""
    return any(found.start <= f"{day:%m-%d}" <= found.end for found in legislatures)


def groups(filings: Iterable[Filing]) -> int:
    """Distinct groups; all filings without a known one are one together."""
    return len({name for found in filings for name in found.groups or ("",)})


def separate(filings: Sequence[Filing]) -> list[list[Filing]]:
    """The filings by matter: moves joined with each other, or with the same third one, count once."""
    matters: list[list[Filing]] = []
    of: dict[str, list[Filing]] = {}
    for found in filings:
        met = {id(matter): matter for number in found.numbers if (matter := of.get(number)) is not None}
        matter = max(met.values(), key=len, default=[])
        for other in met.values():
            if other is not matter:
                matter += other
                of |= {number: matter for member in other for number in member.numbers}
                other.clear()
        if not met:
            matters.append(matter)
        matter.append(found)
        of |= dict.fromkeys(found.numbers, matter)
    return [matter for matter in matters if matter]
