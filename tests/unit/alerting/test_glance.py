"""A glance says of an assessment what the whole event says, and refuses what it refuses in the part that is read."""

from __future__ import annotations

import orjson
import pytest

from services.alerting.glance import Glance, whole
from services.alerting.pressure import weight
from shared.errors import InvalidMessage
from shared.events import Direction, Level, MoveAssessed, Stage
from tests.unit.alerting.sample import assessed, pack


def broken(event: MoveAssessed, part: str, **values: object) -> bytes:
    """The event's bytes with other values in a part of its data."""
    envelope = orjson.loads(event.encode())
    envelope["data"][part] |= values
    return orjson.dumps(envelope)


@pytest.mark.parametrize("stage", [Stage.FILED, Stage.OTHER, Stage.PUBLISHED])
@pytest.mark.parametrize("direction", [Direction.WEAKENS, Direction.NEUTRAL])
def test_it_says_what_the_event_says(stage: Stage, direction: Direction) -> None:
    event = assessed(stage=stage, direction=direction, level=Level.WATCH)
    seen = Glance.decode(event.encode())
    assert (seen.event_id, seen.key, seen.revision, seen.as_of, seen.move.stage) == (event.event_id, event.key, event.revision, event.as_of, event.move.stage)
    assert (seen.assessment.level, seen.assessment.risk, seen.assessment.targets) == (event.assessment.level, event.assessment.risk, event.assessment.targets)
    assert weight(seen, pack()) == weight(event, pack())
    assert whole(seen) == whole(event) == event


WRONG = (
    b"{",
    b"[]",
    b"{}",
    assessed().encode().replace(b'"1.0"', b'"2.0"'),
    broken(assessed(), "assessment", risk=101),
    broken(assessed(), "move", move_id="m.2"),
)


@pytest.mark.parametrize("raw", WRONG)
def test_what_is_wrong_in_what_is_read_is_refused_in_the_same_words(raw: bytes) -> None:
    with pytest.raises(InvalidMessage) as seen:
        Glance.decode(raw)
    with pytest.raises(InvalidMessage) as event:
        MoveAssessed.decode(raw)
    assert str(seen.value) == str(event.value)


def test_what_is_wrong_in_the_rest_is_refused_when_it_is_needed() -> None:
    seen = Glance.decode(broken(assessed(), "assessment", factors=[{"rule": "x"}]))
    with pytest.raises(InvalidMessage, match="factors"):
        whole(seen)


@pytest.mark.parametrize("value", [1, None, {"bytes": []}, "text"])
def test_a_field_nobody_knows_is_passed_over_whatever_its_name(value: object) -> None:
    """What holds the bytes was itself a field, so one of that name was refused, or taken."""
    event = assessed(level=Level.NONE)
    envelope = orjson.loads(event.encode())
    envelope["data"]["raw"] = value
    seen = Glance.decode(raw := orjson.dumps(envelope))
    assert (seen.raw, whole(seen)) == (raw, event)
