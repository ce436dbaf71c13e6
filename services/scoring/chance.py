"""The chance that a bill becomes law, as it could be judged on a day. In: a move and a date; out: a probability and the base rate of bills like it.

Two logistic models over readable weights (`chance.json`): *filing* reads subject words, type of proponent and calendar; *course* adds what has happened since.
"""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any, Self

import orjson

from services.scoring.snapshot import features, named, period_of
from services.scoring.terms import Conventions, Lexicon, grams
from shared.events import Move

_FLOOR = 0.001


class Chance:
    """Serves `chance.json`. Weights learned on one parliamentary period add to the common ones for bills of that period only."""

    __slots__ = ("_base", "_course", "_filing", "_lexicon", "_periods", "_words", "version")

    def __init__(self, model: dict[str, Any], conventions: Conventions) -> None:
        self.version: str = model["version"]
        self._periods: dict[str, int] = {period: at + 1 for at, period in enumerate(model["periods"])}
        self._words: dict[str, list[float]] = model["words"]
        self._filing: dict[str, list[float]] = model["filing"]
        self._course: dict[str, list[float]] = model["course"]
        self._base: dict[str, float] = model["base"]
        self._lexicon = Lexicon(conventions, {part for gram in self._words for part in gram.split()})

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a weights file; `lexicon.json` and `stop.json` lie beside it."""
        return cls(orjson.loads(path.read_bytes()), Conventions.load(path.parent))

    @classmethod
    def from_pack_dir(cls, directory: Path) -> Self:
        """From a country pack's directory (`weights/chance.json` inside it)."""
        return cls.load(directory / "weights" / "chance.json")

    def of_law(self, move: Move, as_of: dt.date) -> tuple[float, float]:
        """(probability of becoming law, share of past bills at the same stage from the same type of proponent that did); both in 0..1."""
        found = features(move, as_of)
        period = self._periods.get(period_of(move))
        filing = self._subject(move, period) + _total(self._filing, found, period)
        base = self._base.get(named(found, "base"), self._base["all"])
        if "untouched" in found:
            return _probability(filing), base
        stage = named(found, "top")
        found["filing"] = found[f"filing,top={stage}"] = filing
        return _probability(_total(self._course, found, period)), base

    def _subject(self, move: Move, period: int | None) -> float:
        """Log-odds from the words of title and summary: TF-IDF of unit length times weights."""
        text = f"{move.title}\n{move.summary}" if move.summary else move.title
        total = squares = 0.0
        for gram in grams(self._lexicon.read(text), {}):
            weights = self._words.get(gram)
            if weights is not None:
                squares += weights[0] * weights[0]
                total += weights[0] * (weights[1] + (weights[1 + period] if period else 0.0))
        return total / math.sqrt(squares) if squares else 0.0


def _total(weights: dict[str, list[float]], found: dict[str, float], period: int | None) -> float:
    total = _weight(weights["bias"], period)
    for name, value in found.items():
        known = weights.get(name)
        if known is not None:
            total += value * _weight(known, period)
    return total


def _weight(weights: list[float], period: int | None) -> float:
    return weights[0] + (weights[period] if period else 0.0)


def _probability(logit: float) -> float:
    return min(1.0 - _FLOOR, max(_FLOOR, 1.0 / (1.0 + math.exp(-logit))))
