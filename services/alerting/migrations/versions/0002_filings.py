"""Filings that weaken an institution: what clusters are counted from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "filings",
        sa.Column("country", sa.String(16), primary_key=True),
        sa.Column("target", sa.String(16), primary_key=True),
        sa.Column("move_id", sa.Text(), primary_key=True),
        sa.Column("groups", sa.String(64), nullable=False),
        sa.Column("filing", sa.LargeBinary(), nullable=False),
    )
    op.create_index("filings_by_group", "filings", ["country", "target", "groups"])
    op.create_index("filings_of_a_move", "filings", ["move_id"])
    op.create_index("alerts_by_kind", "alerts", ["kind", "country"])


def downgrade() -> None:
    op.drop_index("alerts_by_kind", "alerts")
    op.drop_table("filings")
