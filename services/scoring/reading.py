"""From an official text to what it mentions. In: title, summary and text of a move; out: institutions, concepts and norms by word position, with quotes of the original.

Pure. Words are compared folded, stemmed and without articles, so capitals, accents, spacing and number formats do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import accumulate, compress
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import ahocorasick

from services.scoring.citing import Cited, Citing
from services.scoring.glossary import Glossary, Script, WordReader
from services.scoring.norm_name import NormNames, begins, within
from services.scoring.terms import stem
from services.scoring.typo import Typos
from shared.countries.pack import Pack
from shared.folding import unaccented

_TOKEN = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d{3})*(?:-[a-h]\b)?")
_NUMBER = re.compile(r"\d")
CLAIM = "claim"
_LONGEST = 20_000
_HIDING = ("blank", "name")
_NORMS = ("body", "norm")
_NOTHING: frozenset[Any] = frozenset()
_DROPPED, _UNKNOWN = 0, 1
_NEVER = (_UNKNOWN, _DROPPED)
"""Of no text, for what is dropped is never asked. The automaton tries one first word after another: so it need try but one for most words, which are unknown."""
Kind = Literal["concept", "institution", "norm", "body", "blank", "name"]


class Mention(NamedTuple):
    """A phrase found: `first` and `last` are word positions (both included); `quoted` when it stands inside the name of another norm."""

    kind: Kind
    code: str
    first: int
    last: int
    quoted: bool = False


_new = tuple.__new__


@dataclass
class Reading:
    """What a text mentions. `plain` is the text as its words were cut from it; `where` lists positions by concept or institution; `cited` the norms it names."""

    text: str
    plain: str
    words: Script
    mentions: tuple[Mention, ...]
    cited: tuple[Cited, ...]
    bodies: frozenset[str]
    breaks: tuple[int, ...]
    count: Callable[[], Sequence[int]]
    where: dict[str, list[Mention]] = field(default_factory=dict)

    @cached_property
    def counts(self) -> Sequence[int]:
        """Of every position, how many words up to it count: only those of the lexicon, outside names of parties, and no letter that may be an initial.

        Distances are measured in these, so that no name, long or short, changes them.
        """
        return self.count()

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Character span of every word in `text`: between two words stands nothing that is part of a word, so each is found where it next occurs."""
        found: list[tuple[int, int]] = []
        find, end = self.plain.find, 0
        for word in self.words:
            start = find(word, end)
            end = start + len(word)
            found.append((start, end))
        return found

    def quote(self, first: int, last: int, longest: int = 160) -> str:
        """The original words from position `first` to `last`."""
        start, end = self.spans[first][0], self.spans[last][1]
        words = " ".join(self.text[start:end].split())
        return words if len(words) <= longest else f"{words[: longest - 1].rstrip()}…"

    def plain_words(self, *, less_text: bool = False) -> Sequence[str]:
        """As the models were taught them: an article's letter is a word of its own ("99", "a"). `less_text`: without the last segment."""
        words = self.words[: self.breaks[-1]] if less_text else self.words
        if "-" in self.text and "-" in (joined := " ".join(words)):
            return joined.replace("-", " ").split(" ")
        return words

    def segment(self, position: int) -> int:
        """0 for the title, 1 for the summary, 2 for the text."""
        return sum(position >= start for start in self.breaks)


def prepared(text: str) -> str:
    """Lower case with marks blanked, of the same length as `text`."""
    lower = text.lower()
    if len(lower) != len(text):  # a letter that grows in lower case
        lower = text
    return lower.replace("º", " ").replace("ª", " ").replace("°", " ").replace("*", " ")


def composed(text: str) -> str:
    """Letters and their accents as one character. Everything in Latin-1 is: that is asked first because it is cheap."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return unicodedata.normalize("NFC", text)
    return text


class Reader:
    """A pack's lexicon compiled once: an Aho-Corasick automaton over word stems."""

    def __init__(self, pack: Pack, parties: Iterable[str] = (), names: Iterable[str] = (), others: Sequence[WordReader] = ()) -> None:
        """`parties`: phrases that hide what stands inside them; `names`: words of persons and places, which count for no distance; `others` who read the same words."""
        self._vocabulary: dict[str, int] = {}
        self._glossary = Glossary(_TOKEN.findall, (self, *others))
        self._spelt: dict[str, int] = {}
        listed = frozenset(names)
        self._marked = frozenset(name for name in listed if unaccented(name) != name)
        self._unmarked = listed - self._marked
        self._names = frozenset(map(stem, self._unmarked))
        self._empty = frozenset(unaccented(word) for word in pack.lexicon.empty)
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_ANY, ahocorasick.KEY_SEQUENCE)
        self._entries: dict[tuple[int, ...], list[tuple[Kind, str]]] = {}
        self._preamble = _preamble(pack.lexicon.preamble)
        self._citing = Citing(pack.norms, frozenset(pack.names.bodies))
        self._targets = {code: institution.target for code, institution in pack.institutions.items()}
        self._compile(pack, parties)
        self._never = self._marked | {name for name in self._unmarked if (self._vocabulary.get(stem(name)),) in self._entries}
        self._typos = Typos(self._spelt)
        letters = [known for known in self._vocabulary if len(known) == 1]
        still = {_DROPPED, _UNKNOWN, *(self._vocabulary.get(known, _UNKNOWN) for known in (*self._names, *letters))}
        self._counting = [int(number not in still) for number in range(len(self._vocabulary) + _UNKNOWN + 1)]

    def read(self, title: str, summary: str | None = None, text: str | None = None) -> Reading:
        """Reads at most 20,000 words."""
        parts = [self.without_preamble(composed(title)), *(composed(part) for part in (summary, text) if part)]
        whole, plain = "\n".join(parts), list(map(prepared, parts))
        words, breaks = self._glossary.read(plain, _LONGEST)
        mentions, hidden = self._mentions(words, breaks)
        named = [(m.code, m.first, m.last) for m in mentions if m.kind in _NORMS]
        cites = _NUMBER.search(whole) or any(m.kind == "norm" for m in mentions)
        cited = self._citing.read(words, named) if cites else ()
        bodies = frozenset([m.code for m in mentions if m.kind == "body"]) if named else _NOTHING
        return _placed(Reading(whole, "\n".join(plain), words, mentions, cited, bodies, breaks, partial(self._counts, words, hidden)))

    def without_preamble(self, title: str) -> str:
        """The title less the preamble of a bill carried over from an earlier period, which names the old proponent."""
        found = self._preamble.match(title) if "(" in title else None
        return title[found.end() :] if found else title

    def _compile(self, pack: Pack, parties: Iterable[str]) -> None:
        for code, phrases in pack.lexicon.concepts.items():
            self._add("concept", code, phrases)
        for code, institution in pack.institutions.items():
            self._add("institution", code, institution.phrases)
        for code, body in pack.names.bodies.items():
            self._add("body", code, body.phrases)
        for name, norm in pack.names.names.items():
            self._add("norm", norm, (name,))
        self._add("concept", CLAIM, pack.lexicon.claims)
        self._add("blank", "", pack.lexicon.blank)
        self._add("name", "", parties)
        self._automaton.add_word(_NEVER, None)
        begun = Counter(key[0] for key in self._entries)
        for key, values in sorted(self._entries.items(), key=lambda entry: -begun[entry[0][0]]):
            unsettles = any(kind in _HIDING or (kind == "institution" and len(key) > 1) for kind, _ in values)
            self._automaton.add_word(key, (len(key), tuple(values), unsettles))
        self._automaton.make_automaton()

    def _add(self, kind: Kind, code: str, phrases: Iterable[str]) -> None:
        for phrase in phrases:
            key = tuple(number for word in _TOKEN.findall(prepared(composed(phrase))) if (number := self._spell(word)))
            if self._is_name(phrase) and len(key) == 1:
                continue
            if key and (kind, code) not in self._entries.setdefault(key, []):
                self._entries[key].append((kind, code))

    def _is_name(self, phrase: str) -> bool:
        """A word that is also a name says nothing alone ("cesar"); inside a longer phrase it does ("libertad de expresión").

        A name that only shares its stem with one that speaks alone ("Allan" with "allanar") is never read.
        """
        return unaccented(phrase) in self._unmarked

    def _spell(self, word: str) -> int:
        """The number of a phrase's word, new or known; 0 for a word without meaning."""
        known = self._stem(word)
        if not known:
            return 0
        number = self._vocabulary.setdefault(known, len(self._vocabulary) + _UNKNOWN + 1)
        self._spelt[unaccented(word)] = number
        return number

    def _stem(self, word: str) -> str:
        plain = unaccented(word)
        if plain in self._empty:
            return ""
        return plain.replace(".", "").replace(",", "") if plain[0].isdigit() else stem(plain)

    def number(self, word: str) -> int:
        """Of a word of the lexicon, above the number of all unknown ones; 0 for a word without meaning."""
        if word in self._never:
            return _UNKNOWN
        known = self._stem(word)
        if not known:
            return _DROPPED
        if (number := self._vocabulary.get(known)) is not None:
            return number
        return (None if known in self._names else self._typos.meant(unaccented(word))) or _UNKNOWN

    def _mentions(self, words: Script, breaks: Sequence[int]) -> tuple[tuple[Mention, ...], Set[int]]:
        """And the positions inside names."""
        ids = words.numbers[self]
        kept = list(compress(range(len(ids)), ids))
        mentions: list[Mention] = []
        unsettled = False
        for end, (length, values, unsettles) in self._automaton.iter(tuple(filter(None, ids))) if kept else ():
            first, last = kept[end - length + 1], kept[end]
            if length == 1 or bisect_right(breaks, first) == bisect_right(breaks, last):
                unsettled = unsettled or unsettles
                for kind, code in values:
                    mentions.append(_new(Mention, (kind, code, first, last, False)))
        if not unsettled:
            return tuple(mentions), _NOTHING
        return self._cleared(mentions), {at for m in mentions if m.kind == "name" for at in range(m.first, m.last + 1)}

    def _cleared(self, found: list[Mention]) -> tuple[Mention, ...]:
        """Without what a blank phrase or a name hides, and without an institution that is only part of another's name."""
        covers = [m for m in found if m.kind in _HIDING]
        named = [m for m in found if m.kind == "institution" and m.last > m.first]
        shown = _uncovered(found, covers) if covers else found
        if not named:
            return tuple(shown)
        widest = max([m.last - m.first for m in named])
        return tuple([m for m in shown if m.kind != "institution" or not self._shadowed(m, named, widest)])

    def _counts(self, words: Script, hidden: Set[int]) -> Sequence[int]:
        """`hidden`: positions inside names."""
        counting = map(self._counting.__getitem__, words.numbers[self])
        return list(accumulate([count if at not in hidden else 0 for at, count in enumerate(counting)] if hidden else counting))

    def _shadowed(self, mention: Mention, named: list[Mention], widest: int) -> bool:
        """`named` are in order of their ends: those that end before it or begin after it are not looked at."""
        near = named[bisect_left(named, mention.last, key=_END) : bisect_right(named, mention.first + widest, key=_END)]
        longer = (other for other in near if other.last - other.first > mention.last - mention.first and _inside(mention, other))
        return any(self._targets[mention.code] != self._targets[other.code] for other in longer)


def _placed(reading: Reading) -> Reading:
    """Marks what stands inside the name of another norm and indexes mentions by code."""
    lasts = [cited.last for cited in reading.cited if begins(reading.words, cited.last) is not None]
    if lasts and (zones := NormNames(reading.text, reading.words, reading.spans, reading.breaks).zones(lasts)):
        marked = tuple(m._replace(quoted=within(m.first, zones)) for m in reading.mentions)
        cited = tuple(c._replace(quoted=within(c.first, zones)) for c in reading.cited)
        reading = Reading(reading.text, reading.plain, reading.words, marked, cited, reading.bodies, reading.breaks, reading.count)
    where = reading.where
    for mention in reading.mentions:
        if mention.kind not in _NORMS:
            where.setdefault(mention.code, []).append(mention)
    return reading


def _uncovered(found: Sequence[Mention], covers: Sequence[Mention]) -> list[Mention]:
    """Mentions that no cover holds: for each position, how far covers reach that begin there or before."""
    ordered = sorted(covers, key=attrgetter("first"))
    starts = [cover.first for cover in ordered]
    reach = list(accumulate([cover.last for cover in ordered], max))
    return [m for m in found if m.kind not in _HIDING and not ((place := bisect_right(starts, m.first)) and reach[place - 1] >= m.last)]


_END = attrgetter("last")


def _inside(inner: Mention, outer: Mention) -> bool:
    return outer.first <= inner.first and inner.last <= outer.last


def _preamble(words: Sequence[str]) -> re.Pattern[str]:
    """`words`: how such a title begins, and what its bracket begins with."""
    first, second = (re.sub(r"[aeiouáéíóú]", ".", word) for word in words)
    return re.compile(rf"\s*{first}\b[^(]{{0,300}}(?:\((?!\s*{second})[^)]*\)[^(]{{0,200}})*\(\s*{second}\b[^)]{{0,200}}\)[\s.\-–—]*", re.IGNORECASE)
