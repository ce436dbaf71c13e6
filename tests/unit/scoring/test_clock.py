"""When a move could bind, as its procedure allows."""

from __future__ import annotations

import datetime as dt

import pytest

from services.scoring.clock import Clock, furthest, next_legislature, visible
from shared.events import Instrument, Stage, Step
from tests.unit.scoring.sample import country, move, pack, step


def clock(*steps: Step, as_of: str, instrument: Instrument = Instrument.BILL) -> Clock:
    day = dt.date.fromisoformat(as_of)
    given = move("Ley que modifica la Ley 30077", *steps, instrument=instrument)
    return pack().clocks.read(given, visible(given.steps, day), day)


def test_an_imprecise_date_is_seen_from_the_last_day_of_its_period() -> None:
    steps = [step(Stage.FILED, "2024-02-01", precision="month"), step(Stage.REPORT, "2024-01-01", precision="year")]
    assert visible(steps, dt.date(2024, 2, 28)) == []
    assert [seen.stage for seen in visible(steps, dt.date(2024, 2, 29))] == [Stage.FILED]
    assert len(visible(steps, dt.date(2024, 12, 31))) == 2


@pytest.mark.parametrize(
    ("stage", "earliest"),
    [
        (Stage.COMMITTEE, "2024-06-18"),  # report published 7 days, second vote 7 days later, sent on the next working day
        (Stage.FLOOR, "2024-06-11"),
        (Stage.SECOND_VOTE, "2024-06-04"),
        (Stage.PASSED, "2024-06-04"),
    ],
)
def test_the_earliest_day_follows_the_procedure(stage: Stage, earliest: str) -> None:
    assert clock(step(stage, "2024-06-03"), as_of="2024-06-03").earliest == dt.date.fromisoformat(earliest)


def test_the_first_vote_starts_the_seven_days() -> None:
    assert clock(step(Stage.FIRST_VOTE, "2024-05-30"), as_of="2024-06-03").earliest == dt.date(2024, 6, 10)


def test_a_waived_second_vote_saves_the_wait() -> None:
    found = clock(step(Stage.FIRST_VOTE, "2024-05-30", shortcut="second vote waived"), as_of="2024-05-30")
    assert found.shortcuts == ("second_vote_waived",)
    assert found.earliest == dt.date(2024, 5, 31)


def test_a_reform_waits_for_the_next_legislature() -> None:
    voted = clock(step(Stage.FIRST_VOTE, "2023-11-16"), as_of="2023-11-20", instrument=Instrument.CONSTITUTIONAL_REFORM)
    assert voted.earliest == dt.date(2024, 3, 4)
    assert next_legislature(dt.date(2024, 3, 1), country()) == dt.date(2024, 7, 27)


def test_what_binds_or_is_dead_or_is_no_law_has_no_earliest_day_ahead() -> None:
    assert clock(step(Stage.PUBLISHED, "2024-08-09"), as_of="2024-09-01").earliest == dt.date(2024, 8, 9)
    assert clock(step(Stage.SHELVED, "2024-08-09"), as_of="2024-09-01").earliest is None
    assert clock(step(Stage.FILED, "2024-08-09"), as_of="2024-09-01", instrument=Instrument.MOTION).earliest is None


def test_sent_back_to_committee_after_a_vote_it_keeps_the_vote() -> None:
    steps = [step(Stage.FIRST_VOTE, "2023-06-22"), step(Stage.OBSERVED, "2023-07-20"), step(Stage.COMMITTEE, "2023-11-01")]
    reached = furthest(steps)
    assert reached is not None
    assert reached.stage is Stage.OBSERVED


def test_an_end_starts_anew() -> None:
    steps = [step(Stage.FIRST_VOTE, "2024-05-30"), step(Stage.REJECTED, "2024-06-03")]
    assert furthest(steps) == steps[-1]
    again = [*steps, step(Stage.FLOOR, "2024-06-05")]
    assert furthest(again) == again[-1]
    restored = [step(Stage.PUBLISHED, "2024-03-08"), step(Stage.STRUCK_DOWN, "2024-03-22"), step(Stage.RESTORED, "2024-04-23")]
    assert furthest(restored) == restored[-1]


def test_knows_the_next_vote_and_the_one_year_line() -> None:
    before, after = clock(step(Stage.FILED, "2025-04-01"), as_of="2025-04-12"), clock(step(Stage.FILED, "2025-04-01"), as_of="2025-04-13")
    assert before.milestone is not None
    assert (before.milestone.code, before.milestone.days, before.inside_one_year) == ("general-2026", 365, False)
    assert after.inside_one_year


def test_native_labels_show_shortcuts_too() -> None:
    found = clock(
        step(Stage.FIRST_VOTE, "2012-05-30", native_stage="Aprobado 1ra. votación"), step(Stage.PASSED, "2012-05-30", native_stage="Dispensado 2da Votación"), as_of="2012-06-01"
    )
    assert found.shortcuts == ("second_vote_waived",)
