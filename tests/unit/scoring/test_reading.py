"""From titles to institutions, acts and norms, however they are written."""

from __future__ import annotations

import pytest

from services.scoring.reading import Reader
from tests.unit.scoring.sample import country, pack


@pytest.fixture(scope="module")
def reader() -> Reader:
    return pack().reader


def codes(reader: Reader, title: str) -> set[str]:
    return {cited.code for cited in reader.read(title).cited}


@pytest.mark.parametrize("number", ["32108", "32,108", "32.108", "N° 32108", "Nº 32108", "N.° 32108", "No. 32108", "nro 32108", "número 32108"])
def test_reads_a_law_number_in_any_form(reader: Reader, number: str) -> None:
    assert codes(reader, f"Ley que deroga la Ley {number}") == {"law:32108"}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Ley de reforma constitucional que modifica los artículos 179 y 180", {"const:179", "const:180"}),
        ("REFORMA CONST.179º,180°/CONFORMACIÓN DEL PLENO", {"const:179", "const:180"}),
        ("Ley que modifica los artículos 90, 191 y 194 de la Constitución Política", {"const:90", "const:191", "const:194"}),
        ("Reforma de los artículos 176 al 178 de la Constitución", {"const:176", "const:177", "const:178"}),
        ("Ley que incorpora el artículo 90-A en la Constitución", {"const:90-A"}),
        ("CÓDIGO.-PENAL 80º/PRESCRIPCIÓN", {"cp:80"}),
        ("Ley que modifica el artículo 473 del Nuevo Código Procesal Penal", {"ncpp:473"}),
        ("ELECCIONES.- L.26859/MODIFICA ART. 21° DE LA LEY", {"law:26859"}),
        ("Ley que modifica el D.L. 052, Ley Orgánica del Ministerio Público", {"decree:052"}),
        ("Ley que modifica el Decreto Legislativo N° 1373", {"decree:1373"}),
        ("Ley que modifica la Ley Orgánica de Elecciones", {"law:26859"}),
        ("Decreto Supremo 004-2008 sobre el año 2008", set()),
        ("Texto sustitutorio de los proyectos de ley 2014 y 3494", {"law:2014", "law:3494"} - {"law:2014", "law:3494"}),
    ],
)
def test_reads_articles_and_laws(reader: Reader, title: str, expected: set[str]) -> None:
    assert codes(reader, title) == expected


def test_an_inciso_is_no_article(reader: Reader) -> None:
    assert codes(reader, "Modifica el inciso 2 del artículo 139 de la Constitución") == {"const:139"}


def test_strips_the_preamble_of_a_bill_carried_over(reader: Reader) -> None:
    reading = reader.read("ACTUALIZACIÓN DE CONFORMIDAD CON EL ACUERDO 001 (ANTES PL 00087/2021-IC - JURADO NACIONAL DE ELECCIONES)\nLEY QUE MODIFICA LA LEY 29277")
    assert "jne" not in reading.where
    assert [cited.code for cited in reading.cited] == ["law:29277"]


def test_a_longer_name_hides_the_shorter(reader: Reader) -> None:
    assert "judges" not in reader.read("Elección de los magistrados del Tribunal Constitucional").where
    assert "judges" in reader.read("Ley sobre los magistrados de la Corte Suprema").where


@pytest.mark.parametrize("title", ["Ley de equilibrio del año fiscal 2025", "Ley sobre el domicilio fiscal del contribuyente", "Ley que fortalece el Consejo Fiscal"])
def test_words_that_only_look_like_an_institution_are_not_read(reader: Reader, title: str) -> None:
    assert "prosecutors" not in reader.read(title).where


def test_acts_inside_the_name_of_another_norm_are_marked(reader: Reader) -> None:
    reading = reader.read("Ley que deroga la Ley 32108, Ley que modifica la Ley 30077")
    assert [mention.quoted for mention in reading.where["repeal"]] == [False]
    assert [mention.quoted for mention in reading.where["modify"]] == [True]


def test_a_name_between_dashes_ends_with_them(reader: Reader) -> None:
    reading = reader.read("Ley que modifica el Decreto Legislativo 1607 —Decreto Legislativo que modifica la Ley 30077— para derogar su disposición final")
    assert [mention.quoted for mention in reading.where["repeal"]] == [False]


@pytest.mark.parametrize(
    "title",
    [
        "Ley que elimina la inmunidad parlamentaria",
        "LEY QUE ELIMINA  LA\u00a0INMUNIDAD PARLAMENTARIA",
        "ley que elimina la inmunidad parlamentaria",
        "Ley que elimina la\ninmunidad  parlamentaria",
    ],
)
def test_case_accents_and_spacing_do_not_matter(reader: Reader, title: str) -> None:
    assert {"end", "immunity", "lift_immunity"} <= reader.read(title).where.keys()


def test_quotes_the_original_words(reader: Reader) -> None:
    reading = reader.read("LEY QUE DEROGA  LA LEY N° 32.108")
    assert reading.quote(reading.where["repeal"][0].first, reading.cited[0].last) == "DEROGA LA LEY N° 32.108"


def test_composed_and_decomposed_accents_read_alike(reader: Reader) -> None:
    assert codes(reader, "Reforma de los arti\u0301culos 179 de la Constitucio\u0301n") == {"const:179"}


def test_odd_input_is_read_without_failing(reader: Reader) -> None:
    for title in ("", "   ", "…", "\u0130\u0130 ley 32108", "12-a", "🙂 ley", "a" * 5000, "(" * 400):
        reader.read(title)


def test_a_name_that_is_also_a_verb_is_no_act(reader: Reader) -> None:
    assert "remove" not in reader.read("Acusación contra el juez supremo César José Pérez").where


def test_a_name_of_the_stem_of_an_act_is_never_read_and_the_act_is(reader: Reader) -> None:
    assert "search" not in reader.read("Homenaje a Allan Wagner").where
    assert "search" in reader.read("Regula el allanamiento").where
    assert "end" not in reader.read("Homenaje a Carlos Quito").where
    assert "end" in reader.read("Quita la inmunidad").where


def test_initials_change_no_distance(reader: Reader) -> None:
    plain, initials = (reader.read(f"Acusa por infracción constitucional a {name}, juez supremo") for name in ("Juan Paz", "J. O'D. Paz S."))
    assert [plain.counts[m.last] for m in plain.where["judges"]] == [initials.counts[m.last] for m in initials.where["judges"]]


def test_a_name_changes_no_distance(reader: Reader) -> None:
    short = reader.read("Acusa por infracción constitucional a Juan Paz, juez supremo")
    long = reader.read("Acusa por infracción constitucional a Wilfredo Anastasio Quispe Huamán de la Torre, juez supremo")
    assert [short.counts[m.last] for m in short.where["judges"]] == [long.counts[m.last] for m in long.where["judges"]]
    assert country().code == "pe"
