"""The scoring API and the loop behind it: what is pasted is scored; what arrives on the bus leaves assessed."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from services.scoring import main as scoring
from services.scoring.app import create_app
from services.scoring.assess import ScoringPack
from shared.bus.contract import Record
from shared.events import ASSESSMENTS, MOVES, Instrument, Move, MoveAssessed, MoveObserved, Stage, Step, Tlp, dead_letters
from shared.http import Door
from shared.identity import Revocations, Role, Verifier, issue
from shared.operations import Crew, Liveness
from shared.process import open_context, utc_now
from shared.settings import Settings

KEY = Ed25519PrivateKey.generate()
TODAY = dt.date(2024, 6, 1)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder = tmp_path_factory.mktemp("scoring")
    return create_app(Door(Verifier(KEY.public_key(), Revocations(folder / "revoked")), Liveness()), ScoringPack.load("pe"), lambda: TODAY)


def bearer() -> dict[str, str]:
    token = issue(KEY, subject="someone", roles=[Role.OBSERVER], clearance=Tlp.GREEN, ttl=dt.timedelta(hours=1), now=utc_now())
    return {"Authorization": f"Bearer {token}"}


def assessed(app: Flask, **body: Any) -> Any:
    answer = app.test_client().post("/v1/assess", json=body, headers=bearer())
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_pasted_threat_is_explained(app: Flask) -> None:
    found = assessed(app, title="Moción que propone la remoción de los miembros de la Junta Nacional de Justicia por causa grave", instrument="motion")
    assert found["direction"] == "weakens"
    assert "JNJ" in found["targets"]
    assert found["level"] in ("elevated", "high", "critical")
    assert all(factor["citation"] for factor in found["factors"])


def test_a_remedy_is_no_threat(app: Flask) -> None:
    found = assessed(app, title="Ley que deroga la Ley 32108 y restituye la definición de organización criminal")
    assert found["direction"] == "strengthens"
    assert found["risk"] < 5
    assert found["level"] == "none"
    assert found["severity"] >= 40


def test_too_little_text_abstains_and_asks_for_it(app: Flask) -> None:
    found = assessed(app, title="Ley de reforma constitucional que modifica el artículo 179 de la Constitución Política")
    assert found["abstained"] is True
    assert found["abstained_because"]["es"]
    assert "JNE" in found["targets"]


def test_steps_after_the_day_are_not_seen(app: Flask) -> None:
    body = {"title": "Ley que reduce el mandato de los miembros del Jurado Nacional de Elecciones", "as_of": "2024-03-01"}
    early = assessed(app, **body, steps=[{"stage": "filed", "date": "2024-02-01"}])
    assert assessed(app, **body, steps=[{"stage": "filed", "date": "2024-02-01"}, {"stage": "published", "date": "2024-05-01"}]) == early


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x" * 2001}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "x", "as_of": "2024-02-31"}, "as_of"),
        ({"title": "x", "steps": [{"stage": "nonsense", "date": "2024-01-01"}]}, "steps.0.stage"),
        ({"title": "x", "surprise": 1}, "surprise"),
        ({"title": 7}, "title"),
    ],
)
def test_bad_input_names_the_field(app: Flask, body: dict[str, Any], field: str) -> None:
    answer = app.test_client().post("/v1/assess", json=body, headers=bearer())
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert answer.json is not None
    assert answer.json["field"] == field


def test_nobody_scores_without_a_token(app: Flask) -> None:
    assert app.test_client().post("/v1/assess", json={"title": "x"}).status_code == 401


def test_fuzzed_from_its_document_nothing_breaks(app: Flask) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    for operation in schema.get_all_operations():

        @given(case=operation.ok().as_strategy())
        @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        def check(case: schemathesis.Case) -> None:
            # JSON Schema cannot say between which days a date must lie.
            case.call_and_validate(headers=bearer(), excluded_checks=[positive_data_acceptance])

        check()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Any]:
    """Scoring's loop on a local bus, as its composition root builds it."""
    context = open_context(Settings(home=tmp_path), threading.Event())
    crew = Crew(context.stop)
    for name, work in scoring.build(context).work.items():
        crew.start(name, work)
    yield context
    context.stop.set()
    crew.join()


def test_moves_leave_assessed_and_poison_goes_to_the_dead_letters(running: Any) -> None:
    move = Move(
        move_id="pe.2021-2026.C.bill.1",
        key="1",
        country="pe",
        period="2021-2026",
        chamber="C",
        instrument=Instrument.BILL,
        title="Ley que deroga la Ley 32108",
        steps=(Step(stage=Stage.FILED, date=dt.date(2024, 9, 1)),),
    )
    event = MoveObserved(move=move, revision=1, as_of=dt.date(2024, 9, 2))
    poison = event.encode().replace(b"observed.v1", b"observed.v9")
    running.bus.producer().publish([Record(MOVES, "a", b"\xff not json"), Record(MOVES, event.key, poison), Record(MOVES, event.key, event.encode())])
    with closing(running.bus.consumer("test", [ASSESSMENTS])) as consumer, closing(running.bus.consumer("test-dead", [dead_letters(MOVES)])) as graves:
        (delivery,) = consumer.poll(20, 10)
        found = MoveAssessed.decode(delivery.value)
        dead = graves.poll(20, 10)
    assert (found.move, found.revision, found.as_of) == (move, 1, event.as_of)
    assert found.pack_version
    assert found.model_version
    assert {value for letter in dead for name, value in letter.headers if name == "veedor-origin-topic"} == {MOVES.encode()}
