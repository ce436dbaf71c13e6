"""Turns of phrase: what makes one, and what a text names never does."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.scoring.terms import Conventions, Lexicon, stem, tokens
from services.scoring.turns import Turns, named

WEIGHTS = Path(__file__).parents[3] / "shared" / "countries" / "pe" / "weights"


@pytest.fixture(scope="module")
def turns() -> Turns:
    conventions = Conventions.load(WEIGHTS)
    return Turns(Lexicon(conventions, None), conventions)


def read(turns: Turns, text: str) -> set[str]:
    title, _, summary = text.partition("\n")
    return {turn for pair in turns.read(tokens(f"{title} {summary}"), tokens(title)) if (turn := named(pair)) is not None}


def test_empty_words_count_before_a_term_and_numbers_are_one(turns: Turns) -> None:
    found = read(turns, "\nlos magistrados en la Ley N° 32108 de")
    assert found == {f"+_los {stem('magistrados')}", f"+{stem('magistrados')} _en", "+_en _la", "+_la _ley", "+_ley #"}
    assert found == read(turns, "\nLOS MAGISTRADOS en la ley 31,990")


def test_words_of_the_title_are_told_apart(turns: Turns) -> None:
    found = read(turns, "mandato\nmandato presupuesto")
    assert f"+^ {stem('mandato')}" in found
    assert f"+^ {stem('presupuesto')}" not in found


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("Ley de la región {} que los jueces de", ("Ica", "San Martín", "Madre de Dios", "La Libertad")),
        ("a propuesta del grupo {} y de la Ley 1", ("Fuerza Popular", "Alianza para el Progreso", "Juntos por el Perú", "Cambio 90")),
        ("moción de {} para el cargo", ("Luz Paz", "María del Carmen de la Vega")),
    ],
)
def test_another_name_makes_no_other_turn(turns: Turns, template: str, names: tuple[str, ...]) -> None:
    read_of = [read(turns, template.format(name)) for name in names]
    assert read_of[0]
    assert all(found == read_of[0] for found in read_of)
