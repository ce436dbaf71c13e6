"""The store on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.ingest.store import Store
from shared.countries import Pack, load
from shared.database import Database


@pytest.fixture(scope="session")
def pack() -> Pack:
    return load("pe")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database at the newest schema."""
    url = f"sqlite:///{tmp_path / 'ingest.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres")
    found = Database(url, "ingest")
    found.migrate()
    found.migrate("base")
    found.migrate()
    yield found
    found.close()


@pytest.fixture
def store(database: Database, pack: Pack) -> Store:
    return Store(database, pack)


@pytest.fixture
def embedded(tmp_path: Path, pack: Pack) -> Iterator[Store]:
    """A store on SQLite alone, for what does not depend on the database."""
    found = Database(f"sqlite:///{tmp_path / 'embedded.db'}", "ingest")
    found.migrate()
    yield Store(found, pack)
    found.close()
