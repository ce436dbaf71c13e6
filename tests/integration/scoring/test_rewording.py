"""The same bill in other words reads the same; a harmful-sounding aside raises nothing. With the shipped pack and weights."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from services.scoring.assess import ScoringPack, assess
from shared.events import Assessment, Direction
from shared.folding import unaccented
from tests.unit.scoring.sample import move

DAY = dt.date(2024, 9, 10)

THREATS = (
    "Ley que reduce el mandato de los miembros del Jurado Nacional de Elecciones",
    "Ley que remueve a los miembros de la Junta Nacional de Justicia",
    "Ley que concede amnistía a militares y policías procesados por delitos de lesa humanidad",
    "Ley que reduce los plazos de prescripción de los delitos de corrupción de funcionarios",
    "Ley de reforma constitucional que somete a acusación constitucional a los miembros del Jurado Nacional de Elecciones",
)
REMEDIES = (
    "Ley que deroga la Ley 32108, Ley que modifica el Código Penal y la Ley 30077, Ley contra el crimen organizado",
    "Ley que declara la imprescriptibilidad de los delitos de corrupción de funcionarios",
    "Ley que establece el concurso público de méritos para la elección de los magistrados del Tribunal Constitucional",
)
UNRELATED = (
    "Ley que declara de interés nacional la construcción de la carretera Jaén - San Ignacio",
    "Ley que regula el etiquetado de los alimentos para mascotas",
    "Ley que promueve el cultivo de la quinua en las zonas altoandinas",
)
ASIDES = (
    ", que elimina trámites",
    ", y suspende el cobro de tasas municipales",
    ", que sanciona con inhabilitación al proveedor",
    ", reduce plazos y deroga la ordenanza municipal anterior",
    ", y faculta la remoción de obstáculos en la vía",
    ", con amnistía tributaria para pequeños productores",
)


@pytest.fixture(scope="module")
def pack() -> ScoringPack:
    return ScoringPack.load("pe")


def read(title: str, pack: ScoringPack) -> Assessment:
    return assess(move(title), pack, DAY)


def mistyped(title: str) -> str:
    """The longest word with two of its middle letters swapped."""
    word = max(title.split(), key=len)
    at = next(at for at in range(len(word) // 2, len(word)) if word[at] != word[at - 1])
    return title.replace(word, word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :])


MECHANICAL: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "no accents": lambda title: "".join(c if c.isascii() else unaccented(c) for c in title),
    "capitals without accents": lambda title: unaccented(title).upper(),
    "a typing error": mistyped,
    "wide spaces": lambda title: title.replace(" ", "  "),
    "N.°": lambda title: title.replace("Ley 3", "Ley N.° 3"),
    "Nº": lambda title: title.replace("Ley 3", "Ley Nº 3"),
    "comma": lambda title: title.replace("32108", "32,108"),
    "point": lambda title: title.replace("32108", "32.108"),
}


@pytest.mark.parametrize("how", MECHANICAL)
@pytest.mark.parametrize("title", [*THREATS, *REMEDIES])
def test_another_way_of_writing_reads_the_same(title: str, how: str, pack: ScoringPack) -> None:
    plain, other = read(title, pack), read(MECHANICAL[how](title), pack)
    assert (other.targets, other.direction, other.level) == (plain.targets, plain.direction, plain.level)


@pytest.mark.parametrize(
    "titles",
    [
        (
            "Ley que reduce el mandato de los miembros del Jurado Nacional de Elecciones",
            "Ley que acorta el mandato de los miembros del Jurado Nacional de Elecciones",
            "Ley que recorta el periodo de los miembros del JNE",
            "Ley para la reducción del mandato de los integrantes del Jurado Nacional de Elecciones",
            "Proyecto de ley que propone acortar la duración del cargo de los miembros del Jurado Nacional de Elecciones",
        ),
        (
            "Ley que concede amnistía a militares y policías procesados por delitos de lesa humanidad",
            "Ley que otorga amnistía a policías y militares procesados por delitos de lesa humanidad",
            "Ley de amnistía para miembros de las Fuerzas Armadas y la Policía Nacional procesados por violaciones de derechos humanos",
        ),
        (
            "Ley que reduce los plazos de prescripción de los delitos de corrupción de funcionarios",
            "Ley que acorta la prescripción de los delitos de corrupción de funcionarios",
            "Ley que, en los delitos de corrupción de funcionarios, reduce los plazos de prescripción",
        ),
    ],
)
def test_synonyms_and_word_order_keep_the_threat(titles: tuple[str, ...], pack: ScoringPack) -> None:
    found = [read(title, pack) for title in titles]
    assert [one.direction for one in found] == [Direction.WEAKENS] * len(titles)
    assert len({one.targets[0] for one in found}) == 1


@pytest.mark.parametrize(
    "title",
    [
        *REMEDIES,
        "Ley que deja sin efecto la Ley 32108",
        "Ley por la que se deroga la Ley N.° 32,108",
        "Ley que establece que los delitos de corrupción de funcionarios no prescriben",
    ],
)
def test_a_remedy_stays_one_and_carries_no_alarm(title: str, pack: ScoringPack) -> None:
    found = read(title, pack)
    assert found.direction is Direction.STRENGTHENS
    assert found.level.rank == 0


@pytest.mark.parametrize("aside", ASIDES)
@pytest.mark.parametrize("title", UNRELATED)
def test_a_harmful_sounding_aside_raises_no_level(title: str, aside: str, pack: ScoringPack) -> None:
    assert read(title + aside, pack).level is read(title, pack).level


@pytest.mark.parametrize("aside", ASIDES[:3])
@pytest.mark.parametrize("title", REMEDIES)
def test_nor_does_it_turn_a_remedy_into_a_threat(title: str, aside: str, pack: ScoringPack) -> None:
    found = read(title + aside, pack)
    assert found.direction is not Direction.WEAKENS
    assert found.level.rank == 0
