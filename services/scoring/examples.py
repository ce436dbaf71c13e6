"""What the text model is taught. In: labels and bills of the reference data; out: examples with the features of their texts. Training only."""

from __future__ import annotations

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
_UNREAD_WEIGHT = 0.3
_LESS_TARGETS = frozenset({"core", "alarm", "direction", "mechanism", "severity"})


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


def labelled(label: Line, bill: Line) -> Example:
    return Example(label["key"], text_of(bill), label["rel"] == 2, frozenset(label["targets"]), label["mech"], label["dir"], label["sev"])


def beside(labels: Sequence[Line], own: Iterable[Line], bills: Mapping[str, Line]) -> Iterator[Example]:
    """What teaches beside the labelled bills: those of `own` labels, what else a label teaches, and the bills that have none."""
    known = [label for label in own if label["key"] in bills]
    yield from (replace(labelled(label, bills[label["key"]]), weight=_OWN_WEIGHT) for label in known)
    known += labels
    yield from _parts(known, bills)
    yield from _unread(known, bills)


def _parts(labels: Sequence[Line], bills: Mapping[str, Line]) -> Iterator[Example]:
    """The words that decided direction and severity, and how the bill reads to who sees no more than its title."""
    for label in labels:
        bill = bills[label["key"]]
        example = labelled(label, bill)
        if example.core and label.get("cue"):
            yield replace(example, text=label["cue"], parts=frozenset({"direction", "severity"}))
        if bill["title"] and bill["summary"]:
            yield replace(example, text=bill["title"], weight=_BARE_WEIGHT, parts=_LESS_TARGETS)


def _unread(labels: Sequence[Line], bills: Mapping[str, Line]) -> Iterator[Example]:
    """Every bill whose text no one labelled."""
    known = {text_of(bills[label["key"]]).lower() for label in labels}
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
            self._turned[text] = list(dict.fromkeys(filter(None, map(named, self._turns.read(tokens(text))))))
        return self._turned[text]

    def _of(self, text: str) -> list[str]:
        if text not in self._known:
            title, _, summary = text.partition("\n")
            marks = self._marks.read(self._reader.read(title, summary or None))
            self._known[text] = [*grams(self._lexicon.read(text), self._concepts), *marks]
        return self._known[text]
