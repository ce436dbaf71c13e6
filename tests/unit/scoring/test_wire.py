"""The event written the short way is the event written the long way."""

from __future__ import annotations

import datetime as dt

import orjson
import pytest

from services.scoring.assess import assess, assess_all
from services.scoring.wire import Wire
from shared.events import Instrument, Move, MoveAssessed, MoveObserved, Source, Stage, Votes, Words
from tests.unit.scoring.sample import move, pack, step

THREAT = "Ley que reduce el mandato de los miembros del Jurado Nacional de Elecciones y modifica el artículo 179 de la Constitución"
FULL = step(
    Stage.PASSED,
    "2024-09-01",
    native_stage="Aprobado",
    detail="Sesión del Pleno",
    shortcut="second vote waived",
    votes=Votes(yes=70, no=30),
    source=Source(url="https://example.org/1", title="Diario"),
    note=Words(es="nota", en="note"),
)
MOVES = {
    "threat": move(THREAT),
    "a step with every field": move(THREAT, FULL),
    "no law": move("Moción de orden del día", instrument=Instrument.MOTION),
    "dead": move(THREAT, step(Stage.FILED, "2024-01-01"), step(Stage.SHELVED, "2024-05-01")),
    "all texts": move("Proyecto «1»\n\t", summary="Sumilla", text="Texto", groups=("a",), related=("b",), aliases=("c",), url="https://example.org", proponent="Congreso"),
    "a number": move("Ley 32108"),
}


@pytest.mark.parametrize("given", MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("backfill", [False, True])
def test_an_event_is_what_it_would_encode_itself_as(given: Move, backfill: bool) -> None:
    event = MoveObserved(move=given, revision=3, as_of=dt.date(2026, 3, 1), reason="clock", backfill=backfill, exercise=not backfill)
    (said,) = assess_all([(event.move, event.as_of)], pack())
    raw = Wire(pack()).encoded(event, said)
    long = MoveAssessed(
        move=event.move,
        revision=event.revision,
        as_of=event.as_of,
        reason=event.reason,
        backfill=event.backfill,
        exercise=event.exercise,
        pack_version=pack().country.version,
        model_version=pack().model_version,
        assessment=assess(event.move, pack(), event.as_of),
    )
    assert long.model_fields_set == MoveAssessed.model_fields.keys()
    assert orjson.loads(raw) == orjson.loads(long.encode())
    assert MoveAssessed.decode(raw) == long
