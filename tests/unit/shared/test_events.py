"""The three events: what goes out comes back, strangers are tolerated or refused, ids follow from what is said."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.errors import InvalidMessage
from shared.events import Direction, Event, Factor, Instrument, Level, Move, MoveAssessed, MoveObserved, Stage, Step, Tlp, Votes, dead_letters, digest
from tests.parts.samples import DAY, a_move, an_alert, an_assessment, an_observation

EVENTS = [an_observation(), an_assessment(), an_alert()]


def changed(event: Event, **fields: Any) -> bytes:
    """The event's envelope with some of its fields set."""
    return orjson.dumps({**event.envelope(), **fields})


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
class TestEveryEvent:
    def test_comes_back_as_it_went(self, event: Event) -> None:
        assert type(event).decode(event.encode()) == event

    def test_is_a_cloudevent(self, event: Event) -> None:
        envelope = orjson.loads(event.encode())
        assert envelope == event.envelope()
        assert envelope["specversion"] == "1.0"
        assert envelope["type"] == event.TYPE
        assert envelope["source"].startswith("/veedor/")
        assert envelope["subject"] == event.key
        assert envelope["datacontenttype"] == "application/json"
        assert dt.datetime.fromisoformat(envelope["time"]).tzinfo is not None

    def test_encodes_to_the_same_bytes_every_time(self, event: Event) -> None:
        assert type(event).decode(event.encode()).encode() == event.encode()

    def test_tolerates_fields_it_does_not_know(self, event: Event) -> None:
        data = {**event.envelope()["data"], "mood": {"deep": [1]}}
        assert type(event).decode(changed(event, data=data, traceparent="00-1")) == event

    def test_refuses_another_major_version(self, event: Event) -> None:
        with pytest.raises(InvalidMessage, match="type: "):
            type(event).decode(changed(event, type=event.TYPE.replace(".v1", ".v2")))
        with pytest.raises(InvalidMessage, match="specversion: "):
            type(event).decode(changed(event, specversion="2.0"))

    def test_refuses_another_event(self, event: Event) -> None:
        other = next(candidate for candidate in EVENTS if type(candidate) is not type(event))
        with pytest.raises(InvalidMessage, match="type: "):
            type(event).decode(other.encode())

    def test_refuses_an_id_that_is_not_its_own(self, event: Event) -> None:
        with pytest.raises(InvalidMessage, match="id: "):
            type(event).decode(changed(event, id="0" * 32))

    @pytest.mark.parametrize("raw", [b"", b"\xff", b"{", b"null", b"[]", b"7", b'"text"', b"{}", b'{"specversion": "1.0"}', b"[" * 5000, b'{"a": "\\ud800"}'])
    def test_refuses_junk(self, event: Event, raw: bytes) -> None:
        with pytest.raises(InvalidMessage):
            type(event).decode(raw)

    @pytest.mark.parametrize("data", [None, [], "text", 7, {}])
    def test_refuses_data_that_is_none(self, event: Event, data: object) -> None:
        with pytest.raises(InvalidMessage):
            type(event).decode(changed(event, data=data))

    def test_cannot_be_changed(self, event: Event) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            event.as_of = DAY  # type: ignore[attr-defined]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_break_the_decoder(raw: bytes) -> None:
    for event in EVENTS:
        with pytest.raises(InvalidMessage):
            type(event).decode(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )
)
def test_no_json_in_the_place_of_data_breaks_the_decoder(data: object) -> None:
    envelope = {**an_observation().envelope(), "data": data}
    try:
        raw = orjson.dumps(envelope)
    except TypeError:
        return
    with pytest.raises(InvalidMessage):
        MoveObserved.decode(raw)


def test_a_refusal_names_the_field() -> None:
    data = {**an_observation().envelope()["data"], "revision": 0}
    with pytest.raises(InvalidMessage, match=r"data\.revision: "):
        MoveObserved.decode(changed(an_observation(), data=data))


def test_ids_follow_from_what_is_said() -> None:
    event = an_observation()
    assert event.event_id == an_observation().event_id
    others = [an_observation(7), an_observation(revision=2), an_observation(as_of=DAY + dt.timedelta(days=1))]
    assert len({event.event_id, *(other.event_id for other in others)}) == 4


def test_an_assessment_is_another_with_another_pack_or_model() -> None:
    ids = {an_assessment(**fields).event_id for fields in ({}, {"pack_version": "2"}, {"model_version": "2"}, {"revision": 2})}
    assert len(ids) == 4
    assert an_assessment().event_id == an_assessment(backfill=True).event_id


def test_an_alert_is_known_by_its_revision() -> None:
    assert an_alert(1).event_id == an_alert(1, sequence=9).event_id
    assert an_alert(1).event_id != an_alert(1, revision=2).event_id


def test_ids_stay_what_they_are() -> None:
    """They stand in stores and at subscribers: a change of the formula would double everything."""
    assert an_observation().event_id == digest("pe.2021-2026.C.bill.5981", 1, "2024-05-30")
    assert digest("a", 1) == "839e11a421d370be28db56fde67e9aad"


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_digest_is_32_hex_characters(parts: list[str]) -> None:
    assert len(digest(*parts)) == 32
    assert int(digest(*parts), 16) >= 0


def test_parts_of_a_digest_do_not_run_together() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def test_an_event_says_when_it_is_about() -> None:
    assert an_observation().time == "2024-05-30T00:00:00Z"
    assert an_alert(recorded_at=dt.datetime(2024, 5, 30, 7, 0, tzinfo=dt.timezone(dt.timedelta(hours=-5)))).time == "2024-05-30T12:00:00.000000Z"


def test_the_stage_is_the_last_that_moves_the_move() -> None:
    steps = (Step(stage=Stage.FILED, date=DAY), Step(stage=Stage.COMMITTEE, date=DAY), Step(stage=Stage.OTHER, native_stage="oficio", date=DAY))
    assert a_move(steps=steps).stage is Stage.COMMITTEE
    assert a_move(steps=()).stage is Stage.FILED


def test_levels_and_markings_are_ordered() -> None:
    assert [level.rank for level in Level] == [0, 1, 2, 3, 4]
    assert [tlp.rank for tlp in Tlp] == [0, 1, 2, 3, 4]
    assert Level.CRITICAL.rank > Level.WATCH.rank


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x/y", "//host/path", "http://", "data:text/html,x", "https:///x", " https://x", "https://" + "x" * 2000])
def test_only_web_addresses_are_addresses(url: str) -> None:
    with pytest.raises(ValidationError):
        a_move(url=url)


@pytest.mark.parametrize("fields", [{"yes": -1}, {"yes": 1, "no": -1}, {"yes": 100_001}, {"yes": "many"}])
def test_votes_are_counts(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Votes(**fields)


@pytest.mark.parametrize("field", ["instrument", "move_id", "title", "country"])
def test_a_move_needs_its_parts(field: str) -> None:
    values = a_move().model_dump()
    del values[field]
    with pytest.raises(ValidationError, match=field):
        Move(**values)


def test_an_assessment_stays_in_its_ranges() -> None:
    for field, value in (("risk", 101), ("severity", -1), ("confidence", 1.01), ("relevance", -0.1), ("direction", "sideways"), ("level", "terrible")):
        data = an_assessment().envelope()["data"]
        data["assessment"][field] = value
        with pytest.raises(InvalidMessage, match=rf"data\.assessment\.{field}"):
            MoveAssessed.decode(changed(an_assessment(), data=data))


LABELS = ({}, {"es": "x"}, {"es": "x", "en": "y"}, {"es": "x", "en": None}, {"es": None, "en": None}, {"es": "x", "en": "y", "fr": "z"})
ODD = st.sampled_from([None, "", "x", 1, 1.0, True, [], *LABELS])
REASON = {"rule": "stage.filed", "part": "imminence", "points": 8.0, "citation": "art. 73"}
CHANGES = st.lists(st.tuples(st.sampled_from([*REASON, "quote", "label", "unknown"]), ODD), max_size=3)


@given(CHANGES, st.sets(st.sampled_from(sorted(REASON)), max_size=1))
def test_a_reason_is_read_as_if_none_had_been_read_before(changes: list[tuple[str, Any]], missing: set[str]) -> None:
    said = {name: value for name, value in (REASON | dict(changes)).items() if name not in missing}
    data = an_assessment().envelope()["data"]
    data["assessment"]["factors"] = [said, REASON]
    try:
        alone = Factor.model_validate(said)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        with pytest.raises(InvalidMessage, match=rf"data\.assessment\.factors\.0\.{where}: "):
            MoveAssessed.decode(changed(an_assessment(), data=data))
    else:
        read = MoveAssessed.decode(changed(an_assessment(), data=data)).assessment.factors
        assert read == (alone, Factor.model_validate(REASON))
        assert read[0].model_dump_json() == alone.model_dump_json()


def test_probabilities_by_direction_come_back() -> None:
    assessment = an_assessment().assessment.model_copy(update={"direction_probabilities": {Direction.WEAKENS: 0.75, Direction.NEUTRAL: 0.25}})
    event = an_assessment(assessment=assessment)
    assert MoveAssessed.decode(event.encode()).assessment.direction_probabilities == {Direction.WEAKENS: 0.75, Direction.NEUTRAL: 0.25}


def test_the_dead_letters_have_a_topic_of_their_own() -> None:
    assert dead_letters("veedor.moves.v1") == "veedor.moves.v1.dlq"


def test_the_vocabulary_is_what_the_design_says() -> None:
    assert {"bill", "constitutional_reform", "law", "legislative_resolution", "constitutional_accusation", "motion", "decree", "ruling", "appointment", "other"} == set(Instrument)
    assert {"weakens", "strengthens", "mixed", "neutral"} == set(Direction)
    assert list(Level) == ["none", "watch", "elevated", "high", "critical"]
