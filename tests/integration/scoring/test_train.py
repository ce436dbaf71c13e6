"""The shipped text model is what `veedor train` makes of the reference data, and each labelled bill was predicted by models that did not see its period."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from services.scoring.assess import ScoringPack
from services.scoring.learned import Learned, Reading
from services.scoring.train import furnish, read_bills, train_text
from shared.countries import load

DATA = Path(os.environ.get("VEEDOR_REFERENCE", "../shared")) / "data/pe"
TEXTS = (
    "Ley que acorta el mandato de los magistrados del Tribunal Constitucional",
    "Ley que modifica el artículo 179 de la Constitución",
    "Ley que declara la imprescriptibilidad de los delitos de corrupción de funcionarios",
    "Ley que declara de interés nacional la construcción de una carretera",
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not DATA.is_dir():
        pytest.skip(f"no reference data at {DATA}: set VEEDOR_REFERENCE to the folder that has data/pe")
    folder = tmp_path_factory.mktemp("weights")
    furnish(folder, load("pe"))
    train_text(DATA, read_bills(DATA), folder, say=lambda _: None, folds=folder / "folds.jsonl")
    return folder


@pytest.mark.parametrize("text", TEXTS)
def test_the_shipped_weights_are_those_training_makes(out: Path, text: str) -> None:
    shipped = ScoringPack.load("pe")
    trained = replace(shipped, learned=Learned.load(out / "learned.json"))
    one, other = read(text, shipped), read(text, trained)
    assert (one.relevance, one.alarm, one.severity) == pytest.approx((other.relevance, other.alarm, other.severity), abs=0.02)
    assert one.targets == pytest.approx(other.targets, abs=0.02)


def test_every_labelled_bill_is_predicted_once(out: Path) -> None:
    labelled = [orjson.loads(line)["key"] for name in ("dev", "more") for line in (DATA / f"labels/{name}.jsonl").read_bytes().splitlines()]
    predicted = [orjson.loads(line) for line in (out / "folds.jsonl").read_bytes().splitlines()]
    assert [row["key"] for row in predicted] == labelled
    assert all(0 < row["relevance"] < 1 and 0 <= row["severity"] <= 100 for row in predicted)


def read(text: str, pack: ScoringPack) -> Reading:
    found = pack.reader.read(text)
    reading = pack.learned.read(found.text, found.plain_words(), pack.marks.read(found))
    assert isinstance(reading, Reading)
    return reading
