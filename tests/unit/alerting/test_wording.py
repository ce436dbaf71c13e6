"""What people read: whole sentences in both languages, acts without motives, nothing unknown left out."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from services.alerting import wording
from services.alerting.phrasing import contracted, day, listed, name, searchable, share, shortened, with_article
from shared.events import Direction, Factor, Instrument, Level, Mechanism, Stage, Step, Target, Votes, Words
from tests.unit.alerting.sample import assessed, pack


def headline(**event: Any) -> Words:
    return wording.headline(assessed(**event), pack())


def body(**event: Any) -> Words:
    return wording.body(assessed(**event), pack(), Level.HIGH)


def test_the_first_sentence_says_who_did_what_to_whom_and_when_it_can_bind() -> None:
    found = headline(stage=Stage.REPORT, targets=(Target.JNE, Target.ONPE), assessment={"mechanisms": (Mechanism.TENURE,)})
    assert found.es == (
        "Una comisión del Congreso de la República emitió informe o dictamen de un proyecto de ley sobre duración del mandato que alcanza al JNE y a la ONPE (30 may 2024); "
        "puede regir desde el 28 jul 2024, no antes."
    )
    assert (
        found.en
        == "A committee of the Congress of the Republic reported on a bill on term of office that reaches JNE and ONPE (30 May 2024); it can bind from 28 Jul 2024 at the earliest."
    )


@pytest.mark.parametrize("instrument", list(Instrument))
@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_of_every_instrument_makes_a_sentence(stage: Stage, instrument: Instrument) -> None:
    for targets in ((), (Target.JNE,), tuple(Target)):
        found = headline(stage=stage, targets=targets, move={"instrument": instrument})
        for text in (found.es, found.en):
            assert re.fullmatch(r"[A-ZÁÉÍÓÚ].*[^ ,]\.", text), text
            assert not re.search(r"  |\{|\}|None| ,|,,|\ba el\b|\bde el\b|\(\)", text), text


def test_a_bill_that_is_published_is_a_law() -> None:
    assert headline(stage=Stage.PUBLISHED).es.startswith("Se publicó una ley sobre")


def test_unknown_is_said() -> None:
    found = headline(targets=(), assessment={"mechanisms": (), "earliest_law": None})
    assert "cuyo alcance no se lee en el título" in found.es
    assert found.es.endswith("no se sabe desde cuándo puede regir.")
    assert found.en.endswith("when it can bind is not known.")
    text = body(assessment={"p_law": None, "p_law_base": None, "milestone": None})
    assert "Probabilidad de llegar a ley: no se conoce." in text.es
    assert "The date of the next election is not known." in text.en
    assert "Text not read: title only." in text.en


def test_no_chance_without_its_base_rate() -> None:
    assert "Probabilidad de llegar a ley: 46 % (iniciativas como esta: 28 %)." in body().es
    assert "46" not in body(assessment={"p_law_base": None}).es.split("Probabilidad de llegar")[1]


def test_an_abstention_gives_its_reason_and_no_reading() -> None:
    found = body(direction=Direction.MIXED, assessment={"abstained": True, "abstained_because": Words(es="el título solo da un número", en="the title gives only a number")})
    assert "No se afirma una lectura: el título solo da un número." in found.es
    assert "No reading is asserted: the title gives only a number." in found.en


def test_a_reconstructed_title_is_called_so() -> None:
    assert "Título reconstruido a partir de registros públicos: «" in body(move={"title_origin": "reconstructed"}).es
    assert "Official title: «" in body().en


def test_what_was_read_is_said() -> None:
    assert "Se leyeron título y sumilla; el texto, no." in body(move={"summary": "Sumilla"}).es
    assert "The text was read." in body(move={"text": "Artículo 1"}).en


def test_votes_are_given_with_what_is_not_recorded() -> None:
    step = Step(stage=Stage.FIRST_VOTE, date=dt.date(2024, 5, 30), votes=Votes(yes=67, no=37, abstentions=4))
    assert "Votación del 30 may 2024: 67 a favor, 37 en contra, 4 abstenciones." in body(move={"steps": (step,)}).es
    alone = step.model_copy(update={"votes": Votes(yes=67)})
    assert "Vote of 30 May 2024: 67 in favour, votes against: not recorded." in body(move={"steps": (alone,)}).en


def test_relative_time_stands_beside_the_date() -> None:
    assert "12 abr 2026 (faltan 682 días)" in body().es
    assert "12 Apr 2026 (682 days left)" in body().en


def test_an_exercise_says_so_first() -> None:
    assert body(exercise=True).es.startswith("Ejercicio:")
    assert body(exercise=True).en.startswith("Exercise:")
    assert "jercici" not in body().es


def test_reasons_are_signed_and_cited() -> None:
    assert "Más requisitos para investigar (+34 gravedad; UNTOC, art. 20); Falta la segunda votación (−7,5 inminencia; Constitución, art. 105)" in body().es
    assert "−7.5 imminence" in body().en


def test_confidence_is_no_reason_for_a_level() -> None:
    found = body(assessment={"factors": (Factor(rule="r", part="confidence", points=45, citation="c", label=Words(es="solo el título", en="title only")),)})
    assert "Lo que más pesa" not in found.es


def test_an_appointment_is_not_said_to_be_about_appointment() -> None:
    found = headline(stage=Stage.PUBLISHED, targets=(Target.TC,), move={"instrument": Instrument.APPOINTMENT}, assessment={"mechanisms": (Mechanism.APPOINTMENT,)})
    assert found.es.startswith("Un nombramiento que alcanza al Tribunal Constitucional: publicado")


def test_a_lifted_alert_says_first_why_it_ended() -> None:
    found = wording.body(assessed(stage=Stage.REJECTED), pack(), Level.NONE, wording.died(Stage.REJECTED, pack()))
    assert found.es.split("\n")[0] == "Qué cambió: La medida ya no sigue su trámite (etapa: no aprobado)."
    assert found.en.split("\n")[0] == "What changed: The move is no longer pending (stage: rejected)."


def test_no_adjective_of_alarm() -> None:
    for stage in Stage:
        said = " ".join((*headline(stage=stage).model_dump().values(), *body(stage=stage).model_dump().values())).lower()
        assert not re.search(r"\b(grave|peligros|alarm|ataque|attack|threat|amenaz|dangerous|serious|urgent|atropello)", said.replace("gravedad", ""))


def test_an_imprecise_day_is_shown_as_it_is_known() -> None:
    assert "(may 2024)" in headline(move={"steps": (Step(stage=Stage.FILED, date=dt.date(2024, 5, 1), precision="month"),)}).es
    assert (day(dt.date(2024, 9, 3), "es"), day(dt.date(2024, 9, 3), "en"), day(dt.date(2024, 9, 3), "es", "year")) == ("3 set 2024", "3 Sep 2024", "2024")


def test_shares_are_never_falsely_certain() -> None:
    assert [share(p, "es") for p in (0, 0.001, 0.285, 0.999, 1)] == ["0 %", "menos de 1 %", "28 %", "más de 99 %", "100 %"]


@pytest.mark.parametrize(
    ("items", "es", "en"),
    [
        ([], "", ""),
        (["a"], "a", "a"),
        (["a", "b"], "a y b", "a and b"),
        (["a", "inmunidad"], "a e inmunidad", "a and inmunidad"),
        (["a", "hierro"], "a y hierro", "a and hierro"),
        (["a", "b", "c", "d", "f"], "a, b, c y 2 más", "a, b, c and 2 more"),
        (["x and z", "w"], "x and z, y w", "x and z, and w"),
    ],
)
def test_lists(items: list[str], es: str, en: str) -> None:
    assert (listed(items, "es"), listed(items, "en")) == (es, en)


@pytest.mark.parametrize(
    ("label", "es", "en"),
    [
        (Words(es="Jurado Nacional de Elecciones (JNE)", en="National Jury of Elections (JNE)"), "el JNE", "JNE"),
        (Words(es="Oficina Nacional de Procesos Electorales (ONPE)", en="National Office (ONPE)"), "la ONPE", "ONPE"),
        (Words(es="Junta Nacional de Justicia (antes CNM)", en="National Board of Justice (formerly CNM)"), "la Junta Nacional de Justicia", "the National Board of Justice"),
        (Words(es="Poder Judicial", en="Judiciary"), "el Poder Judicial", "the judiciary"),
        (Words(es="Reglas de la elección", en="Rules of elections"), "las reglas de la elección", "rules of elections"),
        (Words(es="Órganos de control: Defensoría, Contraloría", en="Oversight bodies: Ombudsman"), "los órganos de control", "oversight bodies"),
        (Words(es="Elecciones", en="Elections"), "las elecciones", "the elections"),
        (Words(es="Sistema electoral", en="Electoral system"), "el sistema electoral", "electoral system"),
    ],
)
def test_articles(label: Words, es: str, en: str) -> None:
    assert (with_article(label, "es"), with_article(label, "en")) == (es, en)


def test_contractions_and_names() -> None:
    assert (contracted("de", "el Congreso"), contracted("a", "el JNE"), contracted("a", "la ONPE"), contracted("de", "el")) == ("del Congreso", "al JNE", "a la ONPE", "de el")
    assert name(Words(es="Espacio cívico: prensa", en="Civic space"), "es") == "espacio cívico"


def test_long_and_dirty_titles_are_tamed() -> None:
    assert shortened("a\x00b\n c") == "a b c"
    assert shortened("palabra " * 200).endswith(" […]")
    assert len(shortened("palabra " * 200)) <= 605
    assert searchable("  Ley N.º 32,108 — ELECCIÓN_de\x00Ñandú ") == "ley n º 32 108 eleccion de nandu"
