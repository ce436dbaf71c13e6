"""The schema: migrations make exactly what the models say, and can be undone."""

from __future__ import annotations

import datetime as dt

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from services.webhooks.store import Base, Store
from shared.database import Database
from tests.integration.webhooks.house import House, alerts


def test_the_migrated_schema_is_that_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_go_down_and_up_with_data_in_the_tables(database: Database, house: House) -> None:
    house.subscribe()
    house.intake.take(alerts(2))
    database.migrate("base")
    assert not {"subscriptions", "deliveries", "attempts"} & set(inspect(database.engine).get_table_names())
    database.migrate()
    assert house.rows() == []


def test_time_is_the_databases_and_has_its_zone(store: Store) -> None:
    with store.writing() as (_, now):
        assert now.tzinfo is not None
        assert abs(now - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=5)
