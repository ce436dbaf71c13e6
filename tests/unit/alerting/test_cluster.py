"""Which filings make a burst: how many, of whom, when, and that nothing but the set of them matters."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerting.alert import decide
from services.alerting.cluster import Burst, Filing, bursts, enters, filed, filing, season, separate, sits
from shared.events import Direction, Level, Stage, Step, Target
from tests.unit.alerting.sample import assessed, pack

FIRST = dt.date(2023, 9, 1)


def one(number: int, day: int = 0, group: str | None = None, target: Target = Target.JNJ, **move: Any) -> Filing:
    """A move filed `day` days after FIRST, of a group of its own unless told."""
    date = (FIRST + dt.timedelta(days=day)).isoformat()
    given = {"groups": (f"g{number}" if group is None else group,) if group != "" else (), "aliases": (f"PL {number}/2023-CR",), **move}
    event = assessed(f"m.{number:03d}", as_of=date, targets=(target,), stage=Stage.FILED, move=given)
    change = decide(None, event, pack())
    assert change is not None
    return filing(change.alert, event, target, None)


def found(*filings: Filing) -> list[Burst]:
    return list(bursts(filings, pack()))


def test_three_moves_of_two_groups_in_sixty_days_are_a_burst() -> None:
    (burst,) = found(one(1), one(2, 30, "g1"), one(3, 59))
    assert (burst.alert_id, burst.count, burst.first, burst.last) == ("cluster.pe.JNJ.20230901", 3, FIRST, FIRST + dt.timedelta(days=59))
    assert burst.stands
    assert 0 < burst.chance < 0.01
    assert 0 < burst.expected < 0.2


@pytest.mark.parametrize(
    "filings",
    [
        [one(1), one(2, 10)],
        [one(1), one(2, 30), one(3, 60)],
        [one(1, group="a"), one(2, 10, "A"), one(3, 20, "á")],
        [one(1, group=""), one(2, 10, ""), one(3, 20, "")],
        [one(1), one(2, 10), one(3, 20, target=Target.TC)],
    ],
    ids=["too few", "too far apart", "one group however written", "unknown groups are one", "another institution"],
)
def test_no_burst(filings: list[Filing]) -> None:
    assert not [burst for target in (Target.JNJ, Target.TC) for burst in bursts([f for f in filings if f.target is target], pack())]


def test_moves_without_a_known_group_are_one_group_beside_others() -> None:
    assert found(one(1, group=""), one(2, 10, ""), one(3, 20, "a"))


def test_where_much_is_filed_three_are_not_unlikely() -> None:
    assert pack().filing.counts[Target.CRIME] > 10
    assert not found(*(one(number, number, target=Target.CRIME) for number in range(3)))
    assert found(*(one(number, number, target=Target.CRIME) for number in range(8)))


def test_joined_moves_count_once() -> None:
    joined = [one(1, related=("PL 2/2023-CR",)), one(2, 10), one(3, 20, related=("PL 9/2023-CR",)), one(4, 30, related=("PL 9/2023-CR",))]
    assert sorted(len(matter) for matter in separate(joined)) == [2, 2]
    assert not found(*joined)
    assert found(*joined, one(5, 40))[0].count == 3


def test_a_dead_move_keeps_the_burst_and_its_name_but_stands_for_nothing() -> None:
    filings = [one(1), one(2, 10), one(3, 20)]
    died = filings[0].model_copy(update={"member": filings[0].member.model_copy(update={"pending": False})})
    (burst,) = found(died, *filings[1:])
    assert burst.alert_id == "cluster.pe.JNJ.20230901"
    assert not burst.stands
    assert len(burst.pending) == 2


def test_a_long_burst_is_followed_by_the_next() -> None:
    assert [burst.count for burst in found(*(one(number, 20 * number) for number in range(6)))] == [3, 3]


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["a", "b", ""])), max_size=14), st.randoms(use_true_random=False))
def test_nothing_but_the_set_of_filings_matters(drawn: list[tuple[int, str]], dice: random.Random) -> None:
    filings = [one(number, day, group) for number, (day, group) in enumerate(drawn)]
    before = found(*filings)
    dice.shuffle(filings)
    after = found(*filings)
    assert before == after
    assert all(later.first > earlier.last for earlier, later in itertools.pairwise(before))


@pytest.mark.parametrize(
    ("differs", "counts"),
    [
        ({}, True),
        ({"direction": Direction.STRENGTHENS}, False),
        ({"assessment": {"direction_probabilities": {Direction.WEAKENS: 0.48, Direction.MIXED: 0.42}}}, False),
        ({"assessment": {"abstained": True}}, False),
        ({"move": {"steps": (Step(stage=Stage.FILED, date=dt.date(2024, 1, 1), precision="year"),)}}, False),
        ({"move": {"steps": (Step(stage=Stage.FILED, date=dt.date(2024, 5, 1), precision="month"),)}}, True),
    ],
)
def test_what_counts_as_weakening(differs: dict[str, Any], counts: bool) -> None:
    event = assessed(**differs)
    change = decide(None, event, pack())
    assert change is not None
    assert enters(change.alert, event) is counts


def test_a_move_is_filed_on_its_first_public_step() -> None:
    steps = (Step(stage=Stage.FILED, date=dt.date(2024, 1, 5)), Step(stage=Stage.COMMITTEE, date=dt.date(2024, 2, 1)))
    assert filed(assessed(move={"steps": steps})) == dt.date(2024, 1, 5)
    assert filed(assessed(as_of="2024-05-30", move={"steps": ()})) == dt.date(2024, 5, 30)


def test_the_day_of_a_filing_never_changes() -> None:
    event = assessed(targets=(Target.JNJ,), as_of="2024-05-30")
    change = decide(None, event, pack())
    assert change is not None
    earlier = assessed(revision=2, targets=(Target.JNJ,), as_of="2024-06-02", level=Level.CRITICAL, step="2024-04-01")
    held = filing(change.alert, event, Target.JNJ, None)
    revised = decide(change.alert, earlier, pack())
    assert revised is not None
    now = filing(revised.alert, earlier, Target.JNJ, held)
    assert (now.day, now.member.level) == (held.day, Level.CRITICAL)


def test_more_is_expected_while_the_legislature_sits() -> None:
    legislatures, usual = pack().procedure.legislatures, pack().filing
    assert sits(dt.date(2023, 9, 1), legislatures)
    assert not sits(dt.date(2024, 1, 15), legislatures)
    sitting, recess = (season(day, legislatures, usual.session, usual.recess) for day in (dt.date(2023, 9, 1), dt.date(2023, 12, 20)))
    assert sitting > recess > 0
