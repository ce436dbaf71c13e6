"""What trained linear models read in a text. In: title and summary; out: relevance, targets, mechanisms, direction, severity and the words that weighed most.

Pure Python over weights kept as readable JSON (`learned.json`: term -> [idf, {head: weight}]); train.py says how they are made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from services.scoring.terms import UNDONE, Conventions, Lexicon, grams
from shared.events import Direction, Mechanism, Target

_CUES = 5
_WORTH_SHOWING = 0.05
_LARGEST = 3.0


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


# One n-gram: idf squared, (head, weight times idf) pairs, its pull on cues, and how people write it ("" when it is no words).
_Term = tuple[float, tuple[tuple[int, float], ...], float, str]


class Learned:
    """Linear heads over the n-grams and concept pairs of a text."""

    __slots__ = ("_bias", "_concepts", "_core", "_directions", "_lexicon", "_mechanisms", "_severity", "_severity_bias", "_slope", "_targets", "_terms", "version")

    def __init__(self, model: dict[str, Any], conventions: Conventions) -> None:
        heads: dict[str, int] = {head: at for at, head in enumerate(model["heads"])}
        self.version: str = model["version"]
        self._bias = tuple(head["bias"] for head in model["heads"].values())
        self._slope = tuple(head["slope"] for head in model["heads"].values())
        self._core = (heads["core"], heads["alarm"])
        self._directions = (heads["told"], heads["weakens"], heads["neutral"])
        self._targets = tuple((target, heads[target]) for target in Target)
        self._mechanisms = tuple((mechanism, heads[mechanism]) for mechanism in Mechanism)
        self._severity_bias: float = model["severity"]["bias"]
        self._severity = tuple(model["severity"]["weights"][head] for head in heads)
        self._lexicon = Lexicon(conventions, model["words"])
        self._concepts = conventions.concepts
        self._terms: dict[str, _Term] = {gram: _term(gram, idf, weights, heads, model["words"]) for gram, (idf, weights) in model["terms"].items()}

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a weights file; `lexicon.json` and `stop.json` lie beside it. Raises OSError, or KeyError when the file has another form."""
        return cls(orjson.loads(path.read_bytes()), Conventions.load(path.parent))

    @classmethod
    def from_pack_dir(cls, directory: Path) -> Self:
        """From a country pack's directory (`weights/learned.json` inside it)."""
        return cls.load(directory / "weights" / "learned.json")

    def read(self, text: str) -> Reading:
        """`text` is the title, or title and summary joined by a newline."""
        terms = self._terms
        hits = [terms[gram] for gram in grams(self._lexicon.read(text), self._concepts) if gram in terms]
        chances = self._chances(hits)
        core, alarm = self._core
        return Reading(
            relevance=chances[core],
            targets={target: chances[at] for target, at in self._targets},
            mechanisms={mechanism: chances[at] for mechanism, at in self._mechanisms},
            direction=self._direction(chances),
            severity=self._size(chances),
            alarm=chances[alarm],
            cues=_cues(hits) if chances[core] >= _WORTH_SHOWING else (),
        )

    def _chances(self, hits: list[_Term]) -> list[float]:
        sums = [0.0] * len(self._bias)
        squares = 0.0
        for idf_squared, weights, _, _ in hits:
            squares += idf_squared
            for head, weight in weights:
                sums[head] += weight
        scale = 1.0 / math.sqrt(squares) if squares else 0.0
        exp = math.exp
        return [1.0 / (1.0 + exp(-bias - slope * scale * total)) for bias, slope, total in zip(self._bias, self._slope, sums, strict=True)]

    def _direction(self, chances: list[float]) -> dict[Direction, float]:
        """Does the text tell a direction? If so, does it weaken? If not, is it merely technical?"""
        told, weakens, neutral = (chances[at] for at in self._directions)
        return {
            Direction.WEAKENS: told * weakens,
            Direction.STRENGTHENS: told * (1.0 - weakens),
            Direction.MIXED: (1.0 - told) * (1.0 - neutral),
            Direction.NEUTRAL: (1.0 - told) * neutral,
        }

    def _size(self, chances: list[float]) -> float:
        size = self._severity_bias
        for weight, chance in zip(self._severity, chances, strict=True):
            size += weight * chance
        return min(_LARGEST, max(0.0, size))


def _term(gram: str, idf: float, named: dict[str, float], heads: dict[str, int], words: dict[str, str]) -> _Term:
    pull = idf * (abs(named.get("core", 0.0)) + abs(named.get("weakens", 0.0)))
    return idf * idf, tuple((heads[head], weight * idf) for head, weight in named.items()), pull, _written(gram, words)


def _written(gram: str, words: dict[str, str]) -> str:
    """The gram as people write it; nothing for concepts and for what a repealed norm said."""
    if ">" in gram or gram[0] in ("=", UNDONE):
        return ""
    return " ".join(words.get(part, part) for part in gram.split() if part[0] != UNDONE)


def _cues(hits: list[_Term]) -> tuple[tuple[str, float], ...]:
    heaviest = sorted(((pull, words) for _, _, pull, words in hits if words), reverse=True)[:_CUES]
    return tuple((words, round(pull, 3)) for pull, words in heaviest)
