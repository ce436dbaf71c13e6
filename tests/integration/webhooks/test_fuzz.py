"""schemathesis over the API's own OpenAPI document: no 5xx, nothing undeclared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from services.webhooks.app import Parts, create_app
from services.webhooks.egress import Egress, Names
from services.webhooks.history import History
from services.webhooks.intake import Intake
from services.webhooks.store import Store
from services.webhooks.subscribers import Subscribers
from shared.database import Database
from shared.events import Tlp
from shared.http import Door, RateLimit
from shared.identity import Revocations, Role, Verifier, issue
from shared.operations import Liveness
from shared.process import utc_now
from tests.integration.webhooks.house import House, alerts
from tests.integration.webhooks.test_app import Told

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def fuzzed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API over a store with something in it."""
    folder: Path = tmp_path_factory.mktemp("fuzz")
    database = Database(f"sqlite:///{folder / 'webhooks.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres"), "webhooks")
    database.migrate()
    store, key = Store(database), Ed25519PrivateKey.generate()
    parts = Parts(Subscribers(store), Intake(store), History(store), Egress(names=Names(lambda _: ["8.8.8.8"])), Told(), key, utc_now)
    house = House(store, parts.subscribers, parts.intake, key)
    subscription_id = house.subscribe().subscription_id
    house.subscribe(url=None)
    house.intake.take(alerts(3))
    app = create_app(Door(Verifier(key.public_key(), Revocations(folder / "revoked")), Liveness(), rate=RateLimit(1e6, 1e6)), parts)
    token = issue(key, subject="embassy", roles=[Role.SUBSCRIBER], clearance=Tlp.AMBER, ttl=dt.timedelta(hours=1), now=utc_now())
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    schema.ids = {"subscription_id": subscription_id, "delivery_id": house.rows(subscription_id)[0].delivery_id}
    schema.headers_of_the_caller = {"Authorization": f"Bearer {token}"}
    yield schema
    database.close()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_5xx_and_nothing_undeclared(fuzzed: Any, mode: GenerationMode) -> None:
    operations = [found.ok() for found in fuzzed.get_all_operations()]
    assert len(operations) == 12
    for operation in operations:

        @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
        @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
        def fuzz(case: schemathesis.Case, real: bool) -> None:
            if real and case.path_parameters:
                case.path_parameters = {name: fuzzed.ids[name] for name in case.path_parameters}
            case.call_and_validate(checks=CHECKS, headers=fuzzed.headers_of_the_caller)

        try:
            fuzz()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, "an operation without parameters has nothing to get wrong"
