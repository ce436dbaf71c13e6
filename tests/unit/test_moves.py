"""The numbered moves of load and chaos do what they are for: the grave ones raise an alert that goes out, the plain ones raise none."""

from __future__ import annotations

import datetime as dt

import pytest

from services.scoring.assess import ScoringPack, assess
from shared.events import Instrument, Level, Move, Stage, Step
from tests.parts.moves import observation

DAY = dt.date(2026, 11, 25)


@pytest.fixture(scope="module")
def pack() -> ScoringPack:
    return ScoringPack.load("pe")


@pytest.mark.parametrize("number", range(1, 22))
def test_a_numbered_move_is_as_grave_as_it_says(pack: ScoringPack, number: int) -> None:
    for grave in (True, False):
        said = observation(number, DAY, grave=grave)
        step = Step(stage=Stage.FILED, date=DAY)
        move = Move(
            move_id=f"pe.2026-2031.D.bill.{number}",
            key=said["key"],
            country="pe",
            period="2026-2031",
            chamber="D",
            instrument=Instrument.BILL,
            title=said["title"],
            summary=said["summary"],
            proponent=said["proponent"],
            steps=(step,),
        )
        assert (assess(move, pack, DAY).level is not Level.NONE) == grave, said["title"]
