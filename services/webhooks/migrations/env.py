"""Alembic's way in: runs the migrations of webhooks on the connection it is handed."""

from services.webhooks.store import Base
from shared.database import run_migrations

run_migrations(Base.metadata)
