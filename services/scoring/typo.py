"""Words written with one typing error. In: known words and what each stands for; out: what a strange word stands for, if all known words that near agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

_SHORTEST = 7


class Typos:
    """One letter missing, added, wrong or swapped, not the first: the two words share a form with one letter deleted."""

    __slots__ = ("_longest", "_near")

    def __init__(self, words: Mapping[str, int]) -> None:
        self._near: dict[str, set[int]] = {}
        self._longest = max(map(len, words), default=0) + 1
        for word, meaning in words.items():
            if len(word) >= _SHORTEST and word.isalpha():
                for shorter in _deletions(word):
                    self._near.setdefault(shorter, set()).add(meaning)

    def meant(self, word: str) -> int | None:
        """What `word` stands for; None when no known word is near, or several that differ."""
        if not _SHORTEST <= len(word) <= self._longest or not word.isalpha():
            return None
        forms = _deletions(word)
        if self._near.keys().isdisjoint(forms):
            return None
        near = set(chain.from_iterable(filter(None, map(self._near.get, forms))))
        return near.pop() if len(near) == 1 else None


def _deletions(word: str) -> Sequence[str]:
    return [word, *[word[:at] + word[at + 1 :] for at in range(1, len(word))]]
