"""The first schema of ingest: moves, their names, what was observed, the outbox, replay cursors and sources."""

import sqlalchemy as sa
from alembic import op

from shared.database import Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _create_moves()
    op.create_table(
        "aliases",
        sa.Column("alias", sa.String(300), primary_key=True),
        sa.Column("name", sa.String(260), nullable=False),
        sa.Column("scope", sa.String(30), nullable=False),
        sa.Column("move_id", sa.String(200), nullable=False),
    )
    op.create_index("ix_aliases_name", "aliases", ["name"])
    op.create_index("ix_aliases_move_id", "aliases", ["move_id"])
    op.create_table(
        "observations",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("move_id", sa.String(200), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("source", sa.String(300), nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("recorded_at", Utc, nullable=False),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_observations_move_id", "observations", ["move_id"])
    _create_small_tables()


def _create_moves() -> None:
    op.create_table(
        "moves",
        sa.Column("move_id", sa.String(200), primary_key=True),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("period", sa.String(20), nullable=False),
        sa.Column("stage", sa.String(30), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("provenance", sa.LargeBinary),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("pending", sa.Boolean, nullable=False),
        sa.Column("lapses_on", sa.Date),
        sa.Column("watched_until", sa.Date, nullable=False),
        sa.Column("backfill", sa.Boolean, nullable=False),
        sa.Column("exercise", sa.Boolean, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("changed_on", sa.Date, nullable=False),
        sa.Column("updated_at", Utc, nullable=False),
    )
    op.create_index("moves_to_issue", "moves", ["pending", "as_of"])
    op.create_index("moves_to_end", "moves", ["pending", "lapses_on"])
    op.create_index("moves_listed", "moves", ["changed_on", "move_id"])
    op.create_index("moves_updated", "moves", ["updated_at"])


def _create_small_tables() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String(200), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table("progress", sa.Column("name", sa.String(100), primary_key=True), sa.Column("day", sa.Date, nullable=False))
    op.create_table(
        "sources",
        sa.Column("source", sa.String(300), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("last_seen", Utc, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("trouble", sa.Text),
    )


def downgrade() -> None:
    for table in ("sources", "progress", "outbox", "observations", "aliases", "moves"):
        op.drop_table(table)
