"""The one function: explained, point-in-time, neutral, and silent about what it must not read."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from services.scoring.assess import TOGETHER, assess, assess_all
from services.scoring.points import parts
from shared.events import Assessment, Direction, Instrument, Level, MoveAssessed, Stage, Words
from tests.unit.scoring.sample import AS_OF, Flat, Said, assessed, country, move, pack, step

REFERENCE = Path(os.environ.get("VEEDOR_REFERENCE", "../shared")) / "data" / "pe"
REMEDY = "Ley que deroga la Ley 32108 y restituye el texto anterior de la Ley contra el Crimen Organizado"
THREAT = "Ley que reduce el mandato de los miembros del Jurado Nacional de Elecciones"


def test_many_are_assessed_as_each_alone_is_however_long_their_texts() -> None:
    titles = ["Ley que destituye al jefe de la ONPE", "Ley que deroga la Ley 32108", "Ley de caminos"]
    moves = [move(f"{titles[at % 3]} {at}", text="Artículo único. " * (10_000 if at % 10 == 0 else 1)) for at in range(TOGETHER + 6)]
    assert list(map(Assessment.model_validate, assess_all([(one, AS_OF) for one in moves], pack()))) == [assess(one, pack(), AS_OF) for one in moves]
    assert assess_all([], pack()) == []


def test_a_remedy_is_severe_strengthens_and_carries_no_risk() -> None:
    found = assessed(REMEDY)
    assert found.direction is Direction.STRENGTHENS
    assert found.severity >= 60
    assert found.risk == 0
    assert found.level is Level.NONE


def test_a_threat_is_the_same_size_and_carries_risk() -> None:
    found = assessed(THREAT)
    assert found.direction is Direction.WEAKENS
    assert found.level.rank >= Level.ELEVATED.rank


def test_every_factor_has_a_part_a_citation_and_words_in_both_languages() -> None:
    short = {citation.short for citation in country().citations.values()}
    for title in (REMEDY, THREAT, "Ley que modifica el artículo 179 de la Constitución", "Ley que declara de interés nacional el carnaval"):
        found = assessed(title)
        assert {factor.part for factor in found.factors} == {"severity", "imminence", "confidence"}
        for factor in found.factors:
            assert factor.citation in short
            assert factor.label is not None
            assert factor.label.es
            assert factor.label.en


def test_the_leading_factor_quotes_the_words_that_decided() -> None:
    found = assessed(THREAT)
    lead = next(factor for factor in found.factors if factor.rule == "term.shorter")
    assert lead.quote is not None
    assert lead.quote in THREAT
    assert "reduce" in lead.quote


def test_a_part_is_the_clipped_sum_of_its_factors() -> None:
    for title in (REMEDY, THREAT):
        found = assessed(title)
        assert (found.severity, found.imminence, found.confidence * 100) == pytest.approx(parts(map(vars, found.factors)))


def test_later_steps_do_not_exist() -> None:
    filed = step(Stage.FILED, "2024-03-01")
    later = [step(Stage.FIRST_VOTE, "2024-05-30"), step(Stage.PASSED, "2024-07-04", shortcut="second vote waived"), step(Stage.PUBLISHED, "2024-08-09")]
    day = dt.date(2024, 5, 29)
    assert assessed(THREAT, filed, *later, as_of=day) == assessed(THREAT, filed, as_of=day)
    assert assessed(THREAT, filed, *later, as_of=dt.date(2024, 5, 30)) != assessed(THREAT, filed, as_of=dt.date(2024, 5, 30))


def test_risk_grows_with_the_stage_by_at_most_the_published_share() -> None:
    stages = [Stage.FILED, Stage.REPORT, Stage.FLOOR, Stage.FIRST_VOTE, Stage.PASSED, Stage.PUBLISHED]
    risks = [assessed(THREAT, step(stage, "2024-09-01")).risk for stage in stages]
    assert risks == sorted(risks)
    assert risks[-1] / risks[0] <= 1 / 0.7


@pytest.mark.parametrize("stage", [Stage.SHELVED, Stage.WITHDRAWN, Stage.REJECTED, Stage.STRUCK_DOWN])
def test_what_is_dead_is_scored_with_little_imminence(stage: Stage) -> None:
    found = assessed(THREAT, step(Stage.FILED, "2024-03-01"), step(stage, "2024-06-01"))
    assert found.imminence < 5
    assert found.severity > 50


def test_a_published_law_binds() -> None:
    found = assessed(THREAT, step(Stage.PUBLISHED, "2024-08-09"))
    assert found.p_law == 1
    assert found.earliest_law == dt.date(2024, 8, 9)
    assert found.imminence >= 80


def test_a_motion_has_no_chance_of_law() -> None:
    found = assessed("Moción para remover a los miembros de la Junta Nacional de Justicia", instrument=Instrument.MOTION)
    assert found.p_law is None
    assert found.earliest_law is None


def test_critical_needs_severity_and_imminence_both_high() -> None:
    title = "Denuncia constitucional contra los miembros de la Junta Nacional de Justicia por infracción constitucional"
    early = assessed(title, step(Stage.FILED, "2024-02-01"), instrument=Instrument.CONSTITUTIONAL_ACCUSATION)
    late = assessed(title, step(Stage.PASSED, "2024-03-07"), instrument=Instrument.CONSTITUTIONAL_ACCUSATION)
    assert early.level.rank <= Level.HIGH.rank
    assert late.level.rank >= early.level.rank


def test_says_what_would_change_the_level() -> None:
    found = assessed(THREAT, step(Stage.PASSED, "2024-09-01", shortcut="second vote waived"))
    changes = {counterfactual.change.en: counterfactual for counterfactual in found.counterfactuals}
    waived = changes["if the second vote had not been waived"]
    assert waived.risk < found.risk
    assert changes["if it did not reach sitting authorities"].risk < found.risk


def test_electoral_rules_changed_within_a_year_are_nearer() -> None:
    title = "Ley que amplía el plazo de inscripción de candidatos en las elecciones generales 2026"
    early, late = assessed(title, step(Stage.FILED, "2025-01-10"), as_of=dt.date(2025, 1, 10)), assessed(title, step(Stage.FILED, "2025-05-10"), as_of=dt.date(2025, 5, 10))
    assert not early.inside_one_year
    assert late.inside_one_year
    assert late.imminence > early.imminence
    assert any(factor.rule == "calendar.late_electoral_change" for factor in late.factors)


@pytest.mark.parametrize(
    "other",
    [
        "LEY QUE REDUCE EL MANDATO DE LOS MIEMBROS DEL JURADO NACIONAL DE ELECCIONES",
        "Ley que recorta el mandato de los miembros del JNE",
        "Ley  que\nreduce el mandato de los integrantes del Pleno del Jurado Nacional de Elecciones",
        "Proyecto de ley que propone acortar el periodo de los miembros del Jurado Nacional de Elecciones",
        "Ley de reducción del mandato del Pleno del JNE",
    ],
)
def test_rewordings_keep_targets_and_direction(other: str) -> None:
    first, second = assessed(THREAT), assessed(other)
    assert (first.direction, first.targets) == (second.direction, second.targets)


@pytest.mark.parametrize(
    ("title", "names"),
    [
        (
            "Denuncia constitucional contra {} por infracción constitucional, presentada en {}, en su condición de miembro del Jurado Nacional de Elecciones",
            [("Juan Pérez", "Lima"), ("María de los Ángeles Quispe Huamán", "Madre de Dios"), ("Wilson Paz", "La Libertad")],
        ),
        (
            "Ley que elimina la inscripción de {} y los movimientos regionales de {}",
            [("Fuerza Popular", "Puno"), ("Perú Libre", "San Martín"), ("Alianza para el Progreso", "Callao")],
        ),
    ],
)
def test_names_of_people_parties_and_regions_change_nothing(title: str, names: list[tuple[str, str]]) -> None:
    seen = []
    for person, place in names:
        found = assessed(title.format(person, place))
        seen.append((found.direction, found.targets, found.severity, found.risk, found.level))
    assert len(set(seen)) == 1


def test_metadata_that_must_not_count_changes_nothing() -> None:
    plain = assess(move(THREAT), pack(), AS_OF)
    note = Words(es="fue una amenaza", en="it was a threat")
    noted = assess(move(THREAT, step(Stage.FILED, "2024-09-01", note=note), groups=("Un Grupo",)), pack(), AS_OF)
    assert plain == noted


def test_the_model_reads_only_title_summary_and_text() -> None:
    model = Flat()
    given = type(pack()).build(country(), model, pack().chance)
    assess(move("Un título", summary="Una sumilla", text="Un texto", groups=("grupo",), proponent="Congreso"), given, AS_OF)
    assert model.texts == ["Un título\nUna sumilla\nUn texto"]


def test_a_harmful_word_elsewhere_does_not_raise_an_unrelated_bill() -> None:
    plain = assessed("Ley que declara de interés nacional la carretera central")
    added = assessed("Ley que declara de interés nacional la carretera central y elimina el pago del peaje")
    assert added.level.rank <= plain.level.rank


def test_the_same_move_on_the_same_day_is_scored_the_same() -> None:
    assert assessed(THREAT).model_dump_json() == assessed(THREAT).model_dump_json()


def test_an_assessment_travels_as_an_event_unchanged() -> None:
    found = assessed(THREAT, step(Stage.FIRST_VOTE, "2024-09-01"))
    event = MoveAssessed(move=move(THREAT), revision=1, as_of=AS_OF, pack_version="p", model_version="m", assessment=found)
    assert MoveAssessed.decode(event.encode()).assessment == Assessment.model_validate(found.model_dump())


@pytest.mark.parametrize("title", ["x", "…", "0", "Ley", "\u0130" * 50, "a" * 2000])
def test_scores_odd_titles(title: str) -> None:
    assert 0 <= assessed(title).risk <= 100


def test_scores_every_kind_of_bill_of_the_files_within_bounds() -> None:
    file = REFERENCE / "bills.jsonl.gz"
    if not file.exists():
        pytest.skip(f"no reference data at {file}: set VEEDOR_REFERENCE")
    with gzip.open(file, "rt") as lines:
        for at, line in enumerate(lines):
            if at % 40 == 0 and (bill := json.loads(line)).get("title"):
                found = assessed(bill["title"][:2000], summary=bill.get("summary"))
                assert 0 <= found.severity <= 100
                assert 0 <= found.risk <= 100
                assert found.direction is not Direction.STRENGTHENS or found.level.rank <= Level.WATCH.rank


@dataclass(frozen=True)
class Doubtful(Flat):
    """Takes any text for a grave change that more likely strengthens than weakens."""

    def read(self, text: str, words: Sequence[str] | None = None, marks: Iterable[str] = ()) -> Said:
        direction = {Direction.WEAKENS: 0.25, Direction.STRENGTHENS: 0.45, Direction.MIXED: 0.29, Direction.NEUTRAL: 0.01}
        return replace(super().read(text, words, marks), relevance=1.0, direction=direction, severity=3.0)


def test_what_is_read_as_a_remedy_stays_at_watch_however_near_and_grave() -> None:
    bill = move("Ley que modifica el artículo 179 de la Constitución", step(Stage.FILED, "2024-09-01"), step(Stage.PUBLISHED, "2024-09-20"))
    found = assess(bill, replace(pack(), learned=Doubtful()), AS_OF)
    assert found.direction is Direction.STRENGTHENS
    assert found.risk == country().rubric.constants["watch_at_most"]
    assert found.level is Level.WATCH
