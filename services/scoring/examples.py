"""What the text model is taught. In: labels and bills of the reference data; out: examples with the features of their texts. Training only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from services.scoring.marks import Marks
from services.scoring.reading import Reader
from services.scoring.terms import Conventions, Lexicon, grams, tokens
from services.scoring.turns import Turns, named
from shared.countries.pack import Pack
from shared.events import Direction

Line = Mapping[str, Any]
_BARE_WEIGHT = 0.5
_OWN_WEIGHT = 0.5
_SECOND_WEIGHT = 2.0
_UNREAD_WEIGHT = 0.3
_LESS_TARGETS = frozenset({"core", "alarm", "direction", "mechanism", "severity"})
_DECIDED = frozenset({"direction", "severity"})
"""What the words that decided a label (its cue) teach."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text and its label in the terms of the codebook. `weight` is how much it counts; `parts` limits which groups of heads learn from it (empty: all).

    `unread`: no one labelled it; it is taken to be about something else if a first model finds so.
    """

    key: str
    text: str
    core: bool
    targets: frozenset[str]
    mechanism: str
    direction: str
    severity: int
    weight: float = 1.0
    parts: frozenset[str] = field(default_factory=frozenset)
    unread: bool = False

    @property
    def told(self) -> bool:
        """Whether the text tells a direction at all."""
        return self.core and self.direction in (Direction.WEAKENS, Direction.STRENGTHENS)

    @property
    def alarming(self) -> bool:
        return self.core and self.direction == Direction.WEAKENS and self.severity >= 2


def text_of(bill: Line) -> str:
    return f"{bill['title'] or ''}\n{bill['summary'] or ''}".strip()


def labelled(label: Line, bill: Line, weight: float = 1.0) -> Example:
    return Example(label["key"], text_of(bill), label["rel"] == 2, frozenset(label["targets"]), label["mech"], label["dir"], label["sev"], weight)


def beside(labels: Sequence[Line], own: Iterable[Line], bills: Mapping[str, Line]) -> Iterator[Example]:
    """What teaches beside the labelled bills: `own` readings, of those bills and of others, what else a label teaches, and the bills that have none."""
    given = [labelled(label, bills[label["key"]]) for label in labels]
    read = list(_weighed([label for label in own if label["key"] in bills], {example.key for example in given}, bills))
    cues = [label.get("cue") for label in labels]
    yield from read
    yield from (replace(example, text=cue, parts=_DECIDED) for example, cue in zip(given, cues, strict=True) if example.core and cue)
    yield from _titles([*read, *given], bills)
    yield from _unread({example.key for example in (*read, *given)}, bills)


def _weighed(own: Sequence[Line], given: Collection[str], bills: Mapping[str, Line]) -> Iterator[Example]:
    """Readings of one bill share its weight: more where a given label says that they are near the truth."""
    readings = Counter(label["key"] for label in own)
    for label in own:
        whole = _SECOND_WEIGHT if label["key"] in given else _OWN_WEIGHT
        yield labelled(label, bills[label["key"]], whole / readings[label["key"]])


def _titles(examples: Iterable[Example], bills: Mapping[str, Line]) -> Iterator[Example]:
    """How a bill reads to who sees no more than its title."""
    for example in examples:
        bill = bills[example.key]
        if bill["title"] and bill["summary"]:
            yield replace(example, text=bill["title"], weight=example.weight * _BARE_WEIGHT, parts=_LESS_TARGETS)


def _unread(read: Collection[str], bills: Mapping[str, Line]) -> Iterator[Example]:
    """Every bill whose text no one labelled."""
    known = {text_of(bills[key]).lower() for key in read}
    for key, bill in bills.items():
        if (text := text_of(bill)) and text.lower() not in known:
            yield Example(key, text, False, frozenset(), "none", "neutral", 0, _UNREAD_WEIGHT, frozenset({"core"}), unread=True)


class Features:
    """The grams, marks and turns of a text, nothing left out but names; each text is read once.

    What no one labelled teaches relevance, which hears no turns: it is not read for them.
    """

    def __init__(self, pack: Pack, conventions: Conventions) -> None:
        self._lexicon = Lexicon(conventions, None)
        self._concepts = conventions.concepts
        self._reader = Reader(pack, conventions.parties, conventions.names)
        self._marks = Marks(pack)
        self._turns = Turns(self._lexicon, conventions)
        self._known: dict[str, list[str]] = {}
        self._turned: dict[str, list[str]] = {}

    def __call__(self, examples: Collection[Example]) -> list[list[str]]:
        return [self._of(example.text) if example.unread else [*self._of(example.text), *self._turns_of(example.text)] for example in examples]

    def _turns_of(self, text: str) -> list[str]:
        if text not in self._turned:
            self._turned[text] = list(dict.fromkeys(filter(None, map(named, self._turns.read(tokens(text), tokens(text.partition("\n")[0]))))))
        return self._turned[text]

    def _of(self, text: str) -> list[str]:
        if text not in self._known:
            title, _, summary = text.partition("\n")
            marks = self._marks.read(self._reader.read(title, summary or None))
            self._known[text] = [*grams(self._lexicon.read(text), self._concepts), *marks]
        return self._known[text]
