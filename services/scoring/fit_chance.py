"""Fits the two models of chance.py. In: bills with known endings; out: weights as plain values. Training only: needs scikit-learn."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array, hstack  # type: ignore[import-untyped]
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold

from services.scoring.snapshot import features, named, period_of
from services.scoring.terms import Conventions, Lexicon, grams
from shared.events import Move

Floats: TypeAlias = NDArray[np.float64]

DAYS = 6
_FOLDS = 4
_COMMON_WORDS, _PERIOD_WORDS = 0.5, 1.0
_COMMON_STATE, _PERIOD_STATE = 0.3, 0.15
_FILING_C, _COURSE_C, _COURSE_PERIOD = 3.0, 0.3, 0.3
_SMALLEST_WORD, _SMALLEST_STATE = 0.05, 0.005


@dataclass(frozen=True, slots=True)
class Ended:
    """A bill whose ending is known, and the day of its last recorded step."""

    move: Move
    law: bool
    filed: dt.date
    last: dt.date

    def days(self, chance: random.Random) -> list[dt.date]:
        """The day of filing, then random days up to the last step: what a reader could be asked about."""
        span = (self.last - self.filed).days
        return [self.filed, *(self.filed + dt.timedelta(days=chance.randint(0, span)) for _ in range(DAYS))]


@dataclass(frozen=True, slots=True)
class Cut:
    """What could be read of a bill on one day: its grams, its features and its period (empty: treat as a period never seen)."""

    words: list[str]
    found: dict[str, float]
    period: str

    @property
    def state(self) -> dict[str, float]:
        return {name: value for name, value in self.found.items() if not name.startswith(("base=", "untouched"))}


def cuts(bills: Sequence[Ended], conventions: Conventions, seed: int) -> list[list[Cut]]:
    """For each bill its cut at filing, then at `DAYS` random days."""
    lexicon = Lexicon(conventions, None)
    chance = random.Random(seed)
    out = []
    for bill in bills:
        words = grams(lexicon.read(f"{bill.move.title}\n{bill.move.summary or ''}"), {})
        period = period_of(bill.move)
        out.append([Cut(words, features(bill.move, day), period) for day in bill.days(chance)])
    return out


def _per_period(matrix: csr_matrix, periods: Sequence[str], known: Sequence[str]) -> Iterator[csr_matrix]:
    for period in known:
        yield diags_array(np.array([float(p == period) for p in periods])) @ matrix


class Filing:
    """Chance at filing: words and state, common weights plus a share of each period's own."""

    def __init__(self, rows: Sequence[Cut], laws: Sequence[bool]) -> None:
        self.known = sorted({row.period for row in rows})
        self.words = TfidfVectorizer(analyzer=list, min_df=2, binary=True)
        self.state = DictVectorizer()
        self.words.fit([row.words for row in rows])
        self.state.fit([row.state for row in rows])
        self.model = LogisticRegression(C=_FILING_C, max_iter=1000)
        self.model.fit(self._design(rows), laws)

    def _design(self, rows: Sequence[Cut]) -> csr_matrix:
        words = self.words.transform([row.words for row in rows])
        state = self.state.transform([row.state for row in rows])
        periods = [row.period for row in rows]
        blocks = [words * _COMMON_WORDS, *(b * _PERIOD_WORDS for b in _per_period(words, periods, self.known))]
        blocks += [state * _COMMON_STATE, *(b * _PERIOD_STATE for b in _per_period(state, periods, self.known))]
        return hstack(blocks).tocsr()

    def logits(self, rows: Sequence[Cut]) -> Floats:
        return np.asarray(self.model.decision_function(self._design(rows)))

    def exported(self) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
        """Words as gram: [idf, common, one a period], state as name: [common, one a period]; small ones left out."""
        coefficients, width, height = self.model.coef_[0], len(self.words.vocabulary_), len(self.state.vocabulary_)
        parts = 1 + len(self.known)
        words = coefficients[: parts * width].reshape(parts, width) * np.array([[_COMMON_WORDS], *[[_PERIOD_WORDS]] * len(self.known)])
        state = coefficients[parts * width :].reshape(parts, height) * np.array([[_COMMON_STATE], *[[_PERIOD_STATE]] * len(self.known)])
        idf = self.words.idf_
        told = {gram: [round(float(idf[at]), 2), *_rounded(words[:, at], 2)] for gram, at in sorted(self.words.vocabulary_.items()) if np.abs(words[:, at]).max() >= _SMALLEST_WORD}
        return told, {"bias": [float(self.model.intercept_[0]), *[0.0] * len(self.known)], **_table(self.state, state)}


class Course:
    """Chance on a later day: the filing log-odds and what has happened since."""

    def __init__(self, rows: Sequence[Cut], filing: Floats, laws: Sequence[bool]) -> None:
        self.known = sorted({row.period for row in rows})
        self.state = DictVectorizer()
        self.state.fit(_with_filing(rows, filing))
        self.model = LogisticRegression(C=_COURSE_C / DAYS, max_iter=1000)
        self.model.fit(self._design(rows, filing), laws)

    def _design(self, rows: Sequence[Cut], filing: Floats) -> csr_matrix:
        state = self.state.transform(_with_filing(rows, filing))
        periods = [row.period for row in rows]
        return hstack([state, *(b * _COURSE_PERIOD for b in _per_period(state, periods, self.known))]).tocsr()

    def probabilities(self, rows: Sequence[Cut], filing: Floats) -> Floats:
        return np.asarray(self.model.predict_proba(self._design(rows, filing))[:, 1])

    def exported(self) -> dict[str, list[float]]:
        parts = 1 + len(self.known)
        table = self.model.coef_[0].reshape(parts, -1) * np.array([[1.0], *[[_COURSE_PERIOD]] * len(self.known)])
        return {"bias": [float(self.model.intercept_[0]), *[0.0] * len(self.known)], **_table(self.state, table)}


def _with_filing(rows: Sequence[Cut], filing: Floats) -> list[dict[str, float]]:
    return [{**row.state, "filing": float(z), f"filing,top={named(row.found, 'top')}": float(z)} for row, z in zip(rows, filing, strict=True)]


def _rounded(values: Floats, digits: int) -> list[float]:
    return [round(float(value), digits) + 0.0 for value in values]


def _table(names: DictVectorizer, weights: Floats) -> dict[str, list[float]]:
    return {name: _rounded(weights[:, at], 4) for name, at in sorted(names.vocabulary_.items()) if np.abs(weights[:, at]).max() >= _SMALLEST_STATE}


def out_of_fold(rows: Sequence[Cut], laws: Sequence[bool], seed: int) -> Floats:
    """Filing log-odds of each bill by a model that did not see it: what the course model learns from."""
    out = np.zeros(len(rows))
    for seen, unseen in KFold(_FOLDS, shuffle=True, random_state=seed).split(rows):
        out[unseen] = Filing([rows[i] for i in seen], [laws[i] for i in seen]).logits([rows[i] for i in unseen])
    return out


def base_rates(table: Sequence[Sequence[Cut]], laws: Sequence[bool]) -> dict[str, float]:
    """Share that became law by type of proponent and stage, each day counted once, drawn to the overall share by ten bills' worth."""
    overall = float(np.mean(laws))
    seen: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for cut_days, law in zip(table, laws, strict=True):
        for cut in cut_days:
            count = seen[named(cut.found, "base")]
            count[0] += law / len(cut_days)
            count[1] += 1 / len(cut_days)
    return {"all": round(overall, 4), **{name: round((hits + 10 * overall) / (bills + 10), 4) for name, (hits, bills) in sorted(seen.items())}}


def fit(bills: Sequence[Ended], conventions: Conventions, seed: int) -> dict[str, Any]:
    """The whole model as plain values, in the form chance.py reads."""
    table = cuts(bills, conventions, seed)
    laws = [bill.law for bill in bills]
    first = [days[0] for days in table]
    filing = Filing(first, laws)
    course = fit_course(table, laws, seed)
    words, state = filing.exported()
    return {"periods": filing.known, "base": base_rates(table, laws), "filing": state, "course": course.exported(), "words": words}


def fit_course(table: Sequence[Sequence[Cut]], laws: Sequence[bool], seed: int) -> Course:
    logits = out_of_fold([days[0] for days in table], laws, seed)
    later = [cut for days in table for cut in days[1:]]
    return Course(later, np.repeat(logits, DAYS), np.repeat(laws, DAYS).tolist())


def measured(bills: Sequence[Ended], conventions: Conventions, seed: int) -> Iterator[str]:
    """Brier skill at filing and on a random later day: for the last period by a model of the one before, and by models that saw two thirds of it."""
    table = cuts(bills, conventions, seed)
    laws = [bill.law for bill in bills]
    last = max(days[0].period for days in table)
    before, after = ([at for at, days in enumerate(table) if (days[0].period == last) is is_last] for is_last in (False, True))
    yield "chance of law, Brier skill at filing and on a random day (AUROC):"
    yield f"  a period never seen: {_judged(_judge(table, laws, before, after, seed, blind=True))}"
    parts = [_judge(table, laws, before + [after[i] for i in seen], [after[i] for i in unseen], seed, blind=False) for seen, unseen in _thirds(after, seed)]
    yield f"  bills not seen of the last period: {_judged([np.concatenate(column) for column in zip(*parts, strict=True)])}"


def _thirds(rows: Sequence[int], seed: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    yield from KFold(3, shuffle=True, random_state=seed).split(rows)


def _judge(table: Sequence[Sequence[Cut]], laws: Sequence[bool], seen: Sequence[int], unseen: Sequence[int], seed: int, *, blind: bool) -> list[Floats]:
    """What models of the seen say of the unseen: (said at filing, was, said later, was)."""
    known, known_laws = [table[i] for i in seen], [laws[i] for i in seen]
    asked = [[replace(cut, period="") if blind else cut for cut in table[i]] for i in unseen]
    logits = Filing([days[0] for days in known], known_laws).logits([days[0] for days in asked])
    later = fit_course(known, known_laws, seed).probabilities([cut for days in asked for cut in days[1:]], np.repeat(logits, DAYS))
    was = np.array([laws[i] for i in unseen], dtype=float)
    return [1.0 / (1.0 + np.exp(-logits)), was, later, np.repeat(was, DAYS)]


def _judged(figures: Sequence[Floats]) -> str:
    filing, was, later, was_later = figures
    return f"{skill(filing, was):.3f} ({roc_auc_score(was, filing):.3f}), {skill(later, was_later):.3f} ({roc_auc_score(was_later, later):.3f})"


def skill(said: Floats, was: Floats) -> float:
    """Brier skill against always saying the base rate (Murphy 1973)."""
    return float(1 - np.mean((said - was) ** 2) / np.mean((was.mean() - was) ** 2))
