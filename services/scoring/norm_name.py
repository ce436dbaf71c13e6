"""Where the names of norms stand: "Ley 32108, *Ley que modifica ...*". In: a text, its words with their places and the norms it cites; out: stretches of word positions.

What stands inside one says what that norm did, not what this text does. Each stretch of a text is searched once, however many norms it cites.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import itemgetter

Zone = tuple[int, int]
_FURTHER = frozenset(("restituye", "restablece", "establece", "dispone", "declara", "devuelve", "recupera", "restituir", "restablecer", "prohibe", "prohíbe"))
_CLOSERS = {"—": "—", "–": "–", "-": "-", "(": ")"}


def begins(words: Sequence[str], last: int) -> int | None:
    """Position of the *que* of a name that follows a norm cited up to `last`."""
    at = last + 1
    if at < len(words) and words[at] in ("ley", "decreto"):
        at += 1
        if at < len(words) and words[at] == "legislativo":
            at += 1
    return at if at < len(words) and words[at] == "que" else None


class NormNames:
    """`breaks`: positions at which a further segment of the text begins."""

    def __init__(self, text: str, words: Sequence[str], spans: Sequence[tuple[int, int]], breaks: Sequence[int]) -> None:
        self._text = text
        self._words = words
        self._spans = spans
        self._breaks = breaks
        self._known: dict[tuple[str, int], Zone] = {}

    def zones(self, lasts: Iterable[int]) -> list[Zone]:
        """The names after norms cited up to these positions, merged."""
        found = [(last + 1, end) for last in lasts if (at := begins(self._words, last)) is not None and (end := self._end(last + 1, at)) > last + 1]
        return merged(found)

    def _end(self, start: int, at: int) -> int:
        """A name set off by a dash or bracket ends with it; else at a purpose set off by a comma or at a further act, or with its segment."""
        opener = self._between(start)[-1:] if start else ""
        opener = opener if opener in _CLOSERS else ""
        limit = min((place for place in self._breaks if place > start), default=len(self._words))
        searched_from, end = self._known.get((opener, limit), (0, -1))
        if not searched_from <= at <= end:
            end = self._search(opener, at, limit)
            self._known[opener, limit] = (at, end)
        return end

    def _search(self, opener: str, at: int, limit: int) -> int:
        words = self._words
        for position in range(at + 1, min(limit, len(words))):
            if opener:
                if _CLOSERS[opener] in self._between(position):
                    return position - 1
            elif (words[position] == "para" and "," in self._between(position)) or (words[position] in _FURTHER and words[position - 1] in ("y", "e")):
                return position - 1
        return max(min(limit, len(words)) - 1, at)

    def _between(self, position: int) -> str:
        """What stands before a word and after the one before it."""
        return self._text[self._spans[position - 1][1] : self._spans[position][0]].strip()


def merged(zones: Iterable[Zone]) -> list[Zone]:
    """The same positions in stretches that do not overlap, in order."""
    out: list[Zone] = []
    for start, end in sorted(zones):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def within(position: int, zones: Sequence[Zone]) -> bool:
    """Whether a position stands in one of some merged zones."""
    place = bisect_right(zones, position, key=itemgetter(0))
    return place > 0 and position <= zones[place - 1][1]
