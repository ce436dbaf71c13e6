"""Trains the learned parts of scoring. In: the reference data (labels, bills, moves), our own labels and lessons.json; out: learned.json and chance.json. Deterministic by seed.

Never imported when serving: it needs scikit-learn. What it prints comes from models that did not see the period they are measured on.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from services.scoring import fit_chance, lessons
from services.scoring.examples import Example, Features, beside, labelled
from services.scoring.fit_chance import Ended
from services.scoring.fit_text import SIZES, Calibration, Fitted, Floats, calibrate, exported, out_of_fold, surfaces
from services.scoring.terms import Conventions, tokens
from shared.countries import Pack, load
from shared.events import Instrument, Move, Stage, Step, Target
from shared.folding import unaccented

Say = Callable[[str], None]

_ENDED = ("2006-2011", "2011-2016")
_MOVE_WEIGHT = 0.5
_MOVE = "move:"
_ORDINARY = re.compile("de|del|la|los|las|y|marco|pena|segundo|mercado|norma|grupo|digna|lavado|sin|diez|falla|quedo|segura|solar|portugal|flor|guerra|julio|tesoro|calle")
_POLARITY = {"threat": "weakens", "positive": "strengthens"}


def train(reference: Path, out: Path, *, seed: int = 7, say: Say = print) -> None:
    """Write `learned.json` and `chance.json` to `out`, beside what people write. Raises OSError when the reference data is missing."""
    furnish(out, load("pe"))
    data = reference / "data/pe"
    bills = read_bills(data)
    train_text(data, bills, out, seed=seed, say=say)
    conventions = _without_names(Conventions.load(out), bills.values())
    ended = [_ended(bill) for bill in bills.values() if bill["period"] in _ENDED and bill["presented"]]
    for line in fit_chance.measured(ended, conventions, seed):
        say(line)
    _write(out / "chance.json", fit_chance.fit(ended, conventions, seed))


def furnish(out: Path, pack: Pack) -> None:
    """Puts what people write (conventions of drafting, labels, lessons) into a folder of weights."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("lexicon.json", "stop.json", "labels.jsonl", "lessons.json"):
        written = pack.directory / "weights" / name
        if not (out / name).exists() or not written.samefile(out / name):
            shutil.copy(written, out)


def read_bills(data: Path) -> dict[str, dict[str, Any]]:
    return {bill["key"]: bill for bill in _lines(data / "bills.jsonl.gz")}


def _without_names(conventions: Conventions, bills: Iterable[dict[str, Any]]) -> Conventions:
    """Whoever signed a bill can be no word of a model, save names that are ordinary words of law too."""
    signed = {unaccented(part) for bill in bills for author in bill["authors"] for part in tokens(author)}
    return replace(conventions, names=conventions.names | {name for name in signed if not _ORDINARY.fullmatch(name)})


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)


def _write(path: Path, model: dict[str, Any]) -> None:
    version = hashlib.sha256(orjson.dumps(model, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
    body = orjson.dumps({"version": version, **model})
    path.write_bytes(body.replace(b'],"', b'],\n"').replace(b'},"', b'},\n"') + b"\n")


# -- text ------------------------------------------------------------------------------------------------------------------------------------------------


def train_text(data: Path, bills: dict[str, dict[str, Any]], out: Path, *, seed: int = 7, say: Say = print, folds: Path | None = None) -> None:
    """Write `learned.json` to `out`. `folds`: where to write out-of-fold predictions of the labelled bills, in the form of tools/evaluate.py."""
    conventions = _without_names(Conventions.load(out), bills.values())
    labels = [label for name in ("dev", "more") for label in _lines(data / "labels" / f"{name}.jsonl")]
    examples = [labelled(label, bills[label["key"]]) for label in labels]
    others = [*beside(labels, _lines(out / "labels.jsonl"), bills), *lessons.load(out / "lessons.json", seed), *_moves(data)]
    features = Features(load("pe"), conventions)
    raw = out_of_fold(examples, others, _eras(bills, others), features)
    calibration = calibrate(examples, raw)
    _report_text(examples, raw, calibration, say)
    if folds is not None:
        folds.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in _predictions(examples, raw, calibration)))
    everything = [*examples, *others]
    fitted = Fitted(everything, features)
    _write(out / "learned.json", exported(fitted, calibration, surfaces(everything, conventions)))


def _eras(bills: dict[str, dict[str, Any]], others: Sequence[Example]) -> Iterator[set[str]]:
    """Keys by period, the young one counted with the last: the moves are of these two."""
    last = {key for key, bill in bills.items() if bill["period"] > "2021"} | {example.key for example in others if example.key.startswith(_MOVE)}
    yield last
    for period in sorted({bill["period"] for bill in bills.values() if bill["period"] < "2021"}):
        yield {key for key, bill in bills.items() if bill["period"] == period}


def _moves(data: Path) -> Iterator[Example]:
    """The curated moves that threaten or help, by their neutral titles; they say nothing of targets."""
    steps = {row["id"]: row for row in _lines(data / "steps.jsonl")}
    for move in _lines(data / "moves.jsonl"):
        if (direction := _POLARITY.get(move["polarity"])) is not None:
            title = steps[move["id"]]["official_title"] or steps[move["id"]]["neutral_title_es"]
            yield Example(_MOVE + move["id"], title, True, frozenset(), "none", direction, 2, _MOVE_WEIGHT, frozenset({"core", "direction", "alarm"}))


def _predictions(examples: Sequence[Example], raw: dict[str, Floats], calibration: Calibration) -> Iterator[dict[str, Any]]:
    chances = calibration.probabilities(raw)
    severity = np.sum([chances[size] for size in SIZES], axis=0)
    for at, example in enumerate(examples):
        told, weakens = chances["told"][at], chances["weakens"][at]
        yield {
            "key": example.key,
            "relevance": float(chances["core"][at]),
            "targets": [str(t) for t in Target if chances[str(t)][at] > 0.5],
            "direction": "weakens" if weakens > 0.5 else "strengthens",
            "severity": float(severity[at]) / 3 * 100,
            "risk": float(100 * chances["alarm"][at]),
            "probabilities": {"told": float(told), "weakens_if_told": float(weakens), **{name: float(values[at]) for name, values in chances.items()}},
        }


def _report_text(examples: Sequence[Example], raw: dict[str, Floats], calibration: Calibration, say: Say) -> None:
    chances = calibration.probabilities(raw)
    told = [at for at, example in enumerate(examples) if example.told]
    weakens = [examples[at].direction == "weakens" for at in told]
    core = [at for at, example in enumerate(examples) if example.core]
    targets = np.array([[str(t) in examples[at].targets for t in Target] for at in core])
    found = np.array([[chances[str(t)][at] > 0.5 for t in Target] for at in core])
    say("text, each period read by models of the others:")
    say(f"  relevance AP {average_precision_score([e.core for e in examples], chances['core']):.3f}, target micro-F1 {f1_score(targets, found, average='micro'):.3f}")
    say(f"  weakens against strengthens AUROC {roc_auc_score(weakens, chances['weakens'][told]):.3f}")
    say(f"  alarm AP {average_precision_score([e.alarming for e in examples], chances['alarm']):.3f}")


# -- chance of law ---------------------------------------------------------------------------------------------------------------------------------------


def _ended(bill: dict[str, Any]) -> Ended:
    filed = dt.date.fromisoformat(bill["presented"])
    steps = [_step(row["date"], row["stage"], row["detail"]) for row in bill["stages"] if row["date"]]
    move = Move.model_construct(
        move_id=bill["key"],
        key=bill["key"],
        country="pe",
        period=bill["period"],
        chamber=bill["chamber"],
        instrument=Instrument.BILL,
        title=bill["title"] or "",
        summary=bill["summary"],
        proponent=bill["proponent"],
        steps=(Step(stage=Stage.FILED, date=filed), *steps),
    )
    return Ended(move, bill["status_norm"] == "law", filed, max((step.date for step in move.steps), default=filed))


def _step(day: str, native: str, detail: str | None) -> Step:
    return Step(stage=Stage.OTHER, native_stage=native, date=dt.date.fromisoformat(day), detail=detail)
