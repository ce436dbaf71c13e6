"""The chance of becoming law: what moves it, what cannot, and that it never sees the future."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from services.scoring.chance import Chance
from services.scoring.clock import visible_from
from services.scoring.history import event_of
from services.scoring.snapshot import features, proponent_kind
from shared.events import Instrument, Move, Stage, Step, Votes, Words

PACK = Path(__file__).parents[3] / "shared" / "countries" / "pe"
FILED = dt.date(2022, 3, 1)


@pytest.fixture(scope="module")
def chance() -> Chance:
    return Chance.from_pack_dir(PACK)


def step(stage: Stage, day: str, native: str | None = None, **fields: object) -> Step:
    return Step.model_validate({"stage": stage, "date": day, "native_stage": native, **fields})


def bill(*steps: Step, title: str = "Ley que regula el transporte de carga", **fields: object) -> Move:
    values = {"move_id": "pe.2021-2026.C.bill.1", "key": "2021-C-1", "country": "pe", "period": "2021-2026", "chamber": "C", "instrument": Instrument.BILL, "proponent": "Congreso"}
    return Move.model_validate({**values, "title": title, "steps": (Step(stage=Stage.FILED, date=FILED), *steps), **fields})


COMMITTEE = step(Stage.COMMITTEE, "2022-03-05", "EN COMISIÓN", detail="Transportes y Comunicaciones")
REPORT = step(Stage.REPORT, "2022-05-01", "DICTAMEN")
PASSED = step(Stage.PASSED, "2022-06-10", "APROBADO 1RA. VOTACIÓN")
WAIVED = step(Stage.PASSED, "2022-06-10", "DISPENSADO 2DA. VOTACIÓN")
PUBLISHED = step(Stage.PUBLISHED, "2022-07-10", "PUBLICADO EN EL DIARIO OFICIAL EL PERUANO")
SHELVED = step(Stage.SHELVED, "2022-06-20", "AL ARCHIVO")


def test_it_grows_with_the_stage_and_ends_near_one(chance: Chance) -> None:
    day = dt.date(2022, 7, 15)
    whole = (COMMITTEE, REPORT, PASSED, WAIVED, PUBLISHED)
    course = [chance.of_law(bill(*whole[:reached]), day)[0] for reached in (1, 2, 4, 5)]
    assert course == sorted(course)
    assert course[-1] > 0.9


def test_a_shelved_bill_has_little_chance(chance: Chance) -> None:
    assert chance.of_law(bill(COMMITTEE, SHELVED), dt.date(2022, 7, 15))[0] < 0.1


@pytest.mark.parametrize("period", ["2021-2026", "2011-2016"])
@pytest.mark.parametrize("stage", [Stage.SHELVED, Stage.WITHDRAWN, Stage.REJECTED])
def test_an_end_outweighs_all_that_went_before(chance: Chance, period: str, stage: Stage) -> None:
    last = step(stage, "2022-07-12")
    assert chance.of_law(bill(COMMITTEE, REPORT, PASSED, WAIVED, last, period=period, proponent="PODER EJECUTIVO"), dt.date(2022, 7, 15))[0] < 0.03


@pytest.mark.parametrize("native", ["PUBLICADO EN EL DIARIO OFICIAL EL PERUANO", "PROMULGADO/PRESIDENTE DEL CONGRESO"])
def test_what_was_published_is_law_though_its_file_went_to_the_archive(chance: Chance, native: str) -> None:
    published = step(Stage.PUBLISHED, "2022-07-10", native)
    assert chance.of_law(bill(published), dt.date(2022, 7, 15))[0] > 0.99
    assert chance.of_law(bill(published, SHELVED.model_copy(update={"date": dt.date(2022, 7, 12)})), dt.date(2022, 7, 15))[0] > 0.99


def test_a_bill_taken_up_again_is_not_dead(chance: Chance) -> None:
    shelved = step(Stage.SHELVED, "2022-04-01", "AL ARCHIVO")
    day = dt.date(2022, 5, 20)
    assert chance.of_law(bill(COMMITTEE, shelved, REPORT), day)[0] > chance.of_law(bill(COMMITTEE, REPORT, shelved.model_copy(update={"date": dt.date(2022, 5, 2)})), day)[0]


def test_being_sent_to_a_committee_on_the_day_of_filing_is_no_bad_sign(chance: Chance) -> None:
    """Bills whose record ends within days died; nobody knows on the first day whose record will."""
    sent = step(Stage.COMMITTEE, FILED.isoformat(), "EN COMISIÓN", detail="Transportes y Comunicaciones")
    assert chance.of_law(bill(sent), FILED)[0] > chance.of_law(bill(), FILED)[0] / 2


def test_words_weigh_by_the_year_only_in_a_period_seen_in_training(chance: Chance) -> None:
    def said(year: int, period: str) -> float:
        filed = dt.date(year, 9, 1)
        move = bill(title="Ley universitaria", period=period, steps=(Step(stage=Stage.FILED, date=filed),))
        return chance.of_law(move, filed)[0]

    assert said(2012, "2011-2016") != said(2013, "2011-2016")
    assert said(2032, "2031-2036") == said(2022, "2021-2026")


def test_later_steps_are_not_seen(chance: Chance) -> None:
    day = dt.date(2022, 5, 20)
    assert chance.of_law(bill(COMMITTEE, REPORT, PASSED, WAIVED, PUBLISHED), day) == chance.of_law(bill(COMMITTEE, REPORT), day)


def test_an_imprecise_date_is_visible_from_the_last_day_of_its_period() -> None:
    assert visible_from(step(Stage.REPORT, "2022-05-01", precision="month")) == dt.date(2022, 5, 31)
    assert visible_from(step(Stage.REPORT, "2022-01-01", precision="year")) == dt.date(2022, 12, 31)


def test_groups_notes_and_names_of_places_change_nothing(chance: Chance) -> None:
    day = dt.date(2022, 5, 20)
    noted = REPORT.model_copy(update={"note": Words(es="Se volvió ley", en="It became law")})
    plain = bill(COMMITTEE, REPORT, title="Ley que crea la universidad nacional de Cusco")
    other = bill(COMMITTEE, noted, title="Ley que crea la universidad nacional de La Libertad", groups=("Fuerza Popular",))
    assert chance.of_law(plain, day) == chance.of_law(other, day)


def test_the_executive_has_better_chances_and_says_its_base_rate(chance: Chance) -> None:
    congress, executive = chance.of_law(bill(), FILED), chance.of_law(bill(proponent="PODER EJECUTIVO"), FILED)
    assert executive[0] > congress[0]
    assert executive[1] > congress[1]
    assert all(0 < p < 1 for pair in (congress, executive) for p in pair)


def test_nothing_is_needed_but_a_title(chance: Chance) -> None:
    bare = Move(move_id="x", key="x", country="pe", period="?", chamber="C", instrument=Instrument.OTHER, title="Ley")
    assert 0 < chance.of_law(bare, FILED)[0] < 1


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (step(Stage.OTHER, "2022-01-01", "VOTACIÓN EN EL PLENO", detail="TEXTO SUSTITUTORIO [sí 74, no 41, abst. 3]"), "approved"),
        (step(Stage.OTHER, "2022-01-01", "VOTACIÓN EN EL PLENO", detail="TEXTO [sí 4, no 41, abst. 3]"), "short_of_votes"),
        (step(Stage.OTHER, "2022-01-01", "VOTACIÓN EN EL PLENO", detail="EXONERACIÓN DE LA SEGUNDA VOTACIÓN", votes=Votes(yes=79, no=40)), "second_vote_waived"),
        (step(Stage.OTHER, "2022-01-01", "Dictamen Negativo"), "negative_report"),
        (step(Stage.COMMITTEE, "2022-01-01"), "committee"),
        (step(Stage.OTHER, "2022-01-01", "Algo nuevo"), "other"),
    ],
)
def test_native_labels_lead_and_neutral_stages_stand_in(given: Step, name: str) -> None:
    assert event_of(given) == name


@pytest.mark.parametrize(
    ("proponent", "kind"),
    [("Congreso", "congress"), ("Poder Ejecutivo", "executive"), ("Jurado Nacional de Elecciones", "autonomous"), (None, "unknown"), ("Congreso-Actualización", "carried_over")],
)
def test_only_the_type_of_proponent_is_read(proponent: str | None, kind: str) -> None:
    assert proponent_kind(proponent) == kind


def test_features_are_named_and_never_name_anyone() -> None:
    found = features(bill(COMMITTEE, step(Stage.OTHER, "2022-04-01", "Oficio", detail="Cong. Juan Pérez solicita priorización")), dt.date(2022, 4, 20))
    assert found["committee=transportes"] == 1.0
    assert {"letter~cong", "letter~solicit", "letter~priori"} <= found.keys()
    assert not [name for name in found if "perez" in name.lower()]
