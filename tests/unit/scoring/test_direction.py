"""What titles would do, by law and procedure alone: the linear model says the same of all of them here."""

from __future__ import annotations

import datetime as dt

import pytest

from shared.events import Direction, Instrument, Level, Target
from tests.unit.scoring.sample import assessed

WEAKENS, STRENGTHENS = Direction.WEAKENS, Direction.STRENGTHENS


@pytest.mark.parametrize(
    ("title", "direction", "target"),
    [
        ("Ley que deroga la Ley 32108", STRENGTHENS, Target.CRIME),
        ("Ley que deja sin efecto la Ley N° 32326", STRENGTHENS, Target.CRIME),
        ("Ley que deroga la Ley 30077, Ley contra el Crimen Organizado", WEAKENS, Target.CRIME),
        ("Ley que restituye la vigencia de la Ley 26622", WEAKENS, Target.TC),
        ("Ley que concede amnistía a los procesados por los hechos del sur", WEAKENS, Target.CRIME),
        ("Ley que declara inamnistiables los crímenes de lesa humanidad", STRENGTHENS, Target.CRIME),
        ("Ley que declara la imprescriptibilidad de los delitos de corrupción", STRENGTHENS, Target.CRIME),
        ("Ley que amplía el plazo de prescripción de los delitos de colusión", STRENGTHENS, Target.CRIME),
        ("Ley que establece la elección de los jueces supremos por voto popular", WEAKENS, Target.PJ),
        ("Ley que reduce el mandato de los miembros del Jurado Nacional de Elecciones", WEAKENS, Target.JNE),
        ("Ley que acorta el periodo del jefe de la ONPE", WEAKENS, Target.ONPE),
        ("Ley que destituye al jefe de la ONPE", WEAKENS, Target.ONPE),
        ("Ley que remueve a los miembros del Jurado Nacional de Elecciones", WEAKENS, Target.JNE),
        ("Ley que elimina la inmunidad parlamentaria", STRENGTHENS, Target.CHECKS),
        ("Ley que exige sentencia firme para la extinción de dominio", WEAKENS, Target.CRIME),
        ("Ley que suspende el control previo de la Contraloría", WEAKENS, Target.OVERSIGHT),
        ("Ley que permite el levantamiento del secreto bancario de los funcionarios", STRENGTHENS, Target.CRIME),
        ("Ley que establece la paridad y alternancia en las listas de candidatos", STRENGTHENS, Target.ELECTIONS),
        ("Ley que elimina las elecciones primarias", WEAKENS, Target.ELECTIONS),
        ("Ley que elimina a los movimientos regionales", WEAKENS, Target.ELECTIONS),
        ("Ley que establece la supervisión y sanciones a las organizaciones no gubernamentales", WEAKENS, Target.CIVIC),
        ("Ley que despenaliza los delitos contra el honor", STRENGTHENS, Target.CIVIC),
        ("Ley que crea el distrito electoral de peruanos residentes en el extranjero", STRENGTHENS, Target.ELECTIONS),
    ],
)
def test_reads_the_effect(title: str, direction: Direction, target: Target) -> None:
    found = assessed(title, as_of=dt.date(2026, 9, 1))
    assert (found.direction, found.abstained) == (direction, False)
    assert target in found.targets


@pytest.mark.parametrize(
    "title",
    [
        "Denuncia constitucional contra el presidente del Jurado Nacional de Elecciones por infracción de la Constitución",
        "Moción para remover a los miembros de la Junta Nacional de Justicia por causa grave",
        "Se propone inhabilitar por diez años a la fiscal de la Nación",
    ],
)
def test_removing_sitting_authorities_is_severe(title: str) -> None:
    found = assessed(title, instrument=Instrument.MOTION)
    assert found.direction is WEAKENS
    assert any(factor.rule == "incumbents" for factor in found.factors)
    assert found.severity >= 60


def test_undoing_a_removal_is_no_threat() -> None:
    found = assessed("Amparo para dejar sin efecto la inhabilitación de los miembros de la Junta Nacional de Justicia", instrument=Instrument.RULING)
    assert found.direction is STRENGTHENS
    assert found.risk == 0


def test_negation_inverts() -> None:
    assert assessed("Ley que limita la amnistía").direction is not STRENGTHENS
    assert assessed("Ley que prohíbe la amnistía a procesados").direction is STRENGTHENS


def test_a_norm_not_yet_published_lends_no_direction() -> None:
    before = assessed("Ley que deroga la Ley 32108", as_of=dt.date(2024, 8, 1))
    after = assessed("Ley que deroga la Ley 32108", as_of=dt.date(2024, 8, 9))
    assert before.direction is Direction.MIXED
    assert after.direction is STRENGTHENS


def test_repealing_part_weighs_less_than_the_whole() -> None:
    part, whole = assessed("Ley que deroga el artículo 3 de la Ley 30077"), assessed("Ley que deroga la Ley 30077")
    assert part.direction_probabilities[WEAKENS] < whole.direction_probabilities[WEAKENS]


def test_the_acts_of_a_repealed_law_are_not_the_acts_of_the_bill() -> None:
    found = assessed("Ley que deroga la Ley 32419, Ley que concede amnistía a los miembros de las Fuerzas Armadas", as_of=dt.date(2025, 10, 1))
    assert found.direction is STRENGTHENS
    named = assessed("Ley que deroga la Ley 32108, Ley que modifica el Código Penal, la Ley 30077 y la Ley 27379")
    assert named.direction is STRENGTHENS
    assert {factor.rule for factor in named.factors if factor.rule.startswith("norm.")} <= {"norm.repeal"}


@pytest.mark.parametrize(
    "title",
    [
        "Ley que autoriza a la presidenta de la República a salir del territorio nacional",
        "Ley que prohíbe los exámenes de admisión en la educación primaria",
        "Ley que dispone el retiro de los aportes a las administradoras de fondos de pensiones",
        "Ley de amnistía de multas por licencias de construcción",
        "Ley que establece sanciones por incumplir las reglas fiscales",
    ],
)
def test_words_of_other_matters_are_no_threat(title: str) -> None:
    assert assessed(title).direction is not WEAKENS


@pytest.mark.parametrize("claim", ["fortalecer", "optimizar", "perfeccionar", "garantizar"])
def test_a_claim_is_no_effect(claim: str) -> None:
    found = assessed(f"Ley que modifica el Decreto Legislativo 1373, a fin de {claim} el proceso")
    assert found.direction is Direction.MIXED
    assert found.abstained


@pytest.mark.parametrize(
    "title", ["Ley que modifica el artículo 179 de la Constitución", "Ley que modifica la Ley 29277", "Ley que modifica el artículo 37 del Decreto Legislativo 052"]
)
def test_abstains_when_only_a_number_is_given_and_asks_for_the_text(title: str) -> None:
    found = assessed(title)
    assert found.abstained
    assert found.direction is Direction.MIXED
    assert found.abstained_because is not None
    assert "texto" in found.abstained_because.es
    assert "text" in found.abstained_because.en


@pytest.mark.parametrize("title", ["Ley JNE", "Ley sobre el Jurado Nacional de Elecciones"])
def test_a_name_alone_is_at_most_watched(title: str) -> None:
    found = assessed(title)
    assert found.abstained
    assert found.level.rank <= Level.WATCH.rank
    assert found.risk < assessed("Ley que remueve a los miembros del Jurado Nacional de Elecciones").risk


def test_the_text_ends_the_abstention() -> None:
    found = assessed("Ley que modifica el artículo 180 de la Constitución", text="Se reduce el mandato de los miembros del Jurado Nacional de Elecciones.")
    assert found.direction is WEAKENS
    assert not found.abstained


def test_a_new_constitution_is_mixed_and_severe_without_abstaining() -> None:
    found = assessed("Ley que convoca a una asamblea constituyente")
    assert (found.direction, found.abstained) == (Direction.MIXED, False)
    assert found.severity >= 50


def test_what_the_title_mentions_hides_nothing_beside_the_act_in_the_summary() -> None:
    """Without it, how long the title is told which of two mentions was taken."""
    summary = "Propone flexibilizar las autorizaciones que concede el Congreso para los viajes al exterior del Presidente de la República"
    for title in ("Viajes al exterior del Presidente de la República", "Viajes al exterior", "Reforma sobre salidas"):
        assert "travel.eased" in {factor.rule for factor in assessed(title, summary=summary).factors}
