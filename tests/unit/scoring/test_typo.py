"""One typing error is forgiven; a guess between two words is not made."""

from __future__ import annotations

import pytest

from services.scoring.typo import Typos
from tests.unit.scoring.sample import assessed

THREAT = "Ley que reduce el mandato de los miembros del Jurado Nacional de Elecciones"


@pytest.mark.parametrize("wrong", ["inmuniad", "inmmunidad", "inmunidzd", "inmundiad"])
def test_finds_the_word_meant(wrong: str) -> None:
    assert Typos({"inmunidad": 1, "prescripcion": 2}).meant(wrong) == 1


@pytest.mark.parametrize("strange", ["inmnd", "unmunidad", "carretera", "inm1nidad"])
def test_leaves_a_strange_word_alone(strange: str) -> None:
    assert Typos({"inmunidad": 1}).meant(strange) is None


def test_does_not_guess_between_two() -> None:
    assert Typos({"mandatos": 1, "mandados": 2}).meant("mandaos") is None


def test_forms_of_one_word_agree() -> None:
    assert Typos({"eleccion": 1, "elecciones": 1}).meant("eleccione") == 1


@pytest.mark.parametrize("title", [THREAT.replace("Nacional", "Nacinal"), THREAT.replace("Elecciones", "Eleccionnes"), THREAT.replace("miembros", "mimebros")])
def test_a_title_with_a_typing_error_reads_the_same(title: str) -> None:
    assert (assessed(title).direction, assessed(title).targets) == (assessed(THREAT).direction, assessed(THREAT).targets)
