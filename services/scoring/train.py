"""Trains the learned parts of scoring. In: the reference data (labels, bills, moves) and lessons.json; out: learned.json and chance.json. Deterministic by seed.

Never imported when serving: it needs scikit-learn. What it prints comes from models that did not see the period they are measured on.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from services.scoring import fit_chance, lessons
from services.scoring.fit_chance import Ended
from services.scoring.fit_text import Calibration, Example, Fitted, Floats, calibrate, exported, features, surfaces
from services.scoring.terms import Conventions, tokens
from shared.events import Instrument, Move, Stage, Step, Target
from shared.folding import unaccented

Say = Callable[[str], None]

_ENDED = ("2006-2011", "2011-2016")
_MOVE_WEIGHT = 0.5
_ORDINARY = re.compile("de|del|la|los|las|y|marco|pena|segundo|mercado|norma|grupo|digna|lavado|sin|diez|falla|quedo|segura|solar|portugal|flor|guerra|julio|tesoro|calle")
_POLARITY = {"threat": "weakens", "positive": "strengthens"}


def train(reference: Path, out: Path, *, seed: int = 7, say: Say = print, folds: Path | None = None, measure: bool = True) -> None:
    """Write `learned.json` and `chance.json` to `out`, which holds lexicon.json, stop.json and lessons.json.

    `measure`: print the cross-validation of the chance of law first (slow). `folds`: where to write out-of-fold predictions of the labelled bills, in the form of
    tools/evaluate.py. Raises OSError when the reference data is missing.
    """
    bills = {bill["key"]: bill for bill in _lines(reference / "data/pe/bills.jsonl.gz")}
    conventions = _without_names(Conventions.load(out), bills.values())
    _train_text(reference / "data/pe", out, bills, conventions, seed, say, folds)
    ended = [_ended(bill) for bill in bills.values() if bill["period"] in _ENDED and bill["presented"]]
    for line in fit_chance.measured(ended, conventions, seed) if measure else ():
        say(line)
    _write(out / "chance.json", fit_chance.fit(ended, conventions, seed))


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


def _train_text(data: Path, out: Path, bills: dict[str, dict[str, Any]], conventions: Conventions, seed: int, say: Say, folds: Path | None) -> None:
    labels = [label for name in ("dev", "more") for label in _lines(data / "labels" / f"{name}.jsonl")]
    examples = [_labelled(label, bills[label["key"]]) for label in labels]
    cues = [cue for label, example in zip(labels, examples, strict=True) if (cue := _cue(label, example)) is not None]
    taught = lessons.load(out / "lessons.json", seed)
    moves = list(_moves(data))
    raw = _out_of_period(examples, [_era(bills[e.key]) for e in examples], cues, taught, moves, conventions)
    calibration = calibrate(examples, raw)
    _report_text(examples, raw, calibration, say)
    if folds is not None:
        folds.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in _predictions(examples, raw, calibration)))
    everything = [*examples, *cues, *taught, *moves]
    fitted = Fitted(everything, features(everything, conventions))
    fitted.prune()
    _write(out / "learned.json", exported(fitted, calibration, surfaces(everything, conventions)))


def _text(bill: dict[str, Any]) -> str:
    return f"{bill['title'] or ''}\n{bill['summary'] or ''}".strip()


def _labelled(label: dict[str, Any], bill: dict[str, Any]) -> Example:
    return Example(label["key"], _text(bill), label["rel"] == 2, frozenset(label["targets"]), label["mech"], label["dir"], label["sev"])


def _cue(label: dict[str, Any], example: Example) -> Example | None:
    """The words that decided, as an example of their own for direction and severity."""
    if not example.core or not label.get("cue"):
        return None
    return replace(example, text=label["cue"], parts=frozenset({"direction", "severity"}))


def _moves(data: Path) -> Iterator[Example]:
    """The curated moves that threaten or help, by their neutral titles; they say nothing of targets."""
    steps = {row["id"]: row for row in _lines(data / "steps.jsonl")}
    for move in _lines(data / "moves.jsonl"):
        if (direction := _POLARITY.get(move["polarity"])) is not None:
            title = steps[move["id"]]["official_title"] or steps[move["id"]]["neutral_title_es"]
            yield Example(move["id"], title, True, frozenset(), "none", direction, 2, _MOVE_WEIGHT, frozenset({"core", "direction", "alarm"}))


def _era(bill: dict[str, Any]) -> str:
    """The fold of a bill: its period, the young one counted with the last."""
    return "2021-2026" if bill["period"] > "2021" else str(bill["period"])


def _out_of_period(
    examples: Sequence[Example], eras: Sequence[str], cues: Sequence[Example], taught: Sequence[Example], moves: Sequence[Example], conventions: Conventions
) -> dict[str, Floats]:
    """Raw scores of each bill by heads fitted on the other periods only (moves are of 2021-2026 and left out with it)."""
    raw: dict[str, Floats] = {}
    for era in sorted(set(eras)):
        unseen = [at for at, own in enumerate(eras) if own == era]
        hidden = {examples[at].key for at in unseen}
        seen = [e for e in (*examples, *cues) if e.key not in hidden] + list(taught) + ([] if era == "2021-2026" else list(moves))
        scores = Fitted(seen, features(seen, conventions)).scores(features([examples[at] for at in unseen], conventions))
        for head, values in scores.items():
            raw.setdefault(head, np.zeros(len(examples)))[unseen] = values
    return raw


def _predictions(examples: Sequence[Example], raw: dict[str, Floats], calibration: Calibration) -> Iterator[dict[str, Any]]:
    chances = calibration.probabilities(raw)
    severity = calibration.expected_severity(chances)
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
