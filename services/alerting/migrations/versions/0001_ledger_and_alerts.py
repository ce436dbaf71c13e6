"""The first schema: assessments, moves, alerts, ledger with its tree and head, pressure."""

import sqlalchemy as sa
from alembic import op

from shared.database import Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = ("pressure", "head", "checkpoints", "tiles", "ledger", "alert_targets", "alerts", "moves", "assessments")


def upgrade() -> None:
    _readings()
    _alerts()
    _ledger()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)


def _readings() -> None:
    op.create_table(
        "assessments",
        sa.Column("event_id", sa.String(32), primary_key=True),
        sa.Column("move_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("risk", sa.Float(), nullable=False),
        sa.Column("direction", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
    )
    op.create_index("assessments_of_a_move", "assessments", ["move_id", "as_of"])
    op.create_index("assessments_by_day", "assessments", ["as_of"])
    op.create_table(
        "moves",
        sa.Column("move_id", sa.Text(), primary_key=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("targets", sa.String(200), nullable=False),
        sa.Column("latest", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "pressure",
        sa.Column("target", sa.String(16), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("change", sa.Float(), nullable=False),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Text(), primary_key=True),
        sa.Column("move_id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.String(16), nullable=False) for name in ("kind", "lifecycle", "level")),
        sa.Column("level_rank", sa.Integer(), nullable=False),
        sa.Column("peak_level", sa.String(16), nullable=False),
        sa.Column("peak_rank", sa.Integer(), nullable=False),
        sa.Column("peak_risk", sa.Float(), nullable=False),
        *(sa.Column(name, sa.String(16), nullable=False) for name in ("direction", "stage", "country")),
        sa.Column("risk", sa.Float(), nullable=False),
        sa.Column("opened_as_of", sa.Date(), nullable=False),
        sa.Column("changed_as_of", sa.Date(), nullable=False),
        sa.Column("recorded_at", Utc(), nullable=False),
        sa.Column("updated_at", Utc(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("revision", "sequence", "tlp_rank")),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("exercise", "backfill")),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("item", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_alerts_move_id", "alerts", ["move_id"])
    op.create_index("ix_alerts_updated_at", "alerts", ["updated_at"])
    op.create_index("alerts_by_change", "alerts", ["changed_as_of", "sequence"])
    op.create_index("alerts_by_risk", "alerts", ["risk", "sequence"])
    op.create_index("alerts_by_peak", "alerts", ["peak_rank", "peak_risk", "sequence"])
    op.create_index("alerts_by_level", "alerts", ["level_rank", "lifecycle"])
    op.create_table("alert_targets", sa.Column("target", sa.String(16), primary_key=True), sa.Column("alert_id", sa.Text(), primary_key=True))
    op.create_index("alert_targets_of_an_alert", "alert_targets", ["alert_id"])


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("sequence", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("tlp_rank", sa.Integer(), nullable=False),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", Utc(), nullable=False),
    )
    op.create_index("ix_ledger_alert_id", "ledger", ["alert_id"])
    op.create_table(
        "tiles",
        sa.Column("level", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("index", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    )
    op.create_table("checkpoints", sa.Column("size", sa.Integer(), primary_key=True, autoincrement=False), sa.Column("checkpoint", sa.LargeBinary(), nullable=False))
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("frontier", sa.Text(), nullable=False),
        sa.Column("published_through", sa.Integer(), nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=True),
    )
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "hash": "0" * 64, "frontier": "[]", "published_through": 0, "checkpoint": None}])
