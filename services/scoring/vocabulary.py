"""Which known grams stand in a text. In: the codes of its terms in order, and its marks; out: the places of what was found, each once. What grams are, `terms.grams` says.

The place of a term is its code: only neighbours, concepts and marks are looked up. Whoever weighs grams keeps what each weighs in a row by place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

from services.scoring.marks import MARK
from services.scoring.terms import UNDONE
from services.scoring.turns import TURN, Pair

_WINDOW = 8
Key: TypeAlias = int | str | tuple[int, int] | tuple[str, str]


class Vocabulary:
    """Numbers for terms and concepts: what a model weighs is found by whole numbers instead of by text put together.

    Two neighbours are the pair of their codes; a concept is a number below 0, an ordered pair of concepts the pair of both; a mark is itself.
    A turn is the pair of what it is made of, as it is written.
    """

    __slots__ = ("_concepts", "_numbers", "_places", "codes")

    def __init__(self, grams: Collection[str], concepts: Mapping[str, str], words: Iterable[str] = ()) -> None:
        """`words` may stand in a text without being a gram of their own."""
        self.codes: dict[str, int] = {}
        for gram in grams:
            if gram[0] not in ("=", MARK, TURN) and ">" not in gram:
                for part in gram.split(" "):
                    self._code(part)
        for word in words:
            self._code(word)
            self._code(UNDONE + word)
        both = {**concepts, **{UNDONE + term: UNDONE + concept for term, concept in concepts.items()}}
        self._numbers = {concept: -number for number, concept in enumerate(dict.fromkeys(both.values()), start=1)}
        self._concepts = {self.codes[term]: self._numbers[concept] for term, concept in both.items() if term in self.codes}
        keys = [key for gram in grams if gram not in self.codes and (key := self._key(gram)) is not None]
        self._places: dict[Key | None, int] = {key: place for place, key in enumerate(keys, start=len(self.codes) + 1)}

    def _code(self, term: str) -> int:
        return self.codes.setdefault(term, len(self.codes) + 1)

    def _key(self, gram: str) -> Key | None:
        """Of a gram that is no term; None for one of concepts that no term stands for."""
        if gram[0] == MARK:
            return gram
        if gram[0] == TURN:
            one, other = gram[1:].split(" ")
            return one, other
        if gram[0] == "=":
            return self._numbers.get(gram[1:])
        first, second = map(self._numbers.get, gram.split(">")) if ">" in gram else map(self.codes.get, gram.split(" "))
        return None if first is None or second is None else (first, second)

    @property
    def size(self) -> int:
        """Of a row by place: 0 is the place of nothing."""
        return len(self.codes) + len(self._places) + 1

    def place(self, gram: str) -> int:
        """0 for a gram that no text can hold."""
        return self.codes.get(gram) or self._places.get(self._key(gram), 0)

    def find(self, codes: Sequence[int], marks: Iterable[str] = ()) -> set[int]:
        """Places of all grams of a text."""
        place = self._places.get
        found: set[Any] = {*codes, *map(place, zip(codes, islice(codes, 1, None), strict=False)), *map(place, marks)}
        if self._concepts:
            found.update(map(place, self._conceived(codes)))
        found.discard(None)
        return found

    def turned(self, neighbours: Iterable[Pair]) -> set[int]:
        """Places of the turns among neighbours."""
        found: set[Any] = set(map(self._places.get, neighbours))
        found.discard(None)
        return found

    def _conceived(self, codes: Sequence[int]) -> list[Key]:
        """Concepts ("=act:cut") and ordered pairs of unlike ones within the window ("act:cut>thing:term")."""
        seen = [(at, concept) for at, concept in enumerate(map(self._concepts.get, codes)) if concept]
        found: list[Key] = [concept for _, concept in seen]
        for place, (at, concept) in enumerate(seen, start=1):
            for where, later in seen[place : place + _WINDOW]:
                if where - at > _WINDOW:
                    break
                if later != concept:
                    found.append((concept, later))
        return found
