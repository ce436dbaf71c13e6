"""A text four times as long costs about four times as much, whatever it repeats. Work is counted in lines executed, each turn of a loop for itself, never in time."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from services.scoring.assess import ScoringPack, assess
from shared.events import Move
from tests.unit.scoring.sample import move

DAY = dt.date(2026, 11, 3)
REPEATED: dict[str, Callable[[int], str]] = {
    "one word": lambda at: "mandato",
    "acts on institutions": lambda at: "remueve congreso jueces jurado nacional de elecciones",
    "one repeal": lambda at: "deroga la ley 12345 que",
    "many repeals": lambda at: f"deroga la ley {10_000 + at} y restituye",
    "names of norms": lambda at: f"ley {10_000 + at} que",
    "names between dashes": lambda at: f"ley {10_000 + at} - ley que",
    "articles": lambda at: "artículo 179 constitución",
    "articles of none": lambda at: f"artículo {at}",
    "ranges": lambda at: "artículos 1 al 60",
    "parties": lambda at: "fuerza popular remueve",
    "institutions": lambda at: "poder judicial jurado nacional de elecciones corte suprema",
}


@pytest.fixture(scope="module")
def pack() -> ScoringPack:
    return ScoringPack.load("pe")


def work(text: str, pack: ScoringPack) -> int:
    """Lines executed, each turn of a loop or of a comprehension counted, while a text is assessed."""
    steps = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += 1
        return count

    subject: Move = move("Ley que modifica la Ley 27444", text=text)
    assess(subject, pack, DAY)  # words are met for the first time outside the count
    before = sys.gettrace()
    sys.settrace(count)
    try:
        assess(subject, pack, DAY)
    finally:
        sys.settrace(before)
    return steps


@pytest.mark.parametrize("piece", REPEATED.values(), ids=REPEATED)
def test_work_grows_as_the_text_grows(piece: Callable[[int], str], pack: ScoringPack) -> None:
    small, large = (work(" ".join(piece(at) for at in range(count)), pack) for count in (300, 1_200))
    assert large < 5 * small


def test_a_word_without_end_is_no_word(pack: ScoringPack) -> None:
    small, large = (work("a" * letters, pack) for letters in (2_000, 20_000))
    assert large < 1.1 * small
