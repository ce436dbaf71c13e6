"""The learned reading of a text: what it tells apart, and what must never move it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from services.scoring import lessons
from services.scoring.assess import ScoringPack
from services.scoring.learned import Learned, Reading
from services.scoring.terms import Conventions, Lexicon, grams, stem, tokens, undone_spans
from shared.events import Direction, Target

PACK = Path(__file__).parents[3] / "shared" / "countries" / "pe"

THREATS = (
    ("Ley que acorta el mandato de los magistrados del Tribunal Constitucional", Target.TC),
    ("Ley que remueve al jefe de la Oficina Nacional de Procesos Electorales", Target.ONPE),
    ("Ley de reforma constitucional que declara en reorganización el Ministerio Público", Target.MP),
    ("Ley que concede amnistía a militares y policías procesados por delitos de lesa humanidad", Target.CRIME),
)
REMEDIES = (
    ("Ley que deroga la Ley 31999, Ley que concede amnistía a los miembros de las Fuerzas Armadas", Target.CRIME),
    ("Ley que establece el concurso público de méritos para la elección de los magistrados del Tribunal Constitucional", Target.TC),
    ("Ley que declara la imprescriptibilidad de los delitos de corrupción de funcionarios", Target.CRIME),
    ("Ley de reforma constitucional que elimina la inmunidad parlamentaria", Target.CHECKS),
)
UNRELATED = (
    "Ley que reduce el plazo de los procedimientos administrativos municipales",
    "Ley que concede amnistía tributaria a los pequeños agricultores",
    "Ley que declara de interés nacional la construcción de una carretera",
    "Ley que elimina requisitos para la licencia de funcionamiento de bodegas",
)


Read = Callable[[str], Reading]


@pytest.fixture(scope="module")
def read() -> Read:
    """As scoring reads: words and what the reader marks in them."""
    pack = ScoringPack.load("pe")

    def by_both(text: str) -> Reading:
        title, _, summary = text.partition("\n")
        found = pack.reader.read(title, summary or None)
        return learned.read(found.text, found.plain_words(), pack.marks.read(found))

    learned = Learned.from_pack_dir(PACK)
    return by_both


def told_weakens(reading: Reading) -> float:
    """Share of weakens in what the text tells of direction."""
    weakens, strengthens = reading.direction[Direction.WEAKENS], reading.direction[Direction.STRENGTHENS]
    return weakens / (weakens + strengthens)


@pytest.mark.parametrize(("text", "target"), THREATS)
def test_a_threat_is_core_names_its_target_and_weakens(read: Read, text: str, target: Target) -> None:
    reading = read(text)
    assert reading.relevance > 0.5
    assert reading.targets[target] > 0.5
    assert told_weakens(reading) > 0.5
    assert reading.severity > 1.4


@pytest.mark.parametrize(("text", "target"), REMEDIES)
def test_a_remedy_is_core_and_does_not_weaken(read: Read, text: str, target: Target) -> None:
    reading = read(text)
    assert reading.relevance > 0.5
    assert reading.targets[target] > 0.5
    assert told_weakens(reading) < 0.5


def test_threats_raise_more_alarm_than_remedies_and_unrelated_texts(read: Read) -> None:
    threats = [read(text).alarm for text, _ in THREATS]
    others = [read(text).alarm for text in (*(text for text, _ in REMEDIES), *UNRELATED)]
    assert min(threats) > max(others)


@pytest.mark.parametrize("text", UNRELATED)
def test_harmful_sounding_words_about_something_else_are_not_core(read: Read, text: str) -> None:
    assert read(text).relevance < 0.3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ley que modifica la Ley N° 32108, sobre organización criminal", "LEY QUE MODIFICA LA LEY 32,108, SOBRE ORGANIZACION CRIMINAL"),
        ("Ley que deroga la Ley Nº 32.108", "ley que deroga la ley 32108"),
        ("Elección de jueces supremos", "eleccio\u0301n de JUECES supremos"),
        (
            "ACTUALIZACIÓN DE CONFORMIDAD CON EL REGLAMENTO - (ANTES PL 00087/2021-IC - JURADO NACIONAL DE ELECCIONES). LEY QUE PROMUEVE EL DEPORTE ESCOLAR",
            "Ley que promueve el deporte escolar",
        ),
    ],
)
def test_the_same_words_written_otherwise_read_the_same(read: Read, one: str, other: str) -> None:
    assert read(one) == read(other)


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("Ley que crea una fiscalía anticorrupción en {}", ("Cusco", "Madre de Dios", "La Libertad", "San Martín", "Lambayeque", "Puno")),
        ("Denuncia constitucional contra el congresista {} por infracción constitucional", ("Juan Pérez", "Rosa Salas Torres", "Carlos Castillo", "Luz Zvyagintsev")),
        ("Moción del grupo parlamentario {} que remueve a la Junta Nacional de Justicia", ("Fuerza Popular", "Perú Libre", "Acción Popular", "Avanza País")),
    ],
)
def test_naming_a_region_a_person_or_a_party_changes_nothing(read: Read, template: str, names: tuple[str, ...]) -> None:
    readings = [read(template.format(name)) for name in names]
    assert all(reading == readings[0] for reading in readings)


def test_a_typing_error_in_a_long_word_changes_nothing(read: Read) -> None:
    assert read("Ley que reduce el mandato de los magistraods del Tribunal Constitucional").targets[Target.TC] > 0.5
    assert read("Ley que concede amnistia general a condenados por coruupción") == read("Ley que concede amnistia general a condenados por corrupción")


def test_what_it_gives_are_probabilities(read: Read) -> None:
    for text in ("", "xyz", "\n", *UNRELATED, *(text for text, _ in THREATS)):
        reading = read(text)
        assert sum(reading.direction.values()) == pytest.approx(1.0)
        assert all(0 <= p <= 1 for p in (reading.relevance, reading.alarm, *reading.targets.values(), *reading.mechanisms.values()))
        assert 0 <= reading.severity <= 3


def test_cues_are_words_of_the_text(read: Read) -> None:
    text = "Ley que acorta el mandato de los magistrados del Tribunal Constitucional"
    cues = read(text).cues
    assert cues
    assert [weight for _, weight in cues] == sorted((weight for _, weight in cues), reverse=True)
    assert any("mandato" in words for words, _ in cues)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    for name in ("lexicon.json", "stop.json"):
        (tmp_path / name).write_bytes((PACK / "weights" / name).read_bytes())
    (tmp_path / "learned.json").write_bytes(orjson.dumps({"version": "1"}))
    with pytest.raises(KeyError):
        Learned.load(tmp_path / "learned.json")


def test_readings_that_differ_in_any_head_are_not_equal() -> None:
    model = orjson.loads((PACK / "weights" / "learned.json").read_bytes())
    conventions = Conventions.load(PACK / "weights")
    before = Learned(model, conventions).read(THREATS[0][0])
    assert Learned(model, conventions).read(THREATS[0][0]) == before
    model["heads"]["alarm"]["bias"] += 1.0
    after = Learned(model, conventions).read(THREATS[0][0])
    assert after.alarm != before.alarm
    assert after != before


def test_stems_join_the_forms_of_a_word_and_keep_offices_apart() -> None:
    assert stem("elimina") == stem("eliminar") == stem("eliminacion") == stem("eliminado")
    assert stem("jueces") == stem("juez")
    assert stem("fiscal") != stem("fiscalia")
    assert stem("congreso") != stem("congresista")


def test_what_a_repealed_norm_said_is_set_apart() -> None:
    words = tokens("Ley que deroga la Ley 32108, Ley que limita el allanamiento y restituye la vigencia del artículo 317")
    inside = [words[at] for at in sorted(undone_spans(words))]
    assert inside == ["ley", "que", "limita", "el", "allanamiento"]
    assert not undone_spans(tokens("Ley que deroga el artículo 12"))


def test_a_lexicon_passes_only_its_words() -> None:
    lexicon = Lexicon(Conventions.load(PACK / "weights"), {"reduc", "mandat"})
    assert lexicon.read("Reduce arbitrariamente el mandato de Pedro") == ["reduc", "mandat"]


def test_grams_pair_what_is_done_with_what_it_is_done_to() -> None:
    found = grams(["reduc", "mandat"], {"reduc": "act:cut", "mandat": "thing:term"})
    assert set(found) == {"reduc", "mandat", "reduc mandat", "=act:cut", "=thing:term", "act:cut>thing:term"}
    assert len(found) == 6


def test_lessons_are_the_same_for_the_same_seed() -> None:
    path = PACK / "weights" / "lessons.json"
    first = lessons.load(path, 7)
    assert first == lessons.load(path, 7)
    assert first != lessons.load(path, 8)
    assert all("(" not in lesson.text and "{" not in lesson.text for lesson in first)
    assert {lesson.direction for lesson in first if lesson.core} == set(Direction)
