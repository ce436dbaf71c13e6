"""Fits the linear heads of learned.py. In: labelled texts; out: the model as plain values, ready to be written as JSON. Training only: needs scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from services.scoring.terms import Conventions, Lexicon, grams, tokens
from shared.events import Direction, Mechanism, Target

Floats: TypeAlias = NDArray[np.float64]

_SMALLEST_WEIGHT = 0.02
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Example:
    """A text and its label in the terms of the codebook. `weight` is how much it counts in fitting; `parts` limits which heads learn from it (empty: all)."""

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
    def alarming(self) -> bool:
        return self.core and self.direction == Direction.WEAKENS and self.severity >= 2


@dataclass(frozen=True, slots=True)
class Fitted:
    """Everything a model is: grams with idf, and per head coefficients (one a gram), bias and slope."""

    grams: tuple[str, ...]
    idf: Floats
    coefficients: dict[str, Floats]
    bias: dict[str, float]

    def scores(self, matrix: csr_matrix) -> dict[str, Floats]:
        """Raw scores (log-odds before calibration) of each head for each row."""
        return {head: np.asarray(matrix @ coefficients).ravel() + self.bias[head] for head, coefficients in self.coefficients.items()}


def features(examples: Sequence[Example], conventions: Conventions) -> list[list[str]]:
    lexicon = Lexicon(conventions, None)
    return [grams(lexicon.read(example.text), conventions.concepts) for example in examples]


def vectorizer() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=_as_is, min_df=2, binary=True)


def _as_is(value: list[str]) -> list[str]:
    return value


def heads() -> dict[str, tuple[Callable[[Example], bool], bool]]:
    """Each head: what it asks of an example, and whether it is asked of core examples only."""
    asked: dict[str, tuple[Callable[[Example], bool], bool]] = {"core": (lambda e: e.core, False), "alarm": (lambda e: e.alarming, False)}
    asked |= {f"target:{t}": (lambda e, t=t: t in e.targets, True) for t in Target}
    asked |= {f"mechanism:{m}": (lambda e, m=m: e.mechanism == m, True) for m in Mechanism}
    asked |= {f"direction:{d}": (lambda e, d=d: e.direction == d, True) for d in Direction}
    asked |= {f"severity:{size}": (lambda e, size=size: e.severity >= size, True) for size in (1, 2, 3)}
    return asked


def fit(examples: Sequence[Example], matrix: csr_matrix, names: Sequence[str], idf: Floats) -> Fitted:
    """One L2 logistic regression a head, classes balanced, examples weighted."""
    coefficients: dict[str, Floats] = {}
    bias: dict[str, float] = {}
    for head, (asks, core_only) in heads().items():
        chosen = [i for i, e in enumerate(examples) if (e.core or not core_only) and (not e.parts or head.partition(":")[0] in e.parts)]
        answers = [asks(examples[i]) for i in chosen]
        if sum(answers) < 2:
            continue
        model = LogisticRegression(C=10, class_weight="balanced", max_iter=1000)
        model.fit(matrix[chosen], answers, sample_weight=[examples[i].weight for i in chosen])
        coefficients[head], bias[head] = model.coef_[0], float(model.intercept_[0])
    return Fitted(tuple(names), idf, coefficients, bias)


def surfaces(examples: Sequence[Example], conventions: Conventions) -> dict[str, str]:
    """How people most often write each term: for showing cues."""
    seen: dict[str, Counter[str]] = {}
    for example in examples:
        for token in tokens(example.text):
            seen.setdefault(conventions.term(token), Counter())[token] += 1
    return {term: min(counts, key=lambda word: (-counts[word], word)) for term, counts in seen.items()}


def exported(fitted: Fitted, slopes: dict[str, tuple[float, float]], written: dict[str, str]) -> dict[str, Any]:
    """The model as plain values: heads with bias and slope, terms with idf and the weights that matter."""
    order = list(fitted.coefficients)
    table = np.array([fitted.coefficients[head] for head in order])
    terms: dict[str, Any] = {}
    for at in sorted(range(len(fitted.grams)), key=lambda i: fitted.grams[i]):
        weights = {order[h]: round(float(table[h, at]), _DIGITS) for h in range(len(order)) if abs(table[h, at]) >= _SMALLEST_WEIGHT}
        terms[fitted.grams[at]] = {"idf": round(float(fitted.idf[at]), _DIGITS), "weights": weights}
    known = {part for gram in terms if not gram.startswith("=") and ">" not in gram for part in gram.split()}
    return {
        "heads": {h: {"bias": round(fitted.bias[h] * slopes[h][0] + slopes[h][1], 4), "slope": round(slopes[h][0], 4)} for h in order},
        "words": {word: written.get(word, word.replace("_", " ")) for word in sorted(known)},
        "terms": terms,
    }
