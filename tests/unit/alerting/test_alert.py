"""The life of an alert: opens, is revised, ends, opens again; and nothing is said twice."""

from __future__ import annotations

from typing import Any

import pytest

from services.alerting.alert import Alert, Change, decide, refreshed
from shared.events import Direction, Level, Lifecycle, Stage, Tlp
from tests.unit.alerting.sample import assessed, pack


def change(current: Alert | None = None, **event: Any) -> Change:
    found = decide(current, assessed(**event), pack())
    assert found is not None
    return found


def opened(**event: Any) -> Alert:
    return change(**event).alert


@pytest.mark.parametrize(("level", "opens"), [(Level.NONE, False), (Level.WATCH, True), (Level.ELEVATED, True), (Level.HIGH, True), (Level.CRITICAL, True)])
def test_opens_at_watch(level: Level, opens: bool) -> None:
    assert (decide(None, assessed(level=level), pack()) is not None) is opens


def test_the_first_revision() -> None:
    found = change(as_of="2024-05-30", level=Level.HIGH)
    alert = found.alert
    assert (alert.alert_id, alert.revision, alert.lifecycle, alert.level, alert.previous_level) == ("alert.pe.2021-2026.C.bill.5981", 1, Lifecycle.ALERT, Level.HIGH, None)
    assert (alert.first_level, alert.peak_level, alert.peak_risk, alert.tlp) == (Level.HIGH, Level.HIGH, 71.0, Tlp.GREEN)
    assert alert.opened_as_of == alert.changed_as_of
    assert found.reason is None


def test_nothing_new_says_nothing() -> None:
    current = opened()
    assert decide(current, assessed(revision=2, as_of="2024-05-31", risk=72.5, step="2024-05-30"), pack()) is None


@pytest.mark.parametrize(
    ("differs", "es", "en"),
    [
        ({"level": Level.CRITICAL}, "El nivel sube: de «alto» a «crítico».", "The level rises: from «high» to «critical»."),
        ({"level": Level.WATCH}, "El nivel baja: de «alto» a «vigilancia».", "The level falls: from «high» to «watch»."),
        (
            {"stage": Stage.SECOND_VOTE},
            "Etapa: de «aprobado en primera votación» a «aprobado en segunda votación».",
            "Stage: from «passed in first vote» to «passed in second vote».",
        ),
        ({"direction": Direction.MIXED}, "Lectura: de «debilita» a «mixto o no se puede saber».", "Reading: from «weakens» to «mixed or cannot be told»."),
    ],
)
def test_level_stage_or_direction_make_a_revision(differs: dict[str, Any], es: str, en: str) -> None:
    found = change(opened(), revision=2, as_of="2024-07-04", **differs)
    assert (found.alert.lifecycle, found.alert.revision, found.alert.previous_level) == (Lifecycle.UPDATE, 2, Level.HIGH)
    assert found.reason is not None
    assert (found.reason.es, found.reason.en) == (es, en)


@pytest.mark.parametrize("stage", [Stage.REJECTED, Stage.WITHDRAWN, Stage.SHELVED, Stage.STRUCK_DOWN])
def test_ends_with_the_move_whatever_its_risk(stage: Stage) -> None:
    found = change(opened(), revision=2, stage=stage, level=Level.HIGH)
    assert (found.alert.lifecycle, found.alert.level, found.alert.previous_level, found.alert.peak_level) == (Lifecycle.CANCEL, Level.NONE, Level.HIGH, Level.HIGH)
    assert found.reason is not None
    assert pack().stage_label(stage).es in found.reason.es
    assert found.alert.headline.en.startswith("Alert lifted: ")


@pytest.mark.parametrize("stage", [Stage.ENACTED, Stage.PUBLISHED, Stage.IN_FORCE])
def test_a_law_that_binds_is_no_death(stage: Stage) -> None:
    assert change(opened(), revision=2, stage=stage).alert.lifecycle is Lifecycle.UPDATE


def test_ends_when_risk_falls_below_watch() -> None:
    found = change(opened(), revision=2, level=Level.NONE, risk=4.0)
    assert found.alert.lifecycle is Lifecycle.CANCEL
    assert found.reason is not None
    assert found.reason.es == "El riesgo bajó a 4 de 100, por debajo del umbral de alerta (antes: alto)."


def test_a_dead_move_opens_nothing() -> None:
    assert decide(None, assessed(stage=Stage.SHELVED), pack()) is None


def test_what_ended_stays_ended_until_it_lives_again() -> None:
    ended = change(opened(as_of="2024-01-01"), revision=2, stage=Stage.REJECTED, as_of="2024-05-01").alert
    assert decide(ended, assessed(revision=3, stage=Stage.REJECTED, as_of="2024-05-02"), pack()) is None
    again = change(ended, revision=4, stage=Stage.FLOOR, level=Level.ELEVATED, as_of="2024-05-03")
    assert (again.alert.lifecycle, again.alert.revision, again.alert.level, again.alert.previous_level) == (Lifecycle.ALERT, 3, Level.ELEVATED, Level.NONE)
    assert (str(again.alert.opened_as_of), str(again.alert.changed_as_of)) == ("2024-01-01", "2024-05-03")
    assert again.reason is not None
    assert "vuelve a estar en alerta" in again.reason.es


def test_the_peak_is_kept() -> None:
    current = opened(level=Level.CRITICAL, risk=91.0)
    current = change(current, revision=2, level=Level.WATCH).alert
    assert (current.level, current.peak_level, current.peak_risk, current.first_level) == (Level.WATCH, Level.CRITICAL, 91.0, Level.CRITICAL)


def test_figures_follow_between_revisions_while_it_is_open() -> None:
    current = opened()
    later = assessed(revision=2, as_of="2024-06-15", risk=74.0, assessment={"p_law": 0.5}, step="2024-05-30")
    found = refreshed(current, later)
    assert (found.risk, found.peak_risk, found.p_law, found.revision, found.headline) == (74.0, 74.0, 0.5, 1, current.headline)
    ended = change(current, revision=2, stage=Stage.REJECTED).alert
    assert refreshed(ended, later) is ended


def test_exercise_and_backfill_travel_along() -> None:
    alert = opened(exercise=True, backfill=True)
    assert (alert.exercise, alert.backfill) == (True, True)
