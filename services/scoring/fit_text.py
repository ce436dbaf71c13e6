"""Fits the linear heads of learned.py. In: labelled texts; out: the model as plain values, ready to be written as JSON. Training only: needs scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from services.scoring.terms import UNDONE, Conventions, Lexicon, grams, tokens
from shared.events import Direction, Mechanism, Target

Floats: TypeAlias = NDArray[np.float64]

_C = 10.0
_RIDGE = 3.0
_SMALLEST_WEIGHT = 1.2
_FEW = 8


@dataclass(frozen=True, slots=True)
class Example:
    """A text and its label in the terms of the codebook. `weight` is how much it counts; `parts` limits which groups of heads learn from it (empty: all)."""

    key: str
    text: str
    core: bool
    targets: frozenset[str]
    mechanism: str
    direction: str
    severity: int
    weight: float = 1.0
    parts: frozenset[str] = field(default_factory=frozenset)

    @property
    def told(self) -> bool:
        """Whether the text tells a direction at all."""
        return self.core and self.direction in (Direction.WEAKENS, Direction.STRENGTHENS)

    @property
    def alarming(self) -> bool:
        return self.core and self.direction == Direction.WEAKENS and self.severity >= 2


Ask: TypeAlias = Callable[[Example], bool]


@dataclass(frozen=True, slots=True)
class Head:
    """A yes-or-no question of a group, and of which examples it is asked."""

    group: str
    name: str
    answer: Ask
    asked: Ask

    def rows(self, examples: Sequence[Example]) -> list[int]:
        return [at for at, example in enumerate(examples) if self.asked(example) and (not example.parts or self.group in example.parts)]


def _always(_: Example) -> bool:
    return True


def _core(example: Example) -> bool:
    return example.core


def _told(example: Example) -> bool:
    return example.told


def _untold(example: Example) -> bool:
    return example.core and not example.told


def _is_target(target: Target) -> Ask:
    return lambda example: target in example.targets


def _is_mechanism(mechanism: Mechanism) -> Ask:
    return lambda example: example.mechanism == mechanism


def _is_direction(direction: Direction) -> Ask:
    return lambda example: example.direction == direction


def _is_at_least(size: int) -> Ask:
    return lambda example: example.severity >= size


def _heads() -> list[Head]:
    heads = [
        Head("core", "core", _core, _always),
        Head("alarm", "alarm", lambda example: example.alarming, _always),
        Head("direction", "told", _told, _core),
        Head("direction", "weakens", _is_direction(Direction.WEAKENS), _told),
        Head("direction", "neutral", _is_direction(Direction.NEUTRAL), _untold),
    ]
    heads += [Head("target", str(target), _is_target(target), _core) for target in Target]
    heads += [Head("mechanism", str(mechanism), _is_mechanism(mechanism), _core) for mechanism in Mechanism]
    heads += [Head("severity", f"size{size}", _is_at_least(size), _core) for size in (1, 2, 3)]
    return heads


HEADS = _heads()


class Fitted:
    """A vocabulary and one L2 logistic regression a head: classes balanced, examples weighted."""

    def __init__(self, examples: Sequence[Example], found: Sequence[list[str]]) -> None:
        self.vectorizer = TfidfVectorizer(analyzer=list, min_df=2, binary=True)
        matrix = self.vectorizer.fit_transform(found)
        weights = np.array([example.weight for example in examples])
        self.coefficients: dict[str, Floats] = {}
        self.bias: dict[str, float] = {}
        for head in HEADS:
            self._fit(head, examples, matrix, weights)

    def _fit(self, head: Head, examples: Sequence[Example], matrix: csr_matrix, weights: Floats) -> None:
        rows = head.rows(examples)
        answers = [head.answer(examples[at]) for at in rows]
        model = LogisticRegression(C=_C, class_weight="balanced", max_iter=1000)
        model.fit(matrix[rows], answers, sample_weight=weights[rows])
        self.coefficients[head.name], self.bias[head.name] = model.coef_[0], float(model.intercept_[0])

    def prune(self) -> None:
        """Drop weights too small to move an output: smaller files, faster reading."""
        idf = np.asarray(self.vectorizer.idf_)
        for name, values in self.coefficients.items():
            self.coefficients[name] = np.where(np.abs(values) * idf >= _SMALLEST_WEIGHT, values, 0.0)

    def scores(self, found: Sequence[list[str]]) -> dict[str, Floats]:
        """Raw log-odds of each head for each text, before calibration."""
        matrix = self.vectorizer.transform(found)
        return {name: np.asarray(matrix @ values).ravel() + self.bias[name] for name, values in self.coefficients.items()}


def features(examples: Sequence[Example], conventions: Conventions) -> list[list[str]]:
    """The grams of each text, nothing left out but names and empty words."""
    lexicon = Lexicon(conventions, None)
    return [grams(lexicon.read(example.text), conventions.concepts) for example in examples]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Slope and offset per head that turn raw log-odds into honest ones (Platt 1999), and the severity expected given all heads."""

    lines: dict[str, tuple[float, float]]
    severity_bias: float
    severity: dict[str, float]

    def probabilities(self, raw: Mapping[str, Floats]) -> dict[str, Floats]:
        return {name: 1.0 / (1.0 + np.exp(-(scores * self.lines[name][0] + self.lines[name][1]))) for name, scores in raw.items()}

    def expected_severity(self, chances: Mapping[str, Floats]) -> Floats:
        total = sum((weight * chances[name] for name, weight in self.severity.items()), np.zeros(()))
        return np.clip(self.severity_bias + total, 0.0, 3.0)


def calibrate(examples: Sequence[Example], raw: Mapping[str, Floats]) -> Calibration:
    """From out-of-fold scores of labelled bills (no lessons, no cues among `examples`)."""
    lines = {head.name: _line(head, examples, raw[head.name]) for head in HEADS}
    partial = Calibration(lines, 0.0, {})
    chances = partial.probabilities(raw)
    core = [at for at, example in enumerate(examples) if example.core]
    names = [head.name for head in HEADS]
    model = Ridge(alpha=_RIDGE)
    model.fit(np.array([chances[name][core] for name in names]).T, [examples[at].severity for at in core])
    return Calibration(lines, float(model.intercept_), dict(zip(names, map(float, model.coef_), strict=True)))


def _line(head: Head, examples: Sequence[Example], scores: Floats) -> tuple[float, float]:
    rows = head.rows(examples)
    answers = [head.answer(examples[at]) for at in rows]
    if min(sum(answers), len(answers) - sum(answers)) < _FEW:
        return 1.0, 0.0
    model = LogisticRegression(C=1.0)
    model.fit(scores[rows].reshape(-1, 1), answers)
    return max(0.1, float(model.coef_[0][0])), float(model.intercept_[0])


def surfaces(examples: Sequence[Example], conventions: Conventions) -> dict[str, str]:
    """How people most often write each term: for showing cues."""
    seen: dict[str, Counter[str]] = {}
    for example in examples:
        for token in tokens(example.text):
            seen.setdefault(conventions.term(token), Counter())[token] += 1
    return {term: min(counts, key=lambda word: (-counts[word], word)) for term, counts in seen.items()}


def exported(fitted: Fitted, calibration: Calibration, written: Mapping[str, str]) -> dict[str, Any]:
    """The model as plain values: heads with bias and slope, terms with idf and the weights that matter, words as people write them."""
    names = list(fitted.coefficients)
    table = np.array([fitted.coefficients[name] for name in names])
    idf = fitted.vectorizer.idf_
    terms: dict[str, Any] = {}
    for gram, at in sorted(fitted.vectorizer.vocabulary_.items()):
        if (speaks := np.flatnonzero(table[:, at])).size:
            terms[gram] = [round(float(idf[at]), 2), {names[h]: round(float(table[h, at]), 2) for h in speaks}]
    lines = {name: (slope, fitted.bias[name] * slope + offset) for name, (slope, offset) in calibration.lines.items()}
    known = {part.lstrip(UNDONE) for gram in terms if not gram.startswith("=") and ">" not in gram for part in gram.split()}
    return {
        "heads": {name: {"bias": round(lines[name][1], 4), "slope": round(lines[name][0], 4)} for name in names},
        "severity": {"bias": round(calibration.severity_bias, 4), "weights": {name: round(calibration.severity[name], 4) for name in names}},
        "words": {word: written.get(word, word.replace("_", " ")) for word in sorted(known)},
        "terms": terms,
    }
