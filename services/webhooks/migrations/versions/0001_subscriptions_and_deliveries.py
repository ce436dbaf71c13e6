"""Subscriptions, deliveries and the log of attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("subscription_id", sa.String(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("clearance", sa.String(), nullable=False),
        sa.Column("url", sa.String()),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("filters", sa.String(), nullable=False),
        sa.Column("max_per_second", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("notice_es", sa.String(), nullable=False),
        sa.Column("notice_en", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary()),
        sa.Column("previous_until", TIME),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("last_delivered_at", TIME),
        sa.Column("last_failed_at", TIME),
        sa.Column("last_reason", sa.String()),
    )
    op.create_index("ix_subscriptions_owner", "subscriptions", ["owner"])
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.String(), primary_key=True),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String()),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.Column("lease_until", TIME),
        sa.Column("leased_by", sa.String()),
        sa.Column("last_code", sa.Integer()),
        sa.Column("last_reason", sa.String()),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("queued_at", TIME, nullable=False),
        sa.Column("delivered_at", TIME),
    )
    op.create_index("deliveries_sequence", "deliveries", ["subscription_id", "sequence"], unique=True)
    op.create_index("deliveries_first", "deliveries", ["subscription_id", "status", "attempts", "sequence"])
    op.create_index("deliveries_due", "deliveries", ["subscription_id", "status", "next_attempt_at"])
    op.create_index("deliveries_age", "deliveries", ["status", "queued_at"])
    op.create_index("deliveries_alert", "deliveries", ["alert_id"])
    op.create_index("deliveries_created", "deliveries", ["created_at", "delivery_id"])
    op.create_table(
        "attempts",
        sa.Column("attempt_id", sa.Integer(), primary_key=True),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("code", sa.Integer()),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("dns_ms", sa.Float(), nullable=False),
        sa.Column("connect_ms", sa.Float(), nullable=False),
        sa.Column("total_ms", sa.Float(), nullable=False),
        sa.Column("address", sa.String()),
        sa.Column("excerpt", sa.String(), nullable=False),
    )
    op.create_index("ix_attempts_delivery_id", "attempts", ["delivery_id"])
    op.create_index("ix_attempts_at", "attempts", ["at"])


def downgrade() -> None:
    for table in ("attempts", "deliveries", "subscriptions"):
        op.drop_table(table)
