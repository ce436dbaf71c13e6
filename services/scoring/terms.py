"""From an official text to the terms the learned parts read. In: a Spanish title and summary; out: stems in order, without names, numbers unified.

Only listed words pass: a name of a person, party or place is not in the list, so no text can make a name count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from services.scoring.memory import Memory
from shared.folding import unaccented

_TOKEN = re.compile(r"[^\W\d_ºª]+|\d+(?:[.,]\d{3})*")
_CARRIED_OVER = re.compile(r"^\s*actualizaci[oó]n\b.{0,300}?\(\s*antes\b[^)]{0,200}\)[\s.\-]*", re.DOTALL)
_SEPARATOR = re.compile(r"[.,]")
_STEM = re.compile(  # the shortest stem of four letters or more before a listed ending: the longest ending goes
    "(.{4,}?)(?:aciones|acion|amientos?|imientos?|ciones|cion|siones|sion|andose|iendose|ando|iendo|arse|erse|irse|ad[oa]s?|id[oa]s?"
    "|aran|eran|iran|ara|era|ira|ar|er|ir|an|en|as|es|os|a|e|o|s)?"
)
UNDONE = "~"
REPEALS = frozenset({"derog", "abrog", "efect"})
_REPEALING = ("derog", "deróg", "abrog")
_NEW_ACTS = ("restitu", "restable", "repon", "estable", "dispon", "modific", "incorpor", "declar", "regul", "crea", "garantiz", "recuper", "fortale")
_FUZZY_LENGTH = 8


@lru_cache(maxsize=32_768)
def stem(word: str) -> str:
    """The word less its longest listed ending, never shorter than four letters: one stem for *elimina*, *eliminar*, *eliminación*."""
    if word.endswith("ces") and len(word) > 5:
        word = word[:-3] + "z"
    found = _STEM.fullmatch(word)
    return found[1] if found is not None else word


def tokens(text: str) -> tuple[str, ...]:
    """Words and numbers of a text in lower case, less the preamble of a bill carried over from an earlier period."""
    lower = unicodedata.normalize("NFC", text).lower()
    if "antes" in lower:
        lower = _CARRIED_OVER.sub(" ", lower)
    return tuple(_TOKEN.findall(lower))


def _canonical(token: str) -> str:
    return _SEPARATOR.sub("", token) if token[0].isdigit() else stem(unaccented(token))


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a country's drafters write: phrases that are one term, abbreviations, names that are never read, empty words, concepts by stem.

    `parties`: names of several words, of parties and of places.
    """

    phrases: dict[str, str]
    aliases: dict[str, str]
    names: frozenset[str]
    empty: frozenset[str]
    parties: tuple[str, ...]
    concepts: dict[str, str]

    @classmethod
    def load(cls, directory: Path) -> Conventions:
        """From `lexicon.json` and `stop.json` of a pack's weights."""
        lexicon: dict[str, Any] = orjson.loads((directory / "lexicon.json").read_bytes())
        stop: dict[str, Any] = orjson.loads((directory / "stop.json").read_bytes())
        return cls(
            phrases=lexicon["phrases"],
            aliases={unaccented(short): _canonical(full) if full else "" for short, full in lexicon["aliases"].items()},
            names=frozenset(stop["persons"]) | frozenset(stop["regions"]),
            empty=frozenset(stop["empty"]),
            parties=(*stop["parties"], *stop.get("places", ())),
            concepts={_canonical(word): f"{group}:{concept}" for group, entries in lexicon["concepts"].items() for concept, words in entries.items() for word in words},
        )

    def term(self, token: str) -> str:
        """The term of one token: empty for words without meaning and for names told by their marks (peña is no *pena*);

        marked with * for a word that is also a name and so counts only inside a phrase.
        """
        plain = unaccented(token)
        if plain in self.empty or (token != plain and token in self.names):
            return ""
        if (full := self.aliases.get(plain)) is not None:
            return full
        term = _SEPARATOR.sub("", token) if token[0].isdigit() else stem(plain)
        return f"{term}*" if plain in self.names else term

    def joined(self) -> dict[tuple[str, ...], str]:
        """Phrases as sequences of terms, and the one term (or nothing) that stands for each."""
        written = {**dict.fromkeys(self.parties, ""), **self.phrases}
        return {self.terms(phrase): "_".join(_canonical(word) for word in whole.split("_")) if whole else "" for phrase, whole in written.items()}

    def terms(self, text: str) -> tuple[str, ...]:
        """Every term of a text before phrases are joined."""
        return tuple(term for token in tokens(text) if (term := self.term(token)))


class Lexicon:
    """The words that may count, and the reader of texts that passes only those. With `words` None every word passes: how training sees a text first."""

    __slots__ = ("_conventions", "_longest", "_memory", "_near", "_parts", "phrases", "words")

    def __init__(self, conventions: Conventions, words: Iterable[str] | None) -> None:
        joined = conventions.joined()
        self.words = None if words is None else frozenset(words)
        self._conventions = conventions
        self.phrases = _by_first(joined)
        self._parts = frozenset(part for parts in joined for part in parts)
        self._near = _neighbours(self.words or ())
        self._longest = max(map(len, self.words or ("",))) + 1
        self._memory = Memory(self.term)

    def read(self, text: str) -> list[str]:
        """Terms of a text in order; unlisted words leave no gap, and what a repealed norm said is marked with ~."""
        return self.terms(tokens(text))

    def terms(self, written: Sequence[str]) -> list[str]:
        """The same for a text already split into lower-case words."""
        terms = list(map(self._memory.__getitem__, written))
        if not REPEALS.isdisjoint(terms):
            terms, undone = self._split(written, terms)
            return self._join([term for term in terms if term]) + [UNDONE + term for term in self._join(undone)]
        return self._join([term for term in terms if term])

    def _split(self, written: Sequence[str], terms: list[str]) -> tuple[list[str], list[str]]:
        """What the text does, and what the norms it repeals had done."""
        inside = undone_spans(written)
        return [term for at, term in enumerate(terms) if at not in inside], [term for at, term in enumerate(terms) if at in inside and term]

    def term(self, token: str) -> str:
        """The term that a word stands for; empty for a word that cannot count."""
        term = self._conventions.term(token)
        if not term or term in self._parts:
            return term
        if term.endswith("*"):
            return ""
        if self.words is None or term in self.words:
            return term
        return self._mistyped(term) if len(token) >= _FUZZY_LENGTH and token.isalpha() else ""

    def _mistyped(self, term: str) -> str:
        """The listed word whose stem is one typing error away, if exactly one is."""
        if len(term) > self._longest:
            return ""
        near = set(chain.from_iterable(filter(None, map(self._near.get, _deletions(term)))))
        return near.pop() if len(near) == 1 else ""

    def _join(self, found: list[str]) -> list[str]:
        """Phrases as one term, then only what may count."""
        if not self.phrases.keys().isdisjoint(found):
            found = self._joined(found)
        words = self.words
        if words is None:
            return [term for term in found if term and not term.endswith("*")]
        return [term for term in found if term in words]

    def _joined(self, found: list[str]) -> list[str]:
        phrases = self.phrases
        out: list[str] = []
        end = 0
        for at, term in enumerate(found):
            if at < end or term not in phrases:
                continue
            for parts, whole in phrases[term]:
                if tuple(found[at : at + len(parts)]) == parts:
                    out += found[end:at]
                    out.append(whole)
                    end = at + len(parts)
                    break
        return out + found[end:]


def undone_spans(written: Sequence[str]) -> set[int]:
    """Positions of the words by which a repealed norm is described: "deroga la Ley 1234, *que concede …* y restituye …"."""
    inside: set[int] = set()
    end = 0
    for at in [at for at, word in enumerate(written) if word.startswith(_REPEALING) or (word == "efecto" and at and written[at - 1] == "sin")]:
        if (number := _law_number(written, at + 1)) is not None and number >= end:
            end = _end_of_description(written, number + 1)
            inside.update(range(number + 1, end))
    return inside


def _law_number(written: Sequence[str], start: int) -> int | None:
    """Where the number of the repealed norm stands, if it is near and long enough to be a law's."""
    near = range(start, min(start + 11, len(written)))
    return next((at for at in near if written[at][0].isdigit() and len(_SEPARATOR.sub("", written[at])) > 3), None)


def _end_of_description(written: Sequence[str], start: int) -> int:
    """Where the text speaks again of what it does itself: "y restituye …", or the summary's "Propone …"."""
    for at in range(start, len(written)):
        if written[at] == "propone" or (written[at] in ("y", "e") and at + 1 < len(written) and written[at + 1].startswith(_NEW_ACTS)):
            return at
    return len(written)


def _by_first(joined: dict[tuple[str, ...], str]) -> dict[str, list[tuple[tuple[str, ...], str]]]:
    grouped: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for parts, whole in sorted(joined.items(), key=lambda item: (-len(item[0]), item[0])):
        if parts:
            grouped.setdefault(parts[0], []).append((parts, whole))
    return grouped


def _deletions(word: str) -> Sequence[str]:
    return [word, *[word[:i] + word[i + 1 :] for i in range(1, len(word))]]


def _neighbours(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    near: dict[str, tuple[str, ...]] = {}
    for word in sorted(words):
        if len(word) >= _FUZZY_LENGTH - 2 and word.isalpha():
            for shorter in _deletions(word):
                near[shorter] = (*near.get(shorter, ()), word)
    return near


def grams(terms: Sequence[str], concepts: Mapping[str, str], window: int = 8) -> list[str]:
    """Distinct features of a text: its terms, neighbours ("reduc mandat"), concepts ("=act:cut"), ordered pairs of concepts within `window` terms ("act:cut>thing:term")."""
    found = dict.fromkeys(terms)
    previous = ""
    seen: list[tuple[int, str]] = []
    for at, term in enumerate(terms):
        if previous:
            found[f"{previous} {term}"] = None
        previous = term
        concept = concepts.get(term) if term[0] != UNDONE else concepts.get(term[1:])
        if concept is None:
            continue
        if term[0] == UNDONE:
            concept = UNDONE + concept
        found[f"={concept}"] = None
        for where, earlier in seen:
            if at - where <= window and earlier != concept:
                found[f"{earlier}>{concept}"] = None
        seen.append((at, concept))
    return list(found)
