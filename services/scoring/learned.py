"""What trained linear models read in a text. In: title and summary; out: relevance, targets, mechanisms, direction, severity and the words that weighed most.

Pure Python over weights kept as readable JSON (`learned.json`: term -> {head: weight}); see train.py for how they are made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from services.scoring.terms import Conventions, Lexicon, grams
from shared.events import Direction, Mechanism, Target

_CUES = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """Probabilities in 0..1; `direction` and `severity` (expected, 0..3) hold given that the text is core; `cues` are (words, weight), heaviest first."""

    relevance: float
    targets: dict[Target, float]
    mechanisms: dict[Mechanism, float]
    direction: dict[Direction, float]
    severity: float
    alarm: float
    cues: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class _Term:
    """One n-gram: its inverse document frequency squared, its weight on each head it speaks to, its pull on cues and how people write it."""

    idf_squared: float
    weights: tuple[tuple[int, float], ...]
    pull: float
    words: str


class Learned:
    """Linear heads over the n-grams and concept pairs of a text."""

    __slots__ = ("_bias", "_concepts", "_heads", "_lexicon", "_slope", "_terms", "version")

    def __init__(self, model: dict[str, Any], conventions: Conventions) -> None:
        self.version: str = model["version"]
        self._heads: dict[str, int] = {head: at for at, head in enumerate(model["heads"])}
        self._bias: list[float] = [head["bias"] for head in model["heads"].values()]
        self._slope: list[float] = [head["slope"] for head in model["heads"].values()]
        self._lexicon = Lexicon(conventions, model["words"])
        self._concepts = conventions.concepts
        self._terms = {gram: self._term(gram, entry, model["words"]) for gram, entry in model["terms"].items()}

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
        hits = self._hits(text)
        sums = self._sums(hits)
        direction = self._direction(sums)
        severity = self._p(sums, "severity:1") + self._p(sums, "severity:2") + self._p(sums, "severity:3")
        return Reading(
            relevance=self._p(sums, "core"),
            targets={target: self._p(sums, f"target:{target}") for target in Target},
            mechanisms={mechanism: self._p(sums, f"mechanism:{mechanism}") for mechanism in Mechanism},
            direction=direction,
            severity=severity,
            alarm=self._p(sums, "alarm"),
            cues=_cues(hits),
        )

    def _term(self, gram: str, entry: dict[str, Any], surfaces: dict[str, str]) -> _Term:
        named: dict[str, float] = entry["weights"]
        pull = abs(named.get("core", 0.0)) + abs(named.get("direction:weakens", 0.0) - named.get("direction:strengthens", 0.0))
        idf: float = entry["idf"]
        return _Term(idf * idf, tuple((self._heads[head], weight * idf) for head, weight in named.items()), pull * idf, " ".join(surfaces.get(part, part) for part in gram.split()))

    def _hits(self, text: str) -> list[_Term]:
        terms = self._terms
        return [terms[gram] for gram in grams(self._lexicon.read(text), self._concepts) if gram in terms]

    def _sums(self, hits: list[_Term]) -> list[float]:
        sums = [0.0] * len(self._bias)
        squares = 0.0
        for term in hits:
            squares += term.idf_squared
            for head, weight in term.weights:
                sums[head] += weight
        scale = 1.0 / math.sqrt(squares) if squares else 0.0
        return [bias + slope * scale * total for bias, slope, total in zip(self._bias, self._slope, sums, strict=True)]

    def _p(self, sums: list[float], head: str) -> float:
        at = self._heads.get(head)
        return 0.0 if at is None else 1.0 / (1.0 + math.exp(-sums[at]))

    def _direction(self, sums: list[float]) -> dict[Direction, float]:
        raw = {direction: math.exp(sums[self._heads[f"direction:{direction}"]]) for direction in Direction}
        total = sum(raw.values())
        return {direction: value / total for direction, value in raw.items()}


def _cues(hits: list[_Term]) -> tuple[tuple[str, float], ...]:
    heaviest = sorted((term for term in hits if not term.words.startswith("=") and ">" not in term.words), key=lambda term: (-term.pull, term.words))
    return tuple((term.words, round(term.pull, 3)) for term in heaviest[:_CUES])
