"""From words to the numbers of a model's terms: `Lexicon.terms` followed by a look-up, in one pass over numbers instead of two over strings. In: words; out: codes in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress, count, pairwise

from services.scoring.glossary import Script
from services.scoring.memory import Memory
from services.scoring.terms import REPEALS, Lexicon, undone_spans


class Scanner:
    """Each word met is remembered as the code of its term: 0 for one that is dropped, above `last` for one that counts only inside a phrase."""

    __slots__ = ("_codes", "_fresh", "_last", "_lexicon", "_memory", "_phrases", "_repeals")

    def __init__(self, lexicon: Lexicon, codes: Mapping[str, int]) -> None:
        """`codes`: from 1 on, of all terms that a model knows."""
        self._lexicon = lexicon
        self._codes = dict(codes)
        self._last = len(codes)
        self._fresh = count(self._last + 1)
        phrases = [phrase for begun in lexicon.phrases.values() for phrase in begun]
        for (term, *others), whole in phrases:
            if not others:
                if whole:
                    raise ValueError(f"{term} is one word: an alias makes it {whole}, not a phrase")
                self._codes[term] = next(self._fresh)  # it never counts
        self._phrases = self._by_two([phrase for phrase in phrases if len(phrase[0]) > 1])
        self._repeals = frozenset(map(self._code, REPEALS))
        self._memory = Memory(self.number)

    def _by_two(self, phrases: Iterable[tuple[tuple[str, ...], str]]) -> dict[tuple[int, int], list[tuple[list[int], int]]]:
        """Phrases by the first two of their codes, in the order given."""
        found: dict[tuple[int, int], list[tuple[list[int], int]]] = {}
        for parts, whole in phrases:
            first, second, *rest = map(self._code, parts)
            found.setdefault((first, second), []).append(([first, second, *rest], self._code(whole)))
        return found

    def _code(self, term: str) -> int:
        if (code := self._codes.get(term)) is None:
            code = self._codes[term] = next(self._fresh)
        return code

    def number(self, word: str) -> int:
        """The code of a word's term; 0 for one that is dropped."""
        term = self._lexicon.term(word)
        return self._code(term) if term else 0

    def read(self, written: Sequence[str]) -> list[int]:
        """Codes of the terms of a text, given as lower-case words: a script of a glossary that knows this scanner says their numbers itself."""
        numbers = written.numbers.get(self) if isinstance(written, Script) else None
        codes = list(filter(None, map(self._memory.__getitem__, written) if numbers is None else numbers))
        if not self._repeals.isdisjoint(codes) and undone_spans(written):
            return [self._codes.get(term, 0) for term in self._lexicon.terms(written)]
        if not self._phrases.keys().isdisjoint(pairwise(codes)):
            codes = self._joined(codes)
        last = self._last
        return [code for code in codes if code <= last] if codes and max(codes) > last else codes

    def _joined(self, found: list[int]) -> list[int]:
        """Every phrase as its one code."""
        phrases = self._phrases
        out: list[int] = []
        end = 0
        for at in compress(count(), map(phrases.__contains__, pairwise(found))):
            if at >= end:
                for parts, whole in phrases[found[at], found[at + 1]]:
                    if found[at : at + len(parts)] == parts:
                        out += found[end:at]
                        out.append(whole)
                        end = at + len(parts)
                        break
        return out + found[end:]
