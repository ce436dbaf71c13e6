"""What alerting holds of the moves it is told about. In: a connection and a batch of assessments; out: those that are new, stored, and the batch they are taken into.

Statements are built once: at a hundred moves a second a batch has two or three, and building cost more than running.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, literal, select

from services.alerting import tables
from services.alerting.alert import Alert, alert_id
from services.alerting.batch import Batch, HeldAlert, HeldMove
from services.alerting.glance import Assessed
from shared.rows import DIALECTS, among, insert_new


def store_new(connection: Connection, events: Sequence[Assessed]) -> list[Assessed]:
    """Stores what is new and returns it in order. On conflict the database decides, so that two replicas cannot both call an event new."""
    distinct = {event.event_id: event for event in events}
    new = insert_new(connection, tables.assessments, [_assessment_values(event_id, event) for event_id, event in distinct.items()])
    return [event for event_id, event in distinct.items() if event_id in new]


def read(connection: Connection, events: Sequence[Assessed]) -> Batch:
    """What is held of the events' moves, and of their alerts."""
    batch = Batch({}, {})
    for row in connection.execute(_HELD[connection.dialect.name], {"moves": sorted({event.move.move_id for event in events})}):
        batch.moves[row.move_id] = HeldMove(row.revision, row.as_of, row.weight, tuple(row.targets.split()))
        if row.item is not None:
            alert = Alert.model_validate_json(row.item)
            batch.alerts[row.move_id] = HeldAlert(alert, row.sequence, row.recorded_at)
            batch.listed[alert.alert_id] = frozenset(alert.targets)
    return batch


def _held(dialect: str) -> Select[Any]:
    move, alert = tables.moves.c, tables.alerts.c
    joined = tables.moves.outerjoin(tables.alerts, alert.alert_id == literal(alert_id("")) + move.move_id)
    return (
        select(move.move_id, move.revision, move.as_of, move.weight, move.targets, alert.item, alert.sequence, alert.recorded_at)
        .select_from(joined)
        .where(among(dialect, move.move_id, "moves"))
    )


def _assessment_values(event_id: str, event: Assessed) -> dict[str, Any]:
    found = event.assessment
    return {
        "event_id": event_id,
        "move_id": event.move.move_id,
        "revision": event.revision,
        "as_of": event.as_of,
        "level": found.level.value,
        "risk": found.risk,
        "direction": found.direction.value,
        "stage": event.move.stage.value,
    }


_HELD = {dialect: _held(dialect) for dialect in DIALECTS}
