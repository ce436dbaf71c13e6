"""Real servers as fixtures: one of each a session, a fresh database a module. A missing one skips what needs it, and fails it where CI is set."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.parts import alertmanager as alertmanager_part
from tests.parts import chromium as chromium_part
from tests.parts import kafka as kafka_part
from tests.parts import nginx as nginx_part
from tests.parts import postgres as postgres_part
from tests.parts import prometheus as prometheus_part
from tests.parts.need import need

databases = itertools.count(1)

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("veedor", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("veedor")


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short path that other users can be given: pytest's own are neither."""
    with tempfile.TemporaryDirectory(prefix="veedor-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def kafka() -> Iterator[kafka_part.Kafka]:
    """The session's broker. A test that freezes or kills it leaves it as it was."""
    need(kafka_part.missing())
    with short_folder() as folder:
        broker = kafka_part.Kafka(folder)
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres_part.Postgres]:
    need(postgres_part.missing())
    with short_folder() as folder:
        server = postgres_part.Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def postgres(postgres_server: postgres_part.Postgres) -> str:
    """The SQLAlchemy address of a database that only this module uses."""
    return postgres_server.create(f"test_{next(databases)}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser."""
    need(chromium_part.missing())
    return chromium_part.program() or ""


@pytest.fixture
def start_prometheus() -> Iterator[Callable[[Path], prometheus_part.Prometheus]]:
    """Starts a Prometheus on a configuration file; stopped when the test ends."""
    need(prometheus_part.missing())
    with contextlib.ExitStack() as stack:

        def start(configuration: Path) -> prometheus_part.Prometheus:
            server = prometheus_part.Prometheus(stack.enter_context(short_folder()), configuration)
            stack.callback(server.stop)
            server.start()
            return server

        yield start


@pytest.fixture
def start_alertmanager() -> Iterator[Callable[[Path], alertmanager_part.Alertmanager]]:
    """Starts an Alertmanager on a configuration file; stopped when the test ends."""
    need(alertmanager_part.missing())
    with contextlib.ExitStack() as stack:

        def start(configuration: Path) -> alertmanager_part.Alertmanager:
            server = alertmanager_part.Alertmanager(stack.enter_context(short_folder()), configuration)
            stack.callback(server.stop)
            server.start()
            return server

        yield start


@pytest.fixture
def start_nginx() -> Iterator[Callable[[str], nginx_part.Nginx]]:
    """Starts an nginx around what stands in its http block (PORT is replaced); stopped when the test ends."""
    need(nginx_part.missing())
    with contextlib.ExitStack() as stack:

        def start(http: str) -> nginx_part.Nginx:
            server = nginx_part.Nginx(stack.enter_context(short_folder()), http)
            stack.callback(server.stop)
            server.start()
            return server

        yield start
