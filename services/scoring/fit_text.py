"""Fits the linear heads of learned.py. In: labelled texts; out: the model as plain values, ready to be written as JSON. Training only: needs scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array  # type: ignore[import-untyped]
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from services.scoring.examples import Example, Features
from services.scoring.marks import MARK
from services.scoring.terms import UNDONE, Conventions, tokens
from services.scoring.turns import EMPTY, NUMBER, TITLE, TURN
from shared.events import Direction, Mechanism, Target

Floats: TypeAlias = NDArray[np.float64]

_C = 20.0
_SMALLEST_WEIGHT = 2.0
_FEW = 8


SIZES = ("size1", "size2", "size3")
Ask: TypeAlias = Callable[[Example], bool]


@dataclass(frozen=True, slots=True)
class Head:
    """A yes-or-no question of a group, and of which examples it is asked. `lean`: how far its weights lean on how unevenly a gram is spread over the two answers.

    `turns`: whether it hears turns of phrase too. How a thing is said shows whether an effect is told and how large it is; which way it goes hangs on fewer words:
    an aside on something else ("..., que elimina trámites") moved that head when it heard them.
    """

    group: str
    name: str
    answer: Ask
    asked: Ask
    lean: float = 0.3
    turns: bool = False

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
        Head("core", "core", _core, _always, lean=1.0),
        Head("alarm", "alarm", lambda example: example.alarming, _always, lean=1.0),
        Head("direction", "told", _told, _core, turns=True),
        Head("direction", "weakens", _is_direction(Direction.WEAKENS), _told),
        Head("direction", "neutral", _is_direction(Direction.NEUTRAL), _untold),
    ]
    heads += [Head("target", str(target), _is_target(target), _core) for target in Target]
    heads += [Head("mechanism", str(mechanism), _is_mechanism(mechanism), _core) for mechanism in Mechanism]
    heads += [Head("severity", name, _is_at_least(size), _core, lean=0.0, turns=True) for size, name in enumerate(SIZES, start=1)]
    return heads


HEADS = _heads()
CORE = HEADS[0]


class Fitted:
    """A vocabulary and one L2 logistic regression a head: classes balanced, examples weighted, grams spread unevenly heard more, weights too small to move an output dropped.

    Of bills no one labelled, those that a first model of the labelled ones does not find core then count as unrelated: self-training (Yarowsky 1995), negatives only.
    """

    @threadpool_limits.wrap(limits=1)  # type: ignore[untyped-decorator]  # the products are small: threads of the linear algebra only wait for each other
    def __init__(self, examples: Sequence[Example], features: Features) -> None:
        self._features = features
        self.vectorizer = TfidfVectorizer(analyzer=list, min_df=2, binary=True, norm=None)
        read = [example for example in examples if not example.unread]
        # A text read twice is one text; what teaches one group of heads only has no say in how rare a word is for the others.
        self.vectorizer.fit(features(list({example.text: example for example in read if len(example.parts) != 1}.values())))
        self._all = np.arange(len(self.vectorizer.vocabulary_))
        self._plain = np.array([at for at, gram in enumerate(self.vectorizer.get_feature_names_out()) if gram[0] != TURN])
        vectors = self._vectors(read)
        self.coefficients: dict[str, Floats] = {}
        self.bias: dict[str, float] = {}
        self._fit(CORE, read, vectors)
        if others := self._unrelated([example for example in examples if example.unread]):
            read += others
            vectors = self._vectors(read)
        for head in HEADS:
            self._fit(head, read, vectors)

    def _unrelated(self, unread: Sequence[Example]) -> list[Example]:
        return [example for example, odds in zip(unread, self.scores(unread)[CORE.name], strict=True) if odds < 0.0] if unread else []

    def _columns(self, head: Head) -> NDArray[np.intp]:
        return self._all if head.turns else self._plain

    def _vectors(self, examples: Sequence[Example]) -> dict[bool, csr_matrix]:
        """Of length 1, by whether turns are heard."""
        matrix = self.vectorizer.transform(self._features(examples))
        return {True: normalize(matrix), False: normalize(matrix[:, self._plain])}

    def _fit(self, head: Head, examples: Sequence[Example], vectors: Mapping[bool, csr_matrix]) -> None:
        rows, matrix, columns = head.rows(examples), vectors[head.turns], self._columns(head)
        answers, counts = np.array([head.answer(examples[at]) for at in rows]), np.array([examples[at].weight for at in rows])
        uneven = 1.0 + head.lean * (_unevenness(matrix[rows], answers, counts) - 1.0)
        model = LogisticRegression(C=_C, class_weight="balanced", max_iter=1000)
        model.fit(matrix[rows] @ diags_array(uneven), answers, sample_weight=counts)
        weights = model.coef_[0] * uneven
        speaks = np.abs(weights) * self.vectorizer.idf_[columns] >= _SMALLEST_WEIGHT
        self.coefficients[head.name] = np.zeros(len(self._all))
        self.coefficients[head.name][columns[speaks]] = weights[speaks]
        self.bias[head.name] = float(model.intercept_[0])

    def scores(self, examples: Sequence[Example]) -> dict[str, Floats]:
        """Raw log-odds of each head for each text, before calibration."""
        vectors = self._vectors(examples)
        fitted = [(head, self.coefficients[head.name][self._columns(head)]) for head in HEADS if head.name in self.coefficients]
        return {head.name: np.asarray(vectors[head.turns] @ values).ravel() + self.bias[head.name] for head, values in fitted}


def _unevenness(matrix: csr_matrix, answers: NDArray[np.bool_], counts: Floats) -> Floats:
    """Of each gram the size of its log-count ratio between the answers, 1 in the root mean square: naive Bayes in a linear model (Wang & Manning 2012).

    Smoothed by one text, shared as the answers are: a gram not seen says nothing.
    """
    seen = (matrix > 0).astype(float).T
    share = counts @ answers / counts.sum()
    ratios = np.log((share + seen @ (counts * answers)) / (1.0 - share + seen @ (counts * ~answers))) - np.log(share / (1.0 - share))
    sizes: Floats = np.abs(ratios) / np.sqrt(np.mean(ratios**2))
    return sizes


def out_of_fold(labelled: Sequence[Example], others: Sequence[Example], folds: Iterable[Set[str]], features: Features) -> dict[str, Floats]:
    """Raw scores of each labelled bill by heads fitted on what has no key in its fold. Together `folds` hold every key of `labelled` once."""
    raw = {head.name: np.zeros(len(labelled)) for head in HEADS}
    for fold in folds:
        unseen = [at for at, example in enumerate(labelled) if example.key in fold]
        fitted = Fitted([example for example in (*labelled, *others) if example.key not in fold], features)
        for head, values in fitted.scores([labelled[at] for at in unseen]).items():
            raw[head][unseen] = values
    return raw


@dataclass(frozen=True, slots=True)
class Calibration:
    """Slope and offset per head that turn raw log-odds into honest ones (Platt 1999)."""

    lines: dict[str, tuple[float, float]]

    def probabilities(self, raw: Mapping[str, Floats]) -> dict[str, Floats]:
        return {name: 1.0 / (1.0 + np.exp(-(scores * self.lines[name][0] + self.lines[name][1]))) for name, scores in raw.items()}


def calibrate(examples: Sequence[Example], raw: Mapping[str, Floats]) -> Calibration:
    """From out-of-fold scores of labelled bills (no lessons, no cues among `examples`)."""
    return Calibration({head.name: _line(head, examples, raw[head.name]) for head in HEADS})


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
    parts = {part.lstrip(UNDONE) for gram in terms if gram[0] not in ("=", MARK) and ">" not in gram for part in gram.removeprefix(TURN).split()}
    known = [part for part in parts if part not in (NUMBER, TITLE) and part[0] != EMPTY]
    return {
        "heads": {name: {"bias": round(lines[name][1], 4), "slope": round(lines[name][0], 4)} for name in names},
        "words": {word: written.get(word, word.replace("_", " ")) for word in sorted(known)},
        "terms": terms,
    }
