"""Turns of phrase: neighbours of which one is an empty word or a number ("+_los magistr", "+articul #"). In: lower-case words; out: pairs of neighbours.

A term of the title is a neighbour of the title too ("+^ mandat"): what a bill is about stands there, in the summary also what it touches by the way.

An empty word counts only right before a term. A word that is no term, as a name is none, is a gap, and so is a whole name of several words: what a text names makes no turn.
What announces a number is not heard: "Ley N° 32108" is "Ley 32108". Nor is a letter that may be an initial: no consonant at all, no vowel after a gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat

from services.scoring.memory import Memory
from services.scoring.terms import Conventions, Lexicon
from shared.folding import unaccented

TURN = "+"
NUMBER = "#"
EMPTY = "_"
TITLE = "^"
_GAP = "|"
_UNHEARD = frozenset(("nro", "num", "numero", *"bcdfghijklmnpqrstvwxz"))
_GAP_AND_AROUND = re.compile(r"(?:\b_\w )*\|\S*(?: _\S+)*")  # in words told backwards
Pair = tuple[str, str]


class Turns:
    """Reads the turns that a lexicon's words make. Its own loops are those of the machine: texts are long."""

    __slots__ = ("_empty", "_lexicon", "_memory", "_names")

    def __init__(self, lexicon: Lexicon, conventions: Conventions) -> None:
        self._lexicon = lexicon
        self._empty = conventions.empty
        nameless = {first: [parts for parts, whole in phrases if not whole] for first, phrases in lexicon.phrases.items()}
        self._names = {_said(first): [tuple(map(_said, parts)) for parts in names] for first, names in nameless.items() if names}
        self._memory = Memory(self._part)

    def _part(self, word: str) -> str:
        """What the word is in a turn: a term, `#`, an empty word as "_los", a gap; nothing for what is not heard."""
        if term := self._lexicon.term(word):
            return _said(term)
        plain = unaccented(word)
        if plain in self._empty:
            return "" if plain in _UNHEARD else EMPTY + plain
        return NUMBER if word[0].isdigit() else _GAP

    def read(self, written: Sequence[str], title: Sequence[str]) -> Iterator[Pair]:
        """All neighbours in a text, turns and others; `title`: those of its words that stand there."""
        backwards = _GAP_AND_AROUND.sub(_GAP, " ".join((_GAP, *reversed(self._parts(written))))).split(" ")
        return chain(zip(islice(backwards, 1, None), backwards, strict=False), zip(repeat(TITLE), self._parts(title), strict=False))

    def _parts(self, written: Sequence[str]) -> list[str]:
        parts = list(filter(None, map(self._memory.__getitem__, written)))
        return parts if self._names.keys().isdisjoint(parts) else self._unnamed(parts)

    def _unnamed(self, parts: list[str]) -> list[str]:
        """Names of several words as gaps, with the empty words between."""
        places = [at for at, part in enumerate(parts) if part != _GAP and part[0] != EMPTY]
        terms = [parts[at] for at in places]
        out = list(parts)
        for at, term in enumerate(terms):
            for name in self._names.get(term, ()):
                if tuple(terms[at : at + len(name)]) == name:
                    first, last = places[at], places[at + len(name) - 1]
                    out[first : last + 1] = [_GAP] * (last + 1 - first)
        return out


def _said(term: str) -> str:
    """A number is any number; what counts only inside a phrase is a gap that still says which."""
    return NUMBER if term[0].isdigit() else _GAP + term if term.endswith("*") else term


def named(pair: Pair) -> str | None:
    """A turn as a feature; None for neighbours that are none."""
    one, other = pair
    if one == TITLE:
        return None if other[0] in (_GAP, EMPTY) else f"{TURN}{one} {other}"
    return f"{TURN}{one} {other}" if _GAP not in pair and (one[0] in _LOOSE or other[0] in _LOOSE) else None


_LOOSE = frozenset((EMPTY, NUMBER))
