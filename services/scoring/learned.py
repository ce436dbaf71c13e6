"""What trained linear models read in a text. In: title and summary; out: relevance, targets, mechanisms, direction, severity and the words that weighed most.

Pure Python over weights kept as readable JSON (`learned.json`: term -> [idf, {head: weight}]); train.py says how they are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter, mul
from pathlib import Path
from typing import Any, Self

import orjson

from services.scoring.lanes import Lanes
from services.scoring.terms import UNDONE, Conventions, Lexicon
from services.scoring.vocabulary import Vocabulary
from shared.events import Direction, Mechanism, Target

_CUES = 5
_WORTH_SHOWING = 0.05
_LARGEST = 3.0
_TARGETS, _MECHANISMS = tuple(Target), tuple(Mechanism)


@dataclass(frozen=True, slots=True)
class Reading:
    """Calibrated probabilities in 0..1; `targets`, `mechanisms`, `direction` and `severity` (expected, 0..3) hold given that the text is core.

    `cues` are (words, weight), heaviest first, of texts that may be core.
    """

    relevance: float
    targets: dict[Target, float]
    mechanisms: dict[Mechanism, float]
    direction: dict[Direction, float]
    severity: float
    alarm: float
    cues: tuple[tuple[str, float], ...]


# One n-gram: its pull on cues and how people write it ("" when it is no words).
_Cue = tuple[float, str]


class Learned:
    """Linear heads over the n-grams and concept pairs of a text."""

    __slots__ = ("_bias", "_core", "_cues", "_directions", "_lanes", "_lexicon", "_mechanisms", "_rows", "_severity", "_size_bias", "_slope", "_targets", "_vocabulary", "version")

    def __init__(self, model: dict[str, Any], conventions: Conventions) -> None:
        heads: dict[str, int] = {head: at for at, head in enumerate(model["heads"])}
        self.version: str = model["version"]
        self._bias = tuple(head["bias"] for head in model["heads"].values())
        self._slope = tuple(head["slope"] for head in model["heads"].values())
        self._core = (heads["core"], heads["alarm"])
        self._directions = itemgetter(heads["told"], heads["weakens"], heads["neutral"])
        self._targets = itemgetter(*(heads[target] for target in _TARGETS))
        self._mechanisms = itemgetter(*(heads[mechanism] for mechanism in _MECHANISMS))
        self._size_bias: float = model["severity"]["bias"]
        self._severity = tuple(model["severity"]["weights"][head] for head in heads)
        self._lexicon = Lexicon(conventions, model["words"])
        self._vocabulary = Vocabulary(list(model["terms"]), conventions.concepts)
        self._lanes = Lanes(len(heads) + 1)
        self._rows = [self._row(idf, weights, heads) for idf, weights in model["terms"].values()]
        self._cues = [_cue(gram, idf, weights, model["words"]) for gram, (idf, weights) in model["terms"].items()]

    def _row(self, idf: float, weights: dict[str, float], heads: dict[str, int]) -> int:
        """Weight times idf of every head, and idf squared in the last lane: the length of the text's vector."""
        return self._lanes.row([*((heads[head], weight * idf) for head, weight in weights.items()), (len(heads), idf * idf)])

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a weights file; `lexicon.json` and `stop.json` lie beside it. Raises OSError, or KeyError when the file has another form."""
        return cls(orjson.loads(path.read_bytes()), Conventions.load(path.parent))

    @classmethod
    def from_pack_dir(cls, directory: Path) -> Self:
        """From a country pack's directory (`weights/learned.json` inside it)."""
        return cls.load(directory / "weights" / "learned.json")

    def read(self, text: str, words: Sequence[str] | None = None) -> Reading:
        """`text` is the title, or title and summary joined by a newline; `words` are its words in lower case, if they are split already."""
        found = self._vocabulary.find(self._lexicon.read(text) if words is None else self._lexicon.terms(words))
        chances = self._chances(found)
        core, alarm = self._core
        return Reading(
            relevance=chances[core],
            targets=dict(zip(_TARGETS, self._targets(chances), strict=True)),
            mechanisms=dict(zip(_MECHANISMS, self._mechanisms(chances), strict=True)),
            direction=self._direction(chances),
            severity=self._size(chances),
            alarm=chances[alarm],
            cues=_heaviest(self._cues[at] for at in found) if chances[core] >= _WORTH_SHOWING else (),
        )

    def _chances(self, found: set[int]) -> list[float]:
        rows = self._rows
        *sums, squares = self._lanes.sums([rows[at] for at in found])
        scale = 1.0 / (Lanes.SCALE * math.sqrt(squares / Lanes.SCALE)) if squares else 0.0
        exp = math.exp
        return [1.0 / (1.0 + exp(-bias - slope * scale * total)) for bias, slope, total in zip(self._bias, self._slope, sums, strict=True)]

    def _direction(self, chances: list[float]) -> dict[Direction, float]:
        """Does the text tell a direction? If so, does it weaken? If not, is it merely technical?"""
        told, weakens, neutral = self._directions(chances)
        return {
            Direction.WEAKENS: told * weakens,
            Direction.STRENGTHENS: told * (1.0 - weakens),
            Direction.MIXED: (1.0 - told) * (1.0 - neutral),
            Direction.NEUTRAL: (1.0 - told) * neutral,
        }

    def _size(self, chances: list[float]) -> float:
        size = sum(map(mul, self._severity, chances), self._size_bias)
        return min(_LARGEST, max(0.0, size))


def _cue(gram: str, idf: float, named: dict[str, float], words: dict[str, str]) -> _Cue:
    return idf * (abs(named.get("core", 0.0)) + abs(named.get("weakens", 0.0))), _written(gram, words)


def _written(gram: str, words: dict[str, str]) -> str:
    """The gram as people write it; nothing for concepts and for what a repealed norm said."""
    if ">" in gram or gram[0] in ("=", UNDONE):
        return ""
    return " ".join(words.get(part, part) for part in gram.split() if part[0] != UNDONE)


def _heaviest(cues: Iterable[_Cue]) -> tuple[tuple[str, float], ...]:
    heaviest = sorted(((pull, words) for pull, words in cues if words), reverse=True)[:_CUES]
    return tuple((words, round(pull, 3)) for pull, words in heaviest)
