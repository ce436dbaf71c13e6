"""Assessments as scoring would send them, for alerting's tests."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

from shared.countries import Pack, load
from shared.events import (
    Assessment,
    Counterfactual,
    Direction,
    Factor,
    Instrument,
    Level,
    Mechanism,
    Milestone,
    Move,
    MoveAssessed,
    Stage,
    Step,
    Target,
    Words,
)

RISK = {Level.NONE: 5.0, Level.WATCH: 25.0, Level.ELEVATED: 45.5, Level.HIGH: 71.0, Level.CRITICAL: 90.0}


@cache
def pack() -> Pack:
    return load("pe")


def assessed(
    move_id: str = "pe.2021-2026.C.bill.5981",
    *,
    revision: int = 1,
    as_of: str = "2024-05-30",
    level: Level = Level.HIGH,
    direction: Direction = Direction.WEAKENS,
    stage: Stage = Stage.FIRST_VOTE,
    step: str | None = None,
    targets: tuple[Target, ...] = (Target.CRIME, Target.PJ),
    risk: float | None = None,
    move: dict[str, Any] | None = None,
    assessment: dict[str, Any] | None = None,
    **event: Any,
) -> MoveAssessed:
    day = dt.date.fromisoformat(as_of)
    stated: dict[str, Any] = {
        "move_id": move_id,
        "key": move_id.rsplit(".", 1)[-1],
        "country": "pe",
        "period": "2021-2026",
        "chamber": "C",
        "instrument": Instrument.BILL,
        "aliases": ("PL 5981/2023-CR",),
        "title": "Ley que modifica el Código Penal sobre organización criminal y el allanamiento",
        "title_en": "Bill amending the Criminal Code on criminal organisation and searches",
        "steps": (Step(stage=stage, date=dt.date.fromisoformat(step) if step else day),),
        "url": "https://wb2server.congreso.gob.pe/spley-portal/#/expediente/2021/5981",
    }
    read: dict[str, Any] = {
        "relevance": 0.97,
        "targets": targets,
        "mechanisms": (Mechanism.POWERS, Mechanism.PROCEDURE),
        "direction": direction,
        "direction_probabilities": {direction: 0.82},
        "abstained": False,
        "severity": 80.0,
        "imminence": 60.4,
        "confidence": 0.7,
        "risk": RISK[level] if risk is None else risk,
        "level": level,
        "p_law": 0.46,
        "p_law_base": 0.28,
        "earliest_law": dt.date(2024, 7, 28),
        "milestone": Milestone(code="general-2026", label=Words(es="elecciones generales", en="general elections"), date=dt.date(2026, 4, 12), days=682),
        "factors": (
            Factor(
                rule="procedure-01",
                part="severity",
                points=34,
                quote="allanamiento",
                citation="UNTOC, art. 20",
                label=Words(es="Más requisitos para investigar", en="More hurdles to investigate"),
            ),
            Factor(rule="stage-01", part="imminence", points=-7.5, citation="Constitución, art. 105", label=Words(es="Falta la segunda votación", en="Second vote to come")),
        ),
        "counterfactuals": (Counterfactual(change=Words(es="si no se dispensara la segunda votación", en="if the second vote were not waived"), level=Level.ELEVATED, risk=48.0),),
    }
    return MoveAssessed(
        **{
            "move": Move(**(stated | (move or {}))),
            "revision": revision,
            "as_of": day,
            "pack_version": "pe-1",
            "model_version": "m-1",
            "assessment": Assessment(**(read | (assessment or {}))),
            **event,
        }
    )
