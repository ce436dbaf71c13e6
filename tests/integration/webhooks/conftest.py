"""The store on SQLite and on PostgreSQL, and a running dispatcher."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.webhooks.dispatcher import Dispatcher
from services.webhooks.egress import Egress
from services.webhooks.intake import Intake
from services.webhooks.queue import Queue
from services.webhooks.sender import Sender
from services.webhooks.store import ATTEMPTS, DELIVERIES, SUBSCRIPTIONS, Store
from services.webhooks.subscribers import Subscribers
from shared.database import Database
from tests.integration.webhooks.house import House

KEY = Ed25519PrivateKey.generate()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database at the newest schema."""
    url = f"sqlite:///{tmp_path / 'webhooks.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    database = Database(url, "webhooks")
    database.migrate()
    with database.transaction() as session:
        for table in (ATTEMPTS, DELIVERIES, SUBSCRIPTIONS):
            session.connection().execute(table.delete())
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.fixture
def house(store: Store) -> House:
    return House(store, Subscribers(store), Intake(store), KEY)


@pytest.fixture
def dispatching(house: House) -> Callable[..., AbstractContextManager[Dispatcher]]:
    """Runs a dispatcher on the house's store; private addresses pass, or tests could dial nobody."""

    @contextmanager
    def run(*, queue: Queue | None = None, deadline: float = 5.0, worker: str = "w1", allow_private: bool = True) -> Iterator[Dispatcher]:
        stop = threading.Event()
        queue = queue or Queue(house.store, worker)
        dispatcher = Dispatcher(queue, Sender(Egress(allow_private), deadline=deadline), KEY, time.time, stop)
        thread = threading.Thread(target=dispatcher.run, daemon=True)
        thread.start()
        try:
            yield dispatcher
        finally:
            stop.set()
            dispatcher.wake({"none"})
            thread.join(20)
            assert not thread.is_alive()

    return run
