"""The chance that a bill becomes law, as it could be judged on a day. In: a move and a date; out: a probability and the base rate of bills like it.

Two logistic models over readable weights (`chance.json`): *filing* reads subject words, type of proponent and calendar; *course* adds what has happened since.
Each has weights for the parliamentary periods it was fitted on and others, of what held in general, for any other period.
"""

from __future__ import annotations

import datetime as dt
import math
from array import array
from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import orjson

from services.scoring.history import history
from services.scoring.memory import Memory
from services.scoring.scanning import Scanner
from services.scoring.snapshot import period_of, state_of, state_on_filing
from services.scoring.terms import Conventions, Lexicon, tokens
from services.scoring.vocabulary import Vocabulary
from shared.events import Move

_FLOOR = 0.001


class Chance:
    """Serves `chance.json`. In a period seen, words weigh by the year of filing too: bills on one subject share a fate."""

    __slots__ = ("_base", "_bias", "_ends", "_periods", "_pulls", "_squares", "_vocabulary", "_weights", "_words", "_years", "scanner", "version")

    def __init__(self, model: dict[str, Any], conventions: Conventions) -> None:
        self.version: str = model["version"]
        self._periods: dict[str, int] = {period: at + 1 for at, period in enumerate(model["periods"])}
        self._base: dict[str, float] = model["base"]
        self._ends: dict[str, float] = model["ends"]
        self._weights = [_weights(model, at) for at in range(len(self._periods) + 1)]
        self._bias = [weights.pop("bias") for weights in self._weights]
        self._pulls = [Memory(partial(_together, weights)) for weights in self._weights]
        known: dict[str, list[float]] = model["words"]
        self._vocabulary = Vocabulary(known, {})
        self._squares = self._placed({gram: rarity * rarity for gram, (rarity, *_) in known.items()})
        self._words = [self._placed({gram: weights[0] * weights[1 + at] for gram, weights in known.items()}) for at in range(len(self._periods) + 1)]
        self._years = {(at, int(year)): self._in_year(at, words, known) for at in self._periods.values() for year, words in model["years"].items()}
        self.scanner = Scanner(Lexicon(conventions, self._vocabulary.codes), self._vocabulary.codes)

    def _placed(self, numbers: dict[str, float]) -> array[float]:
        """Each gram's number at its place; 0 for a term that counts only beside another."""
        row = array("d", bytes(8 * self._vocabulary.size))
        for gram, number in numbers.items():
            row[self._vocabulary.place(gram)] = number
        return row

    def _in_year(self, period: int, words: dict[str, float], known: dict[str, list[float]]) -> array[float]:
        """Pulls of all grams in a period, and beside it in a year of filing."""
        pulls = array("d", self._words[period])
        for gram, weight in words.items():
            pulls[self._vocabulary.place(gram)] += known[gram][0] * weight
        return pulls

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a weights file; `lexicon.json` and `stop.json` lie beside it."""
        return cls(orjson.loads(path.read_bytes()), Conventions.load(path.parent))

    @classmethod
    def from_pack_dir(cls, directory: Path) -> Self:
        """From a country pack's directory (`weights/chance.json` inside it)."""
        return cls.load(directory / "weights" / "chance.json")

    def of_law(self, move: Move, as_of: dt.date, words: Sequence[str] | None = None) -> tuple[float, float]:
        """(probability of becoming law, share of past bills at the same stage from the same type of proponent that did); both in 0..1.

        `words`: those of title and summary in lower case, if they are split already.
        """
        happened = history(move, as_of)
        state = state_of(move, happened, as_of)
        period = self._periods.get(period_of(move), 0)
        weights, pulls = self._weights[period], self._pulls[period].__getitem__
        # What was said on the day of filing is one thing the later days know: its features are those of that day.
        first = state if state.untouched else state_on_filing(move, happened)
        filing = self._subject(move, period, happened.days[0].year, words) + (self._bias[period] + sum(map(pulls, first.names)) + _together(weights, first.marks)).real
        base = self._base.get(state.base, self._base["all"])
        if state.untouched:
            return _probability(filing), base
        slope = (weights["filing"] + weights.get(f"filing,top={state.top}", 0)).imag
        course = _probability((self._bias[period] + sum(map(pulls, state.names)) + _together(weights, state.marks)).imag + slope * filing)
        return self._ended(course, state.end), base

    def _ended(self, course: float, end: str) -> float:
        """What was published is law and what was withdrawn, rejected or shelved is not, as far as the past can tell, whatever else is known."""
        if not end:
            return course
        return max(course, self._ends[end]) if end == "law" else min(course, self._ends[end])

    def _subject(self, move: Move, period: int, year: int, words: Sequence[str] | None) -> float:
        """Log-odds from the words of title and summary: the rarity of each over the length of all, times its weight."""
        if words is None:
            words = tokens(f"{move.title}\n{move.summary}" if move.summary else move.title)
        found = itemgetter(0, 0, *self._vocabulary.find(self.scanner.read(words)))
        length = math.sqrt(sum(found(self._squares)))
        return sum(found(self._years.get((period, year), self._words[period]))) / length if length else 0.0


def _weights(model: dict[str, Any], period: int) -> dict[str, complex]:
    """Weight of each feature for a period: in the model of filing (real part) and in that of the course (imaginary part)."""
    filing, course = ({name: known[period] for name, known in model[part].items()} for part in ("filing", "course"))
    return {name: complex(filing.get(name, 0.0), course.get(name, 0.0)) for name in filing | course}


def _together(weights: dict[str, complex], names: tuple[str, ...]) -> complex:
    return sum(filter(None, map(weights.get, names)), 0j)


def _probability(logit: float) -> float:
    return min(1.0 - _FLOOR, max(_FLOOR, 1.0 / (1.0 + math.exp(-logit))))
