"""What was worked out for a word (or a tuple of names), worked out once. In: the function that works it out; out: a dictionary that fills itself.

Bounded both ways, because words come from strangers: it forgets all when full and never keeps what is longer than a word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_MOST = 60_000
_LONGEST_WORD = 40
Key = TypeVar("Key", bound=str | tuple[str, ...])
Value = TypeVar("Value")


class Memory(dict[Key, Value]):
    """`memory[word]` is `work_out(word)`; `map(memory.__getitem__, words)` reads a text without a line of Python for words met before."""

    __slots__ = ("_longest", "_work_out")

    def __init__(self, work_out: Callable[[Key], Value], longest: int = _LONGEST_WORD) -> None:
        super().__init__()
        self._work_out = work_out
        self._longest = longest

    def __missing__(self, word: Key) -> Value:
        value = self._work_out(word)
        if len(word) <= self._longest:
            if len(self) >= _MOST:
                self.clear()
            self[word] = value
        return value
