"""What the words of a text are to all who read it, looked up at once. In: text in lower case; out: its words, and beside them each reader's own number for each.

To look a word up is what reading costs: most words lie in no cache of the processor, and each reader's own dictionary would fetch them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Protocol

from services.scoring.memory import Memory

_AROUND = ".,;:()\"'“”"
"""What most pieces that are one word have around it."""


class WordReader(Protocol):
    def number(self, word: str) -> int: ...


class Script(list[str]):
    """Words as written, in order; `numbers`: of each word, for each reader."""

    __slots__ = ("numbers",)
    numbers: dict[WordReader, Sequence[int]]


class Glossary:
    """`split` cuts what stands between two spaces into words: no word reaches over a space, so the pieces between are remembered, word by word with its numbers in one row."""

    __slots__ = ("_pieces", "_readers", "_split", "_width", "_words")

    def __init__(self, split: Callable[[str], Sequence[str]], readers: Sequence[WordReader]) -> None:
        self._split = split
        self._readers = tuple(readers)
        self._width = 1 + len(self._readers)
        self._words = Memory(self._met)
        self._pieces = Memory(self._cut)

    def _met(self, word: str) -> tuple[Any, ...]:
        return (word, *[reader.number(word) for reader in self._readers])

    def _cut(self, piece: str) -> tuple[Any, ...]:
        words = [bare] if (bare := piece.strip(_AROUND)).isalpha() else self._split(piece)
        # A piece that is one word is that word: one string, to be fetched once.
        rows = [self._words[word] for word in ([piece] if words == [piece] else words)]
        return rows[0] if len(rows) == 1 else tuple(chain.from_iterable(rows))

    def read(self, parts: Iterable[str], longest: int) -> tuple[Script, tuple[int, ...]]:
        """The first `longest` words of all parts, and the positions at which the second and each further part begin."""
        rows: list[Any] = []
        breaks: list[int] = []
        width = self._width
        for part in parts:
            breaks.append(len(rows) // width)
            rows += chain.from_iterable(map(self._pieces.__getitem__, part.split()))
        del rows[longest * width :]
        script = Script(rows[::width])
        script.numbers = {reader: rows[at::width] for at, reader in enumerate(self._readers, start=1)}
        return script, tuple(breaks[1:])
