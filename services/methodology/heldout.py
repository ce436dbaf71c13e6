"""Measures scoring on what its learned parts never saw. In: the reference data; out: figures.

For each window the learned parts are trained anew without its parliamentary period and without the moves of the record. Rules are the shipped ones: no training can leave out what
their authors have read. Nothing that serves imports this: it trains (scikit-learn) and reads the reference data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from services.backtest import backtest, by_judgment
from services.methodology.docket import Window, judgments_of, read_lines, replay
from services.methodology.scorecard import labels_of, scorecard
from services.scoring import fit_chance, lessons
from services.scoring.examples import Features, beside, labelled
from services.scoring.fit_chance import Ended
from services.scoring.fit_text import Fitted, calibrate, exported, out_of_fold, surfaces
from services.scoring.lines import move_of
from services.scoring.terms import Conventions
from services.scoring.train import furnish
from shared.countries import Pack, load

COMPLETE = {
    "2006-2011": Window(dt.date(2006, 7, 27), dt.date(2011, 7, 26), ended=True),
    "2011-2016": Window(dt.date(2011, 7, 27), dt.date(2016, 7, 26), ended=True),
    "2021-2026": Window(dt.date(2021, 8, 1), dt.date(2022, 5, 31), ended=False),
}
"""The years of which the reference data holds every filing, by the period left out of training."""
RECORD_PERIOD = "2021-2026"
FOLDS = 4
SEED = 7
Say = Callable[[str], None]
Line = dict[str, Any]


def measure(reference: Path, record: Path, country: str, weights: Path, say: Say) -> Line:
    """All figures of docs/methodology. `weights`: where the held-out weights go, one folder a period; those already there are used again."""
    data = reference / "data/pe"
    judged = judgments_of(data / "moves.jsonl")
    labels = labels_of([data / "labels/more.jsonl", data / "labels/dev.jsonl"])
    figures: Line = {"pack": load(country).version, "record": _record(record, country, None, judged), "filings": {}}
    for period, window in COMPLETE.items():
        folder = weights / period
        if not (folder / "chance.json").exists():
            say(f"training without {period}")
            train_without(data, period, load(country), folder)
        say(f"replaying the filings of {window.name}")
        figures["filings"][period] = scorecard(replay(data / "bills.jsonl.gz", window, country, folder), window, labels)
    say("replaying the record with weights that never saw it")
    figures["record_held_out"] = _record(record, country, weights / RECORD_PERIOD, judged)
    return figures


def _record(record: Path, country: str, weights: Path | None, judged: Mapping[str, str]) -> Line:
    """The summary, what people judged beside it, and the moves on which the two part."""
    found = backtest(record, country, weights)
    compared = by_judgment(found["moves"], judged)
    parted = {*compared["threat"]["below_elevated"], *compared["positive"]["above_watch_keys"], *compared["neutral"]["above_watch_keys"]}
    kept = ("key", "title", "peak_level", "level_before_decisive", "direction", "decisive", "lead_days")
    return {"summary": found["summary"], "judged": compared, "parted": [{name: move[name] for name in kept} for move in found["moves"] if move["key"] in parted]}


def train_without(data: Path, period: str, pack: Pack, out: Path) -> None:
    """Writes learned.json and chance.json as `veedor train` does, from the other periods only; what calibrates them is scored in blocks of time, not whole periods."""
    furnish(out, pack)
    conventions = Conventions.load(out)
    bills = {line["key"]: line for line in read_lines(data / "bills.jsonl.gz") if line["period"] != period and line["presented"]}
    labels = [line for name in ("dev", "more") for line in read_lines(data / "labels" / f"{name}.jsonl") if line["key"] in bills]
    labels.sort(key=lambda label: (bills[label["key"]]["presented"], label["key"]))
    _write(out / "learned.json", _text_model(labels, bills, conventions, pack, out))
    ended = [_ended(bill, pack) for bill in bills.values() if _is_over(bill) and (bill["title"] or bill["summary"])]
    _write(out / "chance.json", fit_chance.fit(ended, conventions, SEED))


def _write(path: Path, model: Line) -> None:
    path.write_bytes(orjson.dumps({"version": "held-out", **model}))


def _text_model(labels: Sequence[Line], bills: Mapping[str, Line], conventions: Conventions, pack: Pack, folder: Path) -> Line:
    examples = [labelled(label, bills[label["key"]]) for label in labels]
    others = [*beside(labels, read_lines(folder / "labels.jsonl"), bills), *lessons.load(folder / "lessons.json", SEED)]
    features = Features(pack, conventions)
    filed = sorted(bills, key=lambda key: (bills[key]["presented"], key))
    calibration = calibrate(examples, out_of_fold(examples, others, _blocks(filed), features))
    everything = [*examples, *others]
    fitted = Fitted(everything, features)
    return exported(fitted, calibration, surfaces(everything, conventions))


def _blocks(keys: Sequence[str]) -> Iterator[set[str]]:
    """Blocks of time; `keys` in order of filing."""
    for part in np.array_split(np.array(keys), FOLDS):
        yield set(part.tolist())


def _is_over(bill: Line) -> bool:
    """Its period is one of which every ending is known."""
    return bill["period"] in COMPLETE and COMPLETE[bill["period"]].ended


def _ended(bill: Line, pack: Pack) -> Ended:
    move, filed = move_of(bill, pack), dt.date.fromisoformat(bill["presented"])
    return Ended(move, bill["status_norm"] == "law", filed, max(step.date for step in move.steps))
