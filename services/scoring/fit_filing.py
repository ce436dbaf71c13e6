"""Fits the chance of law on the day of filing. In: cuts of bills with known endings; out: log-odds and readable weights. Training only: needs scikit-learn.

Two models: one for bills of a period seen in training, where bills on the same subject share a fate, and one for any other period, which knows only what held in general.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array, hstack, vstack  # type: ignore[import-untyped]
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.preprocessing import normalize

Floats: TypeAlias = NDArray[np.float64]

FOLDS = 6
_RARE = 1.5
_INSIDE_C, _WORDS, _PERIOD_WORDS, _YEAR_WORDS, _STATE, _PERIOD_STATE = 2.0, 0.7, 1.2, 1.4, 0.35, 0.18
_OUTSIDE_C, _OUTSIDE_WORDS, _OUTSIDE_STATE = 1.0, 0.7, 0.5
_LOCAL = re.compile(r"base=|untouched|.*(?:~|x\d$|month=)")


@dataclass(frozen=True, slots=True)
class Cut:
    """What could be read of a bill on one day: grams of its text and of its title alone, features, its period and the year it was filed."""

    words: list[str]
    title: list[str]
    found: dict[str, float]
    period: str
    year: int

    @property
    def state(self) -> dict[str, float]:
        return {name: value for name, value in self.found.items() if not name.startswith(("base=", "untouched"))}

    @property
    def general(self) -> dict[str, float]:
        """What means the same in any period: no words of a clerk, no counts, no months."""
        return {name: value for name, value in self.found.items() if not _LOCAL.match(name)}


def logistic(strength: float) -> LogisticRegression:
    """By dual coordinate descent: fast on many sparse columns, and the same on every machine for a seed."""
    return LogisticRegression(C=strength, solver="liblinear", dual=True, intercept_scaling=3.0, max_iter=300, tol=1e-3, random_state=0)


def split(matrix: csr_matrix, kinds: Sequence[str | int], known: Sequence[str | int]) -> Iterator[csr_matrix]:
    """For each known kind the matrix with the rows of other kinds empty."""
    for kind in known:
        yield diags_array(np.array([float(own == kind) for own in kinds])) @ matrix


class Words:
    """Grams seen in two texts or more. A text is of unit length; a rare gram weighs more than in plain TF-IDF, for it tells which bills are alike."""

    def __init__(self, texts: Sequence[list[str]]) -> None:
        self._counts = CountVectorizer(analyzer=list, min_df=2, binary=True)
        seen = np.asarray(self._counts.fit_transform(texts).sum(axis=0)).ravel()
        self.rarity: Floats = (np.log((1 + len(texts)) / (1 + seen)) + 1) ** _RARE
        self.places: dict[str, int] = self._counts.vocabulary_

    def read(self, texts: Sequence[list[str]]) -> csr_matrix:
        return normalize(self._counts.transform(texts).multiply(self.rarity).tocsr())


class Inside:
    """For periods seen: weights of words add up from all periods, the bill's own and its year."""

    def __init__(self, rows: Sequence[Cut], laws: Sequence[bool]) -> None:
        self.periods = sorted({row.period for row in rows})
        self.years = sorted({row.year for row in rows})
        self.words = Words([row.words for row in rows])
        self.state = DictVectorizer().fit([row.state for row in rows])
        self.model = logistic(_INSIDE_C).fit(self._design(rows), laws)

    def _design(self, rows: Sequence[Cut]) -> csr_matrix:
        words, state = self.words.read([row.words for row in rows]), self.state.transform([row.state for row in rows])
        periods, years = [row.period for row in rows], [row.year for row in rows]
        blocks = [words * _WORDS, *(b * _PERIOD_WORDS for b in split(words, periods, self.periods)), *(b * _YEAR_WORDS for b in split(words, years, self.years))]
        blocks += [state * _STATE, *(b * _PERIOD_STATE for b in split(state, periods, self.periods))]
        return hstack(blocks).tocsr()

    def logits(self, rows: Sequence[Cut]) -> Floats:
        return np.asarray(self.model.decision_function(self._design(rows)))

    def weights(self) -> tuple[Floats, Floats, Floats]:
        """Of words by period, of words by year and of state by period; one row a period or year."""
        coefficients, width, height = self.model.coef_[0], len(self.words.places), len(self.state.vocabulary_)
        periods, years = len(self.periods), len(self.years)
        words = coefficients[: (1 + periods + years) * width].reshape(-1, width)
        state = coefficients[(1 + periods + years) * width :].reshape(-1, height)
        common = words[0] * _WORDS + words[1 : 1 + periods] * _PERIOD_WORDS
        return common, words[1 + periods :] * _YEAR_WORDS, state[0] * _STATE + state[1:] * _PERIOD_STATE


class Outside:
    """For any other period. It learns from each bill twice, with and without its summary: most periods publish none."""

    def __init__(self, rows: Sequence[Cut], laws: Sequence[bool]) -> None:
        self.words = Words([row.words for row in rows])
        self.state = DictVectorizer().fit([row.general for row in rows])
        both = vstack([self._design(rows), self._design(rows, title=True)])
        self.model = logistic(_OUTSIDE_C).fit(both, [*laws, *laws], np.full(2 * len(rows), 0.5))

    def _design(self, rows: Sequence[Cut], *, title: bool = False) -> csr_matrix:
        words = self.words.read([row.title if title else row.words for row in rows])
        return hstack([words * _OUTSIDE_WORDS, self.state.transform([row.general for row in rows]) * _OUTSIDE_STATE]).tocsr()

    def logits(self, rows: Sequence[Cut], *, title: bool = False) -> Floats:
        return np.asarray(self.model.decision_function(self._design(rows, title=title)))

    def weights(self) -> tuple[Floats, Floats]:
        """Of words and of state."""
        width = len(self.words.places)
        return self.model.coef_[0][:width] * _OUTSIDE_WORDS, self.model.coef_[0][width:] * _OUTSIDE_STATE


@dataclass(frozen=True, slots=True)
class Said:
    """Log-odds at filing by models that did not see the bill: of its period, and of other periods with and without its summary."""

    inside: Floats
    outside: Floats
    title: Floats


def out_of_fold(rows: Sequence[Cut], laws: Sequence[bool], seed: int) -> Said:
    """What the later models learn from. Outside leaves whole periods out, as it will meet them; with one period only, folds."""
    said = Said(*(np.zeros(len(rows)) for _ in range(3)))
    folds = list(KFold(FOLDS, shuffle=True, random_state=seed).split(rows))
    for seen, unseen in folds:
        said.inside[unseen] = Inside([rows[i] for i in seen], [laws[i] for i in seen]).logits([rows[i] for i in unseen])
    periods = [row.period for row in rows]
    apart = [apart_from(period, periods) for period in sorted(set(periods))]
    for seen, unseen in apart if len(apart) > 1 else folds:
        model, asked = Outside([rows[i] for i in seen], [laws[i] for i in seen]), [rows[i] for i in unseen]
        said.outside[unseen], said.title[unseen] = model.logits(asked), model.logits(asked, title=True)
    return said


def apart_from(period: str, periods: Sequence[str]) -> tuple[list[int], list[int]]:
    """Places of bills of other periods, and of this one."""
    return [at for at, own in enumerate(periods) if own != period], [at for at, own in enumerate(periods) if own == period]


def calibration(said: Floats, laws: Sequence[bool]) -> tuple[float, float]:
    """Slope and shift that make log-odds honest (Platt 1999)."""
    line = LogisticRegression(C=1e6).fit(said[:, None], laws)
    return float(line.coef_[0, 0]), float(line.intercept_[0])
