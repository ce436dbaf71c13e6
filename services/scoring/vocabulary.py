"""Which known grams stand in a text. In: its terms in order; out: the numbers of the grams a model has weights for, each once. What grams are, `terms.grams` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise, repeat

from services.scoring.terms import UNDONE

_WINDOW = 8
_PAIR = 1 << 20
_UNKNOWN = -1


class Vocabulary:
    """Grams by number. Terms are numbered too, and neighbours looked up by one whole number made of both: small tables that stay in the processor's cache."""

    __slots__ = ("_concepts", "_other", "_pairs", "_size", "_terms")

    def __init__(self, grams: Sequence[str], concepts: Mapping[str, str]) -> None:
        self._size = len(grams)
        self._concepts = {**concepts, **{UNDONE + term: UNDONE + concept for term, concept in concepts.items()}}
        self._other = {gram: number for number, gram in enumerate(grams) if gram[0] == "=" or ">" in gram}
        self._terms = {gram: number for number, gram in enumerate(grams) if " " not in gram and gram not in self._other}
        pairs = [(number, gram.split(" ")) for number, gram in enumerate(grams) if " " in gram]
        for _, parts in pairs:
            for part in parts:
                self._terms.setdefault(part, self._size + len(self._terms))
        self._pairs = {self._terms[first] * _PAIR + self._terms[second]: number for number, (first, second) in pairs}

    def find(self, terms: Sequence[str]) -> set[int]:
        """Numbers of the grams in a text."""
        size, pairs = self._size, self._pairs
        numbers = list(map(self._terms.get, terms, repeat(_UNKNOWN)))
        found = {number for number in numbers if 0 <= number < size}
        found.update([pairs[pair] for pair in [first * _PAIR + second for first, second in pairwise(numbers)] if pair in pairs])
        if self._concepts:
            self._find_concepts(terms, found)
        return found

    def _find_concepts(self, terms: Sequence[str], found: set[int]) -> None:
        """Concepts ("=act:cut") and ordered pairs of unlike ones within the window ("act:cut>thing:term")."""
        concepts, other = self._concepts, self._other
        seen = [(at, concepts[term]) for at, term in enumerate(terms) if term in concepts]
        grams = {f"={concept}" for _, concept in seen}
        for place, (at, concept) in enumerate(seen):
            for where, later in seen[place + 1 :]:
                if where - at > _WINDOW:
                    break
                if later != concept:
                    grams.add(f"{concept}>{later}")
        found.update([other[gram] for gram in grams if gram in other])
