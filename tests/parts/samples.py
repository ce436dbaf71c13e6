"""Events as tests need them: complete, small, and different by number."""

from __future__ import annotations

import datetime as dt
from typing import Any

from shared.events import AlertChanged, Assessment, Direction, Instrument, Level, Lifecycle, Move, MoveAssessed, MoveObserved, Stage, Step, Words

DAY = dt.date(2024, 5, 30)


def a_move(number: int = 5981, **fields: Any) -> Move:
    values: dict[str, Any] = {
        "move_id": f"pe.2021-2026.C.bill.{number}",
        "key": f"PL {number}/2023-CR",
        "country": "pe",
        "period": "2021-2026",
        "chamber": "C",
        "instrument": Instrument.BILL,
        "title": f"Ley número {number} que modifica la Ley 26859",
        "steps": (Step(stage=Stage.FILED, date=DAY),),
    }
    return Move(**{**values, **fields})


def an_observation(number: int = 5981, **fields: Any) -> MoveObserved:
    values: dict[str, Any] = {"move": a_move(number), "revision": 1, "as_of": DAY}
    return MoveObserved(**{**values, **fields})


def an_assessment(number: int = 5981, **fields: Any) -> MoveAssessed:
    assessment = Assessment(relevance=0.5, direction=Direction.WEAKENS, abstained=False, severity=50, imminence=50, confidence=0.5, risk=40, level=Level.WATCH)
    values: dict[str, Any] = {"move": a_move(number), "revision": 1, "as_of": DAY, "pack_version": "1", "model_version": "1", "assessment": assessment}
    return MoveAssessed(**{**values, **fields})


def an_alert(number: int = 1, **fields: Any) -> AlertChanged:
    values: dict[str, Any] = {
        "alert_id": f"alert-{number}",
        "sequence": number,
        "revision": 1,
        "lifecycle": Lifecycle.ALERT,
        "level": Level.HIGH,
        "headline": Words(es="Titular", en="Headline"),
        "body": Words(es="Cuerpo", en="Body"),
        "country": "pe",
        "subject_id": f"pe.2021-2026.C.bill.{number}",
        "as_of": DAY,
        "recorded_at": dt.datetime(2024, 5, 30, 12, tzinfo=dt.UTC),
        "hash": "0" * 64,
    }
    return AlertChanged(**{**values, **fields})
