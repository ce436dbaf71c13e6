"""Which observations are about one move, and how that move is called for life. In: observations; out: their numbers, groups, and the move_id. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from services.ingest.numbering import NAME, Number, Numbering
from services.ingest.observation import Observation, visible_from
from shared.countries import Pack
from shared.countries.pack import folded
from shared.events import Instrument

DIGITS = re.compile(r"\d+")
NO_NUMBER = re.compile(r"[^A-Za-z0-9]+")
SLUG = 60
REMEMBERED = 20_000
Place: TypeAlias = tuple[str, str]


@dataclass(frozen=True)
class Identifier:
    """Reads identities by one country's numbering.

    A key, or a number a move was born with (a bill's, a motion's), is identity. A number earned later (a law's) is the identity of whoever has no number of birth:
    several accumulated bills may end as one law and stay the moves they are.
    """

    pack: Pack
    numbering: Numbering
    known: dict[tuple[object, ...], tuple[Place, tuple[Number, ...]]] = field(default_factory=dict, repr=False)

    def place(self, observation: Observation) -> Place:
        """Period and chamber: as told, else as the numbers tell, else by the date; the joint chamber where nobody tells."""
        return self._named(observation)[0]

    def numbers(self, observation: Observation) -> tuple[Number, ...]:
        """Everything the observation is called by, its key first; equal numbers once."""
        return self._named(observation)[1]

    def _named(self, one: Observation) -> tuple[Place, tuple[Number, ...]]:
        asked = (one.key, one.aliases, one.chamber, one.period or visible_from(one))
        named = self.known.get(asked)
        if named is None:
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            place = self._place(one)
            found = [self.numbering.read(text, *place) for text in (one.key, *one.aliases)]
            named = self.known[asked] = place, tuple({number.alias: number for number in found}.values())
        return named

    def _place(self, one: Observation) -> Place:
        told = [self.numbering.read(text) for text in (*one.aliases, one.key)]
        period = self.pack.period(one.period) if one.period else None
        code = period.code if period else next((number.period for number in told if number.period), None)
        if code is None:
            day = visible_from(one)
            by_date = self.pack.period_on(day)
            code = by_date.code if by_date else str(day.year)
        chamber = one.chamber or next((number.chamber for number in told if number.chamber), None)
        return code, chamber or self.numbering.file.chamber

    def together(self, observations: Iterable[Observation]) -> list[list[int]]:
        """Positions of the observations, one list a move, in order of first appearance."""
        grouping = Grouping()
        for observation in observations:
            grouping.add(self.numbers(observation))
        return grouping.lists()

    def first(self, observations: Iterable[Observation]) -> list[Observation]:
        """Those of the first day on which the move could be known, in a fixed order."""
        ordered = by_day(observations)
        day = visible_from(ordered[0])
        return [one for one in ordered if visible_from(one) == day]

    def move_id(self, observations: Iterable[Observation]) -> str:
        """country.period.chamber.instrument.number of the first day's observations; without a number YYYYMMDD-slug of the title."""
        first = self.first(observations)
        period, chamber = self.place(first[0])
        instrument = first[0].instrument
        return f"{self.pack.code}.{period}.{chamber}.{instrument}.{self._tail(first, instrument)}"

    def _tail(self, first: Sequence[Observation], instrument: Instrument) -> str:
        own = self.numbering.series_of(instrument)
        numbers = [number for one in first for number in self.numbers(one) if number.series != NAME]
        if not numbers:
            return f"{first[0].first_day:%Y%m%d}-{slug(first[0].title)}"
        chosen = numbers[0] if len(numbers) == 1 else min(numbers, key=lambda number: (number.series != own, self.order(number)))
        value = NO_NUMBER.sub("-", chosen.value).strip("-")
        return value if chosen.series == own else f"{chosen.series.replace('_', '-')}-{value}"

    def order(self, number: Number) -> tuple[int, int, str]:
        """Series by rank, then by number."""
        digits = DIGITS.match(number.value)
        return self.numbering.rank(number.series), int(digits[0]) if digits else 0, number.value


def by_day(observations: Iterable[Observation]) -> list[Observation]:
    """By the day from which each may be known; of one day in a fixed order."""
    several = list(observations)
    return several if len(several) == 1 else sorted(several, key=lambda one: (visible_from(one), one.first_day, one.content))


def slug(title: str) -> str:
    """Its first words, in lower case without accents, at most 60 characters."""
    words = re.sub(r"[^a-z0-9]+", "-", folded(title)).strip("-")
    return words if len(words) <= SLUG else words[:SLUG].rpartition("-")[0] or words[:SLUG]


class Grouping:
    """Collects things that have numbers (observations, lines of a file) into moves; a group is named by its earliest member."""

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.born: set[int] = set()
        self.origins: dict[str, int] = {}
        self.outcomes: dict[str, list[int]] = {}

    def add(self, numbers: Iterable[Number], *, owned: bool = False) -> int:
        """The position of the new thing. `owned`: it is known to belong to a move already, as if it had a number of birth."""
        at = len(self.parent)
        self.parent.append(at)
        if owned:
            self.born.add(at)
        for number in numbers:
            if number.origin:
                self._join(at, self.origins.setdefault(number.alias, at))
                if number.series != NAME:
                    self.born.add(at)
            else:
                self.outcomes.setdefault(number.alias, []).append(at)
        return at

    def lists(self) -> list[list[int]]:
        """Positions, one list a move. Numbers earned later join only what has no number of birth, to the first owner there is."""
        born = {self._of(at) for at in self.born}
        for members in self.outcomes.values():
            owners = sorted({self._of(at) for at in members} & born)
            for at in members:
                if self._of(at) not in born:
                    self._join(owners[0] if owners else members[0], at)
        found: dict[int, list[int]] = {}
        for at in range(len(self.parent)):
            found.setdefault(self._of(at), []).append(at)
        return list(found.values())

    def _of(self, at: int) -> int:
        while self.parent[at] != at:
            self.parent[at] = self.parent[self.parent[at]]
            at = self.parent[at]
        return at

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self._of(one), self._of(other)))
        self.parent[second] = first
