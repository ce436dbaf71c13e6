"""Linear heads over one vocabulary that are asked together. In: the places of grams found in a text; out: what they weigh for every head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from services.scoring.lanes import Lanes
from services.scoring.vocabulary import Vocabulary

Head = tuple[int, float, float]
"""Its lane, its bias and its slope."""


class Heads:
    """Linear heads that are asked together: what a gram weighs in all of them is one row of lanes, and all rows stand by the places of their grams."""

    __slots__ = ("_lanes", "_rows", "named")

    def __init__(self, names: Sequence[str], model: dict[str, Any], vocabulary: Vocabulary) -> None:
        fitted = [model["heads"][name] for name in names]
        self.named: dict[str, Head] = {name: (lane, head["bias"], head["slope"]) for lane, (name, head) in enumerate(zip(names, fitted, strict=True))}
        self._lanes = Lanes(len(names) + 1)
        self._rows = [0] * vocabulary.size
        for gram, (idf, weights) in model["terms"].items():
            if place := vocabulary.place(gram):
                self._rows[place] = self._row(idf, weights)

    def _row(self, idf: float, weights: dict[str, float]) -> int:
        """Weight times idf of every head, and idf squared in the last lane: the length of the text's vector."""
        return self._lanes.row([*((self.named[head][0], weight * idf) for head, weight in weights.items() if head in self.named), (len(self.named), idf * idf)])

    def sums(self, found: Iterable[int]) -> tuple[int, ...]:
        """What all grams found weigh, a lane each head; last the squares."""
        return self._lanes.sums(map(self._rows.__getitem__, found))
