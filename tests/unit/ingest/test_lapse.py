"""What parliament does not decide ends with it; courts go on."""

from __future__ import annotations

import datetime as dt

import pytest

from services.ingest.lapse import lapses_on, pending, settled, watched_until
from services.ingest.merge import merge
from shared.countries import Pack
from shared.events import Move, Stage
from tests.unit.ingest.examples import told

END = dt.date(2026, 7, 27)


def move(pack: Pack, *steps: tuple[str, str], instrument: str = "bill") -> Move:
    return merge([told(pack, observed_on=day, stage=stage, instrument=instrument, aliases=[]) for day, stage in steps], pack)


def test_a_pending_bill_is_shelved_the_day_after_its_period(pack: Pack) -> None:
    bill = move(pack, ("2023-09-21", "filed"), ("2024-05-30", "committee"))
    assert settled(bill, pack, END - dt.timedelta(days=1)) == bill
    ended = settled(bill, pack, END)
    assert (ended.stage, ended.steps[-1].date, ended.steps[-1].native_stage) == (Stage.SHELVED, END, "Periodo parlamentario concluido")
    assert not pending(ended, pack)
    assert settled(ended, pack, END) == ended


def test_a_vote_can_still_be_signed_for_ninety_days(pack: Pack) -> None:
    bill = move(pack, ("2023-09-21", "filed"), ("2024-05-30", "passed"))
    assert lapses_on(bill, pack) == END + dt.timedelta(days=90)


def test_a_later_step_shows_that_it_was_carried_over(pack: Pack) -> None:
    bill = move(pack, ("2010-09-21", "filed"), ("2012-05-30", "committee"))
    assert (bill.period, lapses_on(bill, pack)) == ("2006-2011", dt.date(2016, 7, 27))


@pytest.mark.parametrize(("instrument", "stage"), [("bill", "published"), ("bill", "withdrawn"), ("motion", "passed"), ("constitutional_accusation", "passed")])
def test_what_is_decided_does_not_lapse(pack: Pack, instrument: str, stage: str) -> None:
    decided = move(pack, ("2023-09-21", "filed"), ("2024-05-30", stage), instrument=instrument)
    assert not pending(decided, pack)
    assert settled(decided, pack, END) == decided


def test_a_case_in_court_outlives_the_parliament_and_is_left_alone_after_two_silent_years(pack: Pack) -> None:
    case = move(pack, ("2023-09-21", "admitted"), instrument="ruling")
    assert lapses_on(case, pack) is None
    assert pending(settled(case, pack, dt.date(2030, 1, 1)), pack)
    assert watched_until(case, lapses_on(case, pack)) == dt.date(2023, 9, 21) + dt.timedelta(days=730)
