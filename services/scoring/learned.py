"""What trained linear models read in a text. In: title and summary; out: relevance, targets, mechanisms, direction, severity and the words that weighed most.

Pure Python over weights kept as readable JSON (`learned.json`: term -> [idf, {head: weight}]); train.py says how they are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import orjson

from services.scoring.direction import MIXED, NEUTRAL, STRENGTHENS, WEAKENS
from services.scoring.heads import Head, Heads
from services.scoring.lanes import Lanes
from services.scoring.marks import MARK
from services.scoring.scanning import Scanner
from services.scoring.terms import UNDONE, Conventions, Lexicon, tokens
from services.scoring.turns import TURN, Turns
from services.scoring.vocabulary import Vocabulary
from shared.events import Direction, Mechanism, Target

_CUES = 5
_MAY_BE_CORE = 0.05
_ASKED_OF_ALL = ("core", "told", "weakens", "neutral", "size1", "size2", "size3")
_TARGETS, _MECHANISMS = tuple(Target), tuple(Mechanism)


class Reading:
    """Calibrated probabilities in 0..1; `targets`, `mechanisms`, `direction` and `severity` (expected, 0..3) hold given that the text is core.

    `cues` are (words, weight), heaviest first, of texts that may be core. Most texts are not: what only those are asked is worked out when asked,
    and only those are read for turns of phrase, which severity hears, and whether a direction is told.
    """

    __slots__ = ("_found", "_model", "_others", "_scale", "_sums", "_turned_scale", "relevance")

    def __init__(self, model: Learned, found: set[int], text: str, words: Sequence[str]) -> None:
        """`found`: places of grams and marks in the text, which is of these words."""
        self._model = model
        self._found = found
        self._others: tuple[int, ...] | None = None
        self._sums = model.asked.sums(found)
        self._scale = _scale(self._sums[-1])
        (self.relevance,) = self._chances(model.core, self._sums, self._scale)
        if self.relevance >= _MAY_BE_CORE:
            self._sums = model.asked.sums(found | model.turned(text, words))
        self._turned_scale = _scale(self._sums[-1])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reading) and self._told() == other._told()

    __hash__ = None  # type: ignore[assignment]

    def _told(self) -> tuple[object, ...]:
        return self._sums, self.alarm, self.targets, self.mechanisms, self.cues

    def _chances(self, heads: Sequence[Head], sums: Sequence[int], scale: float) -> list[float]:
        exp = math.exp
        return [1.0 / (1.0 + exp(-bias - slope * scale * sums[lane])) for lane, bias, slope in heads]

    def _core_only(self, heads: Sequence[Head]) -> list[float]:
        """Of heads that few texts are asked."""
        if self._others is None:
            self._others = self._model.others.sums(self._found)
        return self._chances(heads, self._others, self._scale)

    @property
    def alarm(self) -> float:
        return self._core_only(self._model.alarm)[0]

    @property
    def targets(self) -> dict[Target, float]:
        return dict(zip(_TARGETS, self._core_only(self._model.targets), strict=True))

    @property
    def mechanisms(self) -> dict[Mechanism, float]:
        return dict(zip(_MECHANISMS, self._core_only(self._model.mechanisms), strict=True))

    @property
    def direction(self) -> dict[Direction, float]:
        """Does the text tell a direction? If so, does it weaken? If not, is it merely technical?"""
        (told,) = self._chances(self._model.told, self._sums, self._turned_scale)
        weakens, neutral = self._chances(self._model.directions, self._sums, self._scale)
        return {
            WEAKENS: told * weakens,
            STRENGTHENS: told * (1.0 - weakens),
            MIXED: (1.0 - told) * (1.0 - neutral),
            NEUTRAL: (1.0 - told) * neutral,
        }

    @property
    def severity(self) -> float:
        """Expected: the chances of being at least 1, 2 and 3 added up."""
        return sum(self._chances(self._model.sizes, self._sums, self._turned_scale))

    @property
    def cues(self) -> tuple[tuple[str, float], ...]:
        if self.relevance < _MAY_BE_CORE:
            return ()
        heaviest = sorted(filter(None, map(self._model.cues.get, self._found)), reverse=True)[:_CUES]
        return tuple([(words, said) for _, words, said in heaviest])


def _scale(squares: int) -> float:
    """What brings a text's vector to length 1."""
    return 1.0 / (Lanes.SCALE * math.sqrt(squares / Lanes.SCALE)) if squares else 0.0


# One n-gram: its pull on cues, how people write it, and the pull as it is said.
_Cue = tuple[float, str, float]


class Learned:
    """Linear heads over the n-grams, concept pairs, marks and turns of a text."""

    __slots__ = ("_turns", "_vocabulary", "alarm", "asked", "core", "cues", "directions", "mechanisms", "others", "scanner", "sizes", "targets", "told", "version")

    def __init__(self, model: dict[str, Any], conventions: Conventions) -> None:
        self.version: str = model["version"]
        self._vocabulary = Vocabulary(model["terms"], conventions.concepts, model["words"])
        lexicon = Lexicon(conventions, model["words"])
        self.scanner = Scanner(lexicon, self._vocabulary.codes)
        self._turns = Turns(lexicon, conventions)
        # Every text is asked some heads, few are asked the others: apart, the rows that most texts add up are short.
        self.asked = Heads(_ASKED_OF_ALL, model, self._vocabulary)
        self.others = Heads(("alarm", *_TARGETS, *_MECHANISMS), model, self._vocabulary)
        asked, others = self.asked.named, self.others.named
        self.core, self.alarm = (asked["core"],), (others["alarm"],)
        self.told, self.directions = (asked["told"],), (asked["weakens"], asked["neutral"])
        self.sizes = (asked["size1"], asked["size2"], asked["size3"])
        self.targets = tuple(others[target] for target in _TARGETS)
        self.mechanisms = tuple(others[mechanism] for mechanism in _MECHANISMS)
        cues = {self._vocabulary.place(gram): _cue(gram, term, model["words"]) for gram, term in model["terms"].items()}
        self.cues = {place: cue for place, cue in cues.items() if place and cue}

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a weights file; `lexicon.json` and `stop.json` lie beside it. Raises OSError, or KeyError when the file has another form."""
        return cls(orjson.loads(path.read_bytes()), Conventions.load(path.parent))

    @classmethod
    def from_pack_dir(cls, directory: Path) -> Self:
        """From a country pack's directory (`weights/learned.json` inside it)."""
        return cls.load(directory / "weights" / "learned.json")

    def read(self, text: str, words: Sequence[str] | None = None, marks: Iterable[str] = ()) -> Reading:
        """`text` is the title, or title and summary joined by a newline; `words` are its words in lower case, if they are split already; `marks` what the reader found."""
        written = tokens(text) if words is None else words
        return Reading(self, self._vocabulary.find(self.scanner.read(written), marks), text, written)

    def turned(self, text: str, words: Sequence[str]) -> set[int]:
        """Places of the turns in a text, which is of these words."""
        title, summarised, _ = text.strip().partition("\n")
        return self._vocabulary.turned(self._turns.read(words, tokens(title) if summarised else words))


def _cue(gram: str, term: tuple[float, dict[str, float]], words: dict[str, str]) -> _Cue | None:
    """None for one that is no words."""
    idf, named = term
    written = _written(gram, words)
    pull = idf * (abs(named.get("core", 0.0)) + abs(named.get("weakens", 0.0)))
    return (pull, written, round(pull, 3)) if written else None


def _written(gram: str, words: dict[str, str]) -> str:
    """The gram as people write it; nothing for concepts, marks, turns and what a repealed norm said."""
    if ">" in gram or gram[0] in ("=", UNDONE, MARK, TURN):
        return ""
    return " ".join(words.get(part, part) for part in gram.split() if part[0] != UNDONE)
