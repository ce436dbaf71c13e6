"""Moves filed against the JNJ within sixty days by different groups, as scoring would send them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from shared.events import Level, MoveAssessed, Stage, Step, Target
from tests.unit.alerting.sample import assessed

FIRST = dt.date(2023, 9, 1)
CLUSTER = "cluster.pe.JNJ.20230901"


def filed(number: int, *, revision: int = 1, later: int = 0, stage: Stage = Stage.FILED, level: Level = Level.WATCH, group: str | None = None, **fields: Any) -> MoveAssessed:
    """Move `number`, filed ten days after the one before it; `later`: days from its filing to this revision."""
    day = FIRST + dt.timedelta(days=10 * (number - 1))
    today = day + dt.timedelta(days=later)
    steps = [Step(stage=Stage.FILED, date=day)] + ([Step(stage=stage, date=today)] if stage is not Stage.FILED else [])
    move = {
        "steps": tuple(steps),
        "groups": (f"Grupo {number}" if group is None else group,),
        "aliases": (f"PL {number}/2023-CR",),
        "title": f"Ley que modifica el mandato de los miembros de la Junta Nacional de Justicia, número {number}",
    }
    given = {"targets": (Target.JNJ,), "move": move | fields.pop("move", {})} | fields
    return assessed(f"m.{number}", revision=revision, as_of=today.isoformat(), stage=stage, level=level, **given)
