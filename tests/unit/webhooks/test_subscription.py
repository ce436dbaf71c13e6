"""Which alerts go to whom."""

from __future__ import annotations

from typing import Any

import pytest

from services.webhooks.subscription import Filters, State, Subscription, capped, matches
from shared.events import Direction, Level, Lifecycle, Target, Tlp
from tests.unit.webhooks.alerts import alert


def subscription(clearance: Tlp = Tlp.GREEN, **filters: Any) -> Subscription:
    return Subscription("sub_1", "https://example.org", State.ACTIVE, Filters(**filters), clearance)


@pytest.mark.parametrize(
    ("filters", "changes", "goes"),
    [
        ({}, {}, True),
        ({}, {"level": Level.ELEVATED}, True),
        ({}, {"level": Level.WATCH}, False),
        ({"min_level": Level.WATCH}, {"level": Level.WATCH}, True),
        ({"levels": (Level.WATCH,)}, {"level": Level.WATCH}, True),
        ({"levels": (Level.WATCH,)}, {"level": Level.CRITICAL}, False),
        ({"institutions": (Target.ONPE,)}, {}, True),
        ({"institutions": (Target.TC,)}, {}, False),
        ({"directions": (Direction.WEAKENS,)}, {}, True),
        ({"directions": (Direction.STRENGTHENS,)}, {}, False),
        ({"directions": (Direction.WEAKENS,)}, {"direction": None}, False),
        ({"kinds": ("cluster",)}, {}, False),
        ({"kinds": ("move",)}, {}, True),
        ({"country": "pe"}, {}, True),
        ({"country": "bo"}, {}, False),
        ({}, {"backfill": True}, False),
        ({}, {"exercise": True}, True),
        ({"institutions": (Target.TC,), "directions": (Direction.WEAKENS,)}, {"kind": "blind", "targets": (), "direction": None}, True),
        ({"kinds": ("move",)}, {"kind": "blind", "targets": (), "direction": None}, False),
    ],
)
def test_filters(filters: dict[str, Any], changes: dict[str, Any], goes: bool) -> None:
    assert matches(subscription(**filters), alert(**changes)) is goes


@pytest.mark.parametrize("clearance", list(Tlp))
@pytest.mark.parametrize("marking", list(Tlp))
def test_clearance_binds(clearance: Tlp, marking: Tlp) -> None:
    assert matches(subscription(clearance), alert(tlp=marking), told=True) is (marking.rank <= clearance.rank)


def test_red_is_never_delivered_by_a_machine() -> None:
    assert capped(Tlp.RED) is Tlp.AMBER_STRICT
    assert capped(Tlp.GREEN) is Tlp.GREEN


@pytest.mark.parametrize("lifecycle", [Lifecycle.UPDATE, Lifecycle.CANCEL])
def test_who_saw_it_rise_sees_it_fall(lifecycle: Lifecycle) -> None:
    fallen = alert(lifecycle=lifecycle, level=Level.NONE, previous_level=Level.HIGH)
    assert matches(subscription(), fallen)
    assert not matches(subscription(), alert(lifecycle=lifecycle, level=Level.NONE, previous_level=Level.WATCH), told=True)


def test_what_was_told_once_is_told_to_its_end_though_its_direction_changed() -> None:
    turned = alert(lifecycle=Lifecycle.CANCEL, level=Level.NONE, previous_level=Level.HIGH, direction=Direction.STRENGTHENS)
    watches_threats = subscription(directions=(Direction.WEAKENS,))
    assert not matches(watches_threats, turned)
    assert matches(watches_threats, turned, told=True)


def test_what_an_open_cluster_makes_needless_is_for_those_who_were_not_told_of_it() -> None:
    revision = alert(lifecycle=Lifecycle.UPDATE, inhibited_by="cluster.pe.JNJ.20230901")
    assert matches(subscription(), revision, told=True)
    assert not matches(subscription(), revision, told=True, inhibited=True)
