"""Alembic's way in: the connection comes from `shared.database.Database.migrate`."""

from services.ingest.store import Base
from shared.database import run_migrations

run_migrations(Base.metadata)
