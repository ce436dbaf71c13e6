"""Fits the models of chance.py. In: bills with known endings; out: weights as plain values. Training only: needs scikit-learn.

Every table holds a weight for bills of any other period first, then one for each period seen.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack  # type: ignore[import-untyped]
from sklearn.feature_extraction import DictVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold

from services.scoring.fit_filing import Cut, Floats, Inside, Outside, Said, apart_from, calibration, logistic, out_of_fold, split
from services.scoring.history import history
from services.scoring.snapshot import features, named, period_of, state_of
from services.scoring.terms import UNDONE, Conventions, Lexicon, grams
from shared.events import Move

DAYS = 6
_QUARTERS = 4
_INSIDE_C, _OUTSIDE_C, _PERIOD = 0.1, 0.01, 0.4
_SMALLEST_YEAR, _SMALLEST_STATE = 0.1, 0.005


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


def cuts(bills: Sequence[Ended], conventions: Conventions, seed: int) -> list[list[Cut]]:
    """For each bill its cut at filing, then at `DAYS` random days."""
    texts = [f"{bill.move.title}\n{bill.move.summary or ''}" for bill in bills]
    lexicon = Lexicon(conventions, _listed(texts, conventions))
    chance = random.Random(seed)
    out = []
    for bill, text in zip(bills, texts, strict=True):
        words, title = (grams(lexicon.read(part), {}) for part in (text, bill.move.title))
        period = period_of(bill.move)
        out.append([Cut(words, title, features(bill.move, day), period, bill.filed.year) for day in bill.days(chance)])
    return out


def _listed(texts: Sequence[str], conventions: Conventions) -> set[str]:
    """Words of two texts or more: all that the served model will know, so that neighbours are the same when it reads."""
    lexicon = Lexicon(conventions, None)
    seen = Counter(chain.from_iterable({term.lstrip(UNDONE) for term in lexicon.read(text)} for text in texts))
    return {term for term, count in seen.items() if count > 1}


class Course:
    """Chance on a later day: the filing log-odds and what has happened since. `inside`: for bills of the periods it was fitted on."""

    def __init__(self, rows: Sequence[Cut], filing: Floats, laws: Sequence[bool], *, inside: bool) -> None:
        self.known = sorted({row.period for row in rows}) if inside else []
        self.inside = inside
        self.state = DictVectorizer().fit(self._named(rows, filing))
        self.model = logistic(_INSIDE_C if inside else _OUTSIDE_C).fit(self._design(rows, filing), laws)

    def _named(self, rows: Sequence[Cut], filing: Floats) -> list[dict[str, float]]:
        found = [row.state if self.inside else row.general for row in rows]
        tops = [named(row.found, "top") for row in rows]
        return [{**state, "filing": float(z), f"filing,top={top}": float(z)} for state, top, z in zip(found, tops, filing, strict=True)]

    def _design(self, rows: Sequence[Cut], filing: Floats) -> csr_matrix:
        state = self.state.transform(self._named(rows, filing))
        return hstack([state, *(b * _PERIOD for b in split(state, [row.period for row in rows], self.known))]).tocsr()

    def probabilities(self, rows: Sequence[Cut], filing: Floats) -> Floats:
        return np.asarray(self.model.predict_proba(self._design(rows, filing))[:, 1])

    def weights(self) -> Floats:
        """One row a period it knows, or a single one."""
        table: Floats = self.model.coef_[0].reshape(1 + len(self.known), -1)
        return table[0] + table[1:] * _PERIOD if self.inside else table


def fit_courses(table: Sequence[Sequence[Cut]], said: Said, laws: Sequence[bool]) -> tuple[Course, Course]:
    """(inside, outside). Outside meets every second day without the summary."""
    later = [cut for days in table for cut in days[1:]]
    endings = np.repeat(laws, DAYS).tolist()
    outside = np.column_stack([said.title if day % 2 else said.outside for day in range(DAYS)]).ravel()
    return Course(later, np.repeat(said.inside, DAYS), endings, inside=True), Course(later, outside, endings, inside=False)


def fit(bills: Sequence[Ended], conventions: Conventions, seed: int) -> dict[str, Any]:
    """The whole model as plain values, in the form chance.py reads."""
    table = cuts(bills, conventions, seed)
    laws = [bill.law for bill in bills]
    first = [days[0] for days in table]
    said = out_of_fold(first, laws, seed)
    inside, outside = Inside(first, laws), Outside(first, laws)
    slope, shift = calibration(said.inside, laws)
    words, years, state = (slope * weights for weights in inside.weights())
    outer_words, outer_state = outside.weights()
    at_filing, later = fit_courses(table, _calibrated(said, slope, shift), laws)
    return {
        "periods": inside.periods,
        "base": base_rates(table, laws),
        "ends": end_rates(bills),
        "filing": {"bias": [_intercept(outside), *[slope * _intercept(inside) + shift] * len(words)], **_table((outside.state, outer_state[None]), (inside.state, state))},
        "course": {"bias": [_intercept(later), *[_intercept(at_filing)] * len(words)], **_table((later.state, later.weights()), (at_filing.state, at_filing.weights()))},
        "words": _words(inside, np.vstack([outer_words, words])),
        "years": {str(year): _year(inside, weights) for year, weights in zip(inside.years, years, strict=True)},
    }


def _calibrated(said: Said, slope: float, shift: float) -> Said:
    return Said(slope * said.inside + shift, said.outside, said.title)


def _intercept(fitted: Inside | Outside | Course) -> float:
    return round(float(fitted.model.intercept_[0]), 4)


def _rounded(values: Floats | Sequence[float], digits: int) -> list[float]:
    return [round(float(value), digits) + 0.0 for value in values]


def _table(outside: tuple[DictVectorizer, Floats], inside: tuple[DictVectorizer, Floats]) -> dict[str, list[float]]:
    """Feature: [weight outside, one a period]; small ones left out."""
    columns: list[dict[str, float]] = [{name: float(row[at]) for name, at in names.vocabulary_.items()} for names, weights in (outside, inside) for row in weights]
    names = sorted(set().union(*columns))
    rows = {name: _rounded([column.get(name, 0.0) for column in columns], 4) for name in names}
    return {name: row for name, row in rows.items() if max(map(abs, row)) >= _SMALLEST_STATE}


def _words(inside: Inside, weights: Floats) -> dict[str, list[float]]:
    """Gram: [rarity, weight outside, one a period]."""
    rarity = inside.words.rarity
    return {gram: [round(float(rarity[at]), 2), *_rounded(weights[:, at], 2)] for gram, at in sorted(inside.words.places.items())}


def _year(inside: Inside, weights: Floats) -> dict[str, float]:
    return {gram: round(float(weights[at]), 2) for gram, at in sorted(inside.words.places.items()) if abs(weights[at]) >= _SMALLEST_YEAR}


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


def end_rates(bills: Sequence[Ended]) -> dict[str, float]:
    """Share of law among bills that had seemed to end as law, and as dead, at any step."""
    seen: dict[str, list[float]] = {"law": [0.5, 1.0], "dead": [0.5, 1.0]}
    for bill in bills:
        days = sorted({step.date for step in bill.move.steps})
        for end in {state_of(bill.move, history(bill.move, day), day).end for day in days} - {""}:
            seen[end][0] += bill.law
            seen[end][1] += 1
    return {end: min(0.999, round(laws / count, 4)) for end, (laws, count) in seen.items()}


def measured(bills: Sequence[Ended], conventions: Conventions, seed: int) -> Iterator[str]:
    """Brier skill at filing and on a random later day: for each period by a model of the other, and for the last by models that saw three quarters of it."""
    table = cuts(bills, conventions, seed)
    laws = [bill.law for bill in bills]
    periods = [days[0].period for days in table]
    yield "chance of law, Brier skill at filing and on a random day (AUROC):"
    for period in sorted(set(periods)):
        others, own = apart_from(period, periods)
        for title in (False, True):
            yield f"  {period}, never seen{', titles only' if title else ''}: {_judged(_judge(table, laws, others, own, seed, inside=False, title=title))}"
    last = max(periods)
    before, after = apart_from(last, periods)
    quarters = KFold(_QUARTERS, shuffle=True, random_state=seed).split(after)
    found = [_judge(table, laws, before + [after[i] for i in seen], [after[i] for i in unseen], seed, inside=True) for seen, unseen in quarters]
    yield f"  {last}, bills not seen: {_judged([np.concatenate(column) for column in zip(*found, strict=True)])}"


def _judge(table: Sequence[Sequence[Cut]], laws: Sequence[bool], seen: Sequence[int], unseen: Sequence[int], seed: int, *, inside: bool, title: bool = False) -> list[Floats]:
    """What models of the seen say of the unseen: (said at filing, was, said later, was)."""
    known, known_laws = [table[i] for i in seen], [laws[i] for i in seen]
    asked, first = [table[i] for i in unseen], [days[0] for days in known]
    said = out_of_fold(first, known_laws, seed)
    slope, shift = calibration(said.inside, known_laws)
    courses = fit_courses(known, _calibrated(said, slope, shift), known_laws)
    at_filing = [days[0] for days in asked]
    logits = slope * Inside(first, known_laws).logits(at_filing) + shift if inside else Outside(first, known_laws).logits(at_filing, title=title)
    later = courses[0 if inside else 1].probabilities([cut for days in asked for cut in days[1:]], np.repeat(logits, DAYS))
    was = np.array([laws[i] for i in unseen], dtype=float)
    return [1.0 / (1.0 + np.exp(-logits)), was, later, np.repeat(was, DAYS)]


def _judged(figures: Sequence[Floats]) -> str:
    filing, was, later, was_later = figures
    return f"{skill(filing, was):.3f} ({roc_auc_score(was, filing):.3f}), {skill(later, was_later):.3f} ({roc_auc_score(was_later, later):.3f})"


def skill(said: Floats, was: Floats) -> float:
    """Brier skill against always saying the base rate (Murphy 1973)."""
    return float(1 - np.mean((said - was) ** 2) / np.mean((was.mean() - was) ** 2))
