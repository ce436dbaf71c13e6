"""Alembic's way into alerting's tables."""

from services.alerting.store import Base
from shared.database import run_migrations

run_migrations(Base.metadata)
