"""One short seed of the fault harness in the suite; `make chaos` runs the long ones."""

from __future__ import annotations

import pytest

from tests.chaos.__main__ import run
from tests.chaos.plan import plan, short
from tests.parts.need import need
from tests.parts.production import missing


def test_a_plan_is_the_same_for_the_same_seed_and_leaves_no_kind_out() -> None:
    assert plan(7, 120.0) == plan(7, 120.0) != plan(8, 120.0)
    for seed in range(20):
        kinds = {fault.kind for fault in plan(seed, 120.0)}
        assert kinds == {"kill", "freeze", "takeover", "broker", "broker_freeze", "postgres", "replica", "poison", "clock"}
        assert {fault.target for fault in short(seed, 20.0) if fault.kind == "kill"} == {"ingest", "scoring", "alerting", "webhooks"}


@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled_under_a_short_seed() -> None:
    need(missing())
    found = run(1, 300, brief=True)
    assert found["broken"] == [], {name: found[name] for name in ("lost", "unquiet", "wire", "crashes", "faults")}
    assert found["accepted"] == 300
    assert found["embedded"]["refusal"]["status"] == 503
    assert "full" in found["embedded"]["refusal"]["detail"]
    assert "events wait to leave" in found["embedded"]["refusal"]["readyz"]
