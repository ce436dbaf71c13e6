"""From words to the numbers of a model's terms: `Lexicon.terms` followed by a look-up, in one pass over numbers instead of two over strings. In: words; out: codes in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.scoring.glossary import Script
from services.scoring.memory import Memory
from services.scoring.terms import REPEALS, Lexicon


class Scanner:
    """Each word met is remembered as the code of its term: 0 for one that is dropped, above `last` for one that counts only inside a phrase."""

    __slots__ = ("_codes", "_last", "_lexicon", "_memory", "_phrases", "_repeals")

    def __init__(self, lexicon: Lexicon, codes: Mapping[str, int]) -> None:
        """`codes`: from 1 on, of all terms that a model knows."""
        self._lexicon = lexicon
        self._codes = dict(codes)
        self._last = len(codes)
        self._phrases = {self._code(first): [(list(map(self._code, parts)), self._code(whole)) for parts, whole in phrases] for first, phrases in lexicon.phrases.items()}
        self._repeals = frozenset(map(self._code, REPEALS))
        self._memory = Memory(self.number)

    def _code(self, term: str) -> int:
        return self._codes.setdefault(term, len(self._codes) + 1)

    def number(self, word: str) -> int:
        """The code of a word's term; 0 for one that is dropped."""
        term = self._lexicon.term(word)
        return self._code(term) if term else 0

    def read(self, written: Sequence[str]) -> list[int]:
        """Codes of the terms of a text, given as lower-case words: a script of a glossary that knows this scanner says their numbers itself."""
        numbers = written.numbers.get(self) if isinstance(written, Script) else None
        codes = list(filter(None, map(self._memory.__getitem__, written) if numbers is None else numbers))
        if not self._repeals.isdisjoint(codes):
            return [self._codes.get(term, 0) for term in self._lexicon.terms(written)]
        if not self._phrases.keys().isdisjoint(codes):
            codes = self._joined(codes)
        last = self._last
        return [code for code in codes if code <= last]

    def _joined(self, found: list[int]) -> list[int]:
        """Every phrase as its one code."""
        phrases = self._phrases
        out: list[int] = []
        end = 0
        for at in [at for at, code in enumerate(found) if code in phrases]:
            if at >= end:
                for parts, whole in phrases[found[at]]:
                    if found[at : at + len(parts)] == parts:
                        out += found[end:at]
                        out.append(whole)
                        end = at + len(parts)
                        break
        return out + found[end:]
