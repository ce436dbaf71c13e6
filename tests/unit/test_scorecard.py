"""Figures of a replay of filings, each checked against a case worked out by hand."""

from __future__ import annotations

import datetime as dt

import pytest

from services.backtest import by_judgment, lead_classes, percentile
from services.methodology.docket import Followed, Said, Window
from services.methodology.scorecard import Label, alarms, auroc, capacity, describe, forecast, label_of, scorecard
from shared.errors import Refused
from shared.events import Level

MONDAY = dt.date(2022, 1, 3)
TWO_WEEKS = Window(MONDAY, MONDAY + dt.timedelta(days=13), ended=True)
THREAT, OPAQUE, REMEDY = Label(True, "weakens", 3, 1.0), Label(True, "mixed", 1, 3.0), Label(True, "strengthens", 2, None)


def bill(key: str, risk: float, level: Level, *, law: bool = False, chance: float = 0.3, filed: dt.date = MONDAY) -> Followed:
    reached = {rung: filed for rung in (Level.WATCH, Level.ELEVATED, Level.HIGH) if level.rank >= rung.rank}
    return Followed(key, filed, law, risk, level, reached, Said(chance, 0.5), Said(chance, 0.5))


ROWS = [bill("a", 40, Level.HIGH, law=True, chance=0.9), bill("b", 20, Level.ELEVATED), bill("c", 18, Level.ELEVATED), bill("d", 0, Level.NONE)]
LABELS = {"a": THREAT, "b": OPAQUE, "c": REMEDY, "d": THREAT}


def test_alarms_are_counted_a_week_and_judged_by_labels() -> None:
    found = alarms(ROWS, Level.ELEVATED, TWO_WEEKS, LABELS)
    assert (found["bills"], found["per_week"], found["at_filing"]) == (3, 1.5, 3)
    assert found["labelled"] == {"threat": 1, "undisclosed": 1, "false": 1}
    assert (found["severe_reached"], found["severe"]) == (1, 2)


def test_the_upper_bound_counts_all_that_no_label_calls_a_threat_and_the_estimate_only_sampled_labels() -> None:
    found = alarms(ROWS, Level.ELEVATED, TWO_WEEKS, LABELS)
    assert found["false_per_week_most"] == 1.0
    assert (found["false_share"], found["undisclosed_share"]) == (0.0, 0.75)
    assert alarms(ROWS, Level.ELEVATED, TWO_WEEKS, {})["false_per_week"] is None


def test_a_reviewer_reads_the_riskiest_of_each_day() -> None:
    one = capacity(ROWS, 1, LABELS)
    assert (one["read"], one["threats"], one["precision"], one["severe_read"], one["severe"]) == (1, 1, 1.0, 1, 2)
    assert capacity(ROWS, 5, LABELS)["read"] == 3


def test_brier_skill_is_against_the_share_and_against_what_was_said_beside_it() -> None:
    found = forecast([(Said(1.0, 0.5), True), (Said(0.0, 0.5), False), (Said(0.0, 0.5), False), (Said(0.0, 0.5), True)])
    assert found is not None
    assert found["brier"] == 0.25
    assert found["brier_skill"] == 0.0
    assert found["brier_skill_over_said_base"] == 0.0
    assert found["reliability"] == [[3, 0.0, 0.333], [1, 1.0, 1.0]]
    assert forecast([]) is None


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(0.9, True), (0.1, False)], 1.0),
        ([(0.1, True), (0.9, False)], 0.0),
        ([(0.5, True), (0.5, False)], 0.5),
        ([(0.8, True), (0.5, False), (0.5, True), (0.2, False)], 0.875),
        ([(0.5, True)], None),
    ],
)
def test_auroc_is_the_share_of_pairs_in_the_right_order(pairs: list[tuple[float, bool]], expected: float | None) -> None:
    assert auroc(pairs) == expected


def test_no_forecast_is_judged_while_endings_are_unknown() -> None:
    open_window = Window(TWO_WEEKS.start, TWO_WEEKS.end, ended=False)
    assert scorecard((ROWS, 0), open_window, LABELS)["forecast"] is None
    assert scorecard((ROWS, 0), TWO_WEEKS, LABELS)["forecast"]["at_filing"]["bills"] == 4


def test_a_card_reads_as_text() -> None:
    text = "\n".join(describe(scorecard((ROWS, 0), TWO_WEEKS, LABELS)))
    assert "4 bills in 2.0 weeks" in text
    assert "severe threats read 1 of 2" in text


def test_a_label_without_a_direction_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="dir"):
        label_of({"key": "a", "rel": 2, "sev": 1})


def test_percentiles_are_by_nearest_rank() -> None:
    assert percentile([30, 10, 20], 0.1) == 10
    assert percentile(range(1, 21), 0.1) == 2
    assert percentile([], 0.1) is None


def test_leads_fall_into_classes_and_no_warning_is_the_first() -> None:
    assert lead_classes([None, 0, -3, 1, 6, 7, 400]) == [[None, 0, 3], [1, 6, 2], [7, 29, 1], [30, 89, 0], [90, 179, 0], [180, 364, 0], [365, None, 1]]


def test_a_move_without_warning_counts_as_no_days_in_the_comparison() -> None:
    moves = [
        {"key": "x", "eligible": True, "lead_days": 30, "peak_level": "high", "level_before_decisive": "high"},
        {"key": "y", "eligible": True, "lead_days": None, "peak_level": "none", "level_before_decisive": "none"},
    ]
    found = by_judgment(moves, {"x": "threat", "y": "threat"})["threat"]
    assert (found["median_lead_days"], found["p10_lead_days"], found["below_elevated"]) == (15, 0, ["y"])
