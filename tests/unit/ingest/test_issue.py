"""The spliced event says what the event says."""

from __future__ import annotations

import datetime as dt

import orjson
import pytest

from services.ingest.issue import Issue, move_json, provenance_json
from services.ingest.merge import merge
from shared.countries import Pack
from shared.events import MoveObserved, Provenance
from tests.unit.ingest.examples import told


@pytest.mark.parametrize("provenance", [None, Provenance(source="api:ana", url="https://example.org/1", fetched_at=dt.datetime(2024, 9, 1, 12, tzinfo=dt.UTC), sha256="ab")])
def test_it_says_what_the_model_would(pack: Pack, provenance: Provenance | None) -> None:
    move = merge([told(pack, note={"es": "Ñandú", "en": "Rhea"}), told(pack, observed_on="2024-05-30", stage="first_vote", votes={"yes": 87})], pack)
    day = dt.date(2024, 9, 1)
    spliced = Issue(move.move_id, move_json(move), 3, day, "clock", ("steps",), True, True, provenance_json(provenance)).encode()
    event = MoveObserved(move=move, revision=3, as_of=day, reason="clock", changed=("steps",), backfill=True, exercise=True, provenance=provenance)
    assert orjson.loads(spliced) == orjson.loads(event.encode())
    assert MoveObserved.decode(spliced).encode() == event.encode()
