"""Which known grams stand in a text. In: the codes of its terms in order; out: keys of grams, each once, known or not. What grams are, `terms.grams` says.

A term is its code, two neighbours one number made of both; a concept is a number below 0, an ordered pair of concepts one made of both: small keys that are quickly told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from services.scoring.marks import MARK
from services.scoring.terms import UNDONE

_WINDOW = 8
_PAIR = 1 << 20
Key: TypeAlias = int | str


class Vocabulary:
    """Numbers for terms and concepts: what a model weighs is found by whole numbers instead of by text put together."""

    __slots__ = ("_concepts", "_numbers", "codes")

    def __init__(self, grams: Iterable[str], concepts: Mapping[str, str], words: Iterable[str] = ()) -> None:
        """`words` may stand in a text without being a gram of their own."""
        self.codes: dict[str, int] = {}
        for gram in grams:
            if gram[0] not in ("=", MARK) and ">" not in gram:
                for part in gram.split(" "):
                    self._code(part)
        for word in words:
            self._code(word)
            self._code(UNDONE + word)
        both = {**concepts, **{UNDONE + term: UNDONE + concept for term, concept in concepts.items()}}
        self._numbers = {concept: -number for number, concept in enumerate(dict.fromkeys(both.values()), start=1)}
        self._concepts = {self.codes[term]: self._numbers[concept] for term, concept in both.items() if term in self.codes}

    def _code(self, term: str) -> int:
        return self.codes.setdefault(term, len(self.codes) + 1)

    def key(self, gram: str) -> Key | None:
        """Of a gram; None for one of concepts that no term stands for. A mark is its own key."""
        if gram[0] == MARK:
            return gram
        if gram[0] == "=":
            return self._numbers.get(gram[1:])
        if ">" in gram:
            return self._pair(*map(self._numbers.get, gram.split(">")))
        return self._pair(*map(self.codes.get, gram.split(" "))) if " " in gram else self.codes.get(gram)

    @staticmethod
    def _pair(first: int | None, second: int | None) -> int | None:
        return None if first is None or second is None else first * _PAIR + second

    @staticmethod
    def pairs(codes: Sequence[int]) -> list[int]:
        """Keys of all neighbours of a text."""
        return [first * _PAIR + second for first, second in pairwise(codes)]

    def find(self, codes: Sequence[int]) -> set[Key]:
        """Keys of all grams of a text."""
        found: set[Key] = {*codes, *self.pairs(codes)}
        if self._concepts:
            self._find_concepts(codes, found)
        return found

    def _find_concepts(self, codes: Sequence[int], found: set[Key]) -> None:
        """Concepts ("=act:cut") and ordered pairs of unlike ones within the window ("act:cut>thing:term")."""
        concepts = self._concepts
        seen = [(at, concepts[code]) for at, code in enumerate(codes) if code in concepts]
        found.update([concept for _, concept in seen])
        for place, (at, concept) in enumerate(seen, start=1):
            for where, later in seen[place : place + _WINDOW]:
                if where - at > _WINDOW:
                    break
                if later != concept:
                    found.add(concept * _PAIR + later)
