"""Which norms a text cites. In: its words and the positions of named bodies and laws; out: norms such as `law:32108` or `const:179`, with positions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import compress, pairwise
from operator import attrgetter
from typing import NamedTuple

from shared.countries.form import Norm


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_LAW = frozenset(("ley", "leyes", "l"))
_ARTICLE = frozenset(("articulo", "artículo", "articulos", "artículos", "art", "arts", "articulado"))
_PART = _words("inciso incisos literal literales numeral numerales parrafo párrafo inc disposicion disposición capitulo capítulo titulo título")
_GLUE = _words("n no nº nro num numero número numeros números y e o al a los las del de la el núm bis")
_OPENERS = _LAW | _ARTICLE | _PART | _words("legislativo leg legislativos dl dleg supremo suprema urgencia s legislativa")
_CONTINUES = _OPENERS | _GLUE
_CHANGED = ("modificad", "incorporad", "aprobad", "promulgad", "sustituid", "ampliad")
_NEAR = 14
_WIDEST_RANGE = 60
_NOWHERE: frozenset[int] = frozenset()
_FIRST = attrgetter("first")


class Cited(NamedTuple):
    """A norm a text names. `norm` is None when the pack does not list it; `by` when it only says which norm changed another ("modificado por la Ley ...");
    `quoted` when it stands inside the name of another."""

    code: str
    norm: Norm | None
    first: int
    last: int
    by: bool = False
    quoted: bool = False


class Citing:
    """Reads numbers after *ley*, *decreto legislativo* and *artículo*, and binds articles to the body they belong to."""

    def __init__(self, norms: Mapping[str, Norm], bodies: frozenset[str]) -> None:
        self._norms = norms
        self._bodies = bodies

    def read(self, words: Sequence[str], named: Sequence[tuple[str, int, int]]) -> tuple[Cited, ...]:
        """`named`: (body or norm code, first, last) of names found by the lexicon."""
        ends = {last for code, _, last in named if code in self._bodies} if named else _NOWHERE
        numbered, articles = self._numbers(words, ends)
        if not (numbered or articles or named):
            return ()
        found = [Cited(code, self._norms.get(code), first, last, _only_by(words, first)) for code, first, last in numbered]
        if named:
            by_number = {law.code for law in found}
            by_name = [Cited(code, self._norms[code], first, last) for code, first, last in named if code in self._norms and code not in by_number]
        else:
            by_name = []
        if articles and (anchors := self._anchors(found, named)):
            places = sorted(anchors)
            by_name += [cited for number, at in articles if (cited := self._bind(number, at, anchors, places))]
        found += by_name
        if len(found) < 2:
            return tuple(found)
        return tuple(sorted({cited.code: cited for cited in found}.values(), key=_FIRST))

    def _anchors(self, laws: Sequence[Cited], named: Sequence[tuple[str, int, int]]) -> dict[int, str]:
        """Where articles may be bound to a body or a law, and to which."""
        anchors: dict[int, str] = {}
        for code, first, _ in named:
            if code in self._bodies:
                anchors.setdefault(first, code)
        for law in laws:
            anchors.setdefault(law.first, law.code)
        return anchors

    def _numbers(self, words: Sequence[str], ends: Set[int]) -> tuple[list[tuple[str, int, int]], list[tuple[str, int]]]:
        """Laws and decrees (code, first, last) and articles (number, position)."""
        laws: list[tuple[str, int, int]] = []
        articles: list[tuple[str, int]] = []
        end = 0
        openers: Iterable[int] = compress(range(len(words)), map(_OPENERS.__contains__, words))
        last = len(words) - 1
        for start in sorted({*openers, *ends}) if ends else openers:
            # Whether the next word can belong to a list of numbers begun here.
            if end <= start < last and ((after := words[start + 1]) in _CONTINUES or after[0].isdigit() or start + 1 in ends):
                end = _run(words, start, ends, laws, articles)
        return laws, articles

    def _bind(self, number: str, at: int, anchors: Mapping[int, str], places: Sequence[int]) -> Cited | None:
        """To the body named next, if it is near, else to the one named last. `places`: of the anchors, in order."""
        following = bisect_right(places, at)
        if not (following < len(places) and places[following] <= at + _NEAR):
            following -= 1
        body = anchors[places[following]] if following >= 0 else None
        if body not in self._bodies:
            return None
        code = f"{body}:{number}"
        norm = self._norms.get(code) or self._norms.get(f"{body}:*")
        return Cited(code, norm, at, at) if norm else None


def _run(words: Sequence[str], start: int, ends: Set[int], laws: list[tuple[str, int, int]], articles: list[tuple[str, int]]) -> int:
    """Reads on from a word that may open a list of numbers, to the word that ends it; the position after what was read."""
    kind, since = "", start
    for at in range(start, len(words)):
        word = words[at]
        if word[0].isdigit():
            if kind == "article":
                articles += [(number, at) for number in _range(words, at)]
            elif kind in ("law", "decree"):
                laws.append((f"{kind}:{_plain(word)}", since, at))
            elif kind == "part":
                kind = "article"
        elif at in ends:
            kind, since = "article", at
        elif word in _OPENERS and (opened := _opens(words, at)) is not None:
            kind, since = opened, at
        elif word not in _GLUE:
            kind = ""
        if not kind:
            return at + 1
    return len(words)


def _range(words: Sequence[str], at: int) -> list[str]:
    """The article at `at`; after "N al" all from the one after N on ("artículos 176 al 187")."""
    last = _article(words[at])
    if at < 2 or words[at - 1] not in ("al", "a") or not words[at - 2][0].isdigit():
        return [last]
    start, end = _plain(words[at - 2]), _plain(words[at])
    if not (start.isdigit() and end.isdigit() and 0 < int(end) - int(start) <= _WIDEST_RANGE):
        return [last]
    return [str(number) for number in range(int(start) + 1, int(end) + 1)]


def _opens(words: Sequence[str], at: int) -> str | None:
    word, before = words[at], words[at - 1] if at else ""
    if word in _LAW:
        if word == "l" and before == "d":
            return "decree"
        return "" if any(earlier.startswith(("proyecto", "proposici")) for earlier in words[max(0, at - 2) : at]) else "law"
    if word in _ARTICLE:
        return "article"
    if word in _PART:
        return "part"
    if word in ("legislativo", "leg", "legislativos") and before in ("decreto", "d", "decretos", "dec"):
        return "decree"
    if word in ("dl", "dleg"):
        return "decree"
    return "" if word in ("supremo", "urgencia", "s", "suprema", "legislativa") else None


def _plain(word: str) -> str:
    return word.replace(".", "").replace(",", "").split("-")[0]


def _article(word: str) -> str:
    return word.replace(".", "").replace(",", "").upper()


def _only_by(words: Sequence[str], first: int) -> bool:
    before = words[max(0, first - 4) : first]
    return "por" in before and any(word == "por" and earlier.startswith(_CHANGED) for earlier, word in pairwise(before))
