"""Looking into an ingest database: its rows, and the events that wait in its outbox."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from shared.database import Database
from shared.events import MoveObserved


def events(database: Database) -> list[MoveObserved]:
    """What waits to be published, in order; every one decodes."""
    return [MoveObserved.decode(bytes(row["value"])) for row in rows(database, "outbox", "position")]


def rows(database: Database, table: str, order: str) -> list[dict[str, Any]]:
    with database.reading() as session:
        return [dict(row) for row in session.connection().execute(text(f"SELECT * FROM {table} ORDER BY {order}")).mappings()]
