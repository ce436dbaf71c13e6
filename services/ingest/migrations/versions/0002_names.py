"""Names are asked for by what they say, never by their move: an index that only cost goes."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_aliases_move_id", "aliases")


def downgrade() -> None:
    op.create_index("ix_aliases_move_id", "aliases", ["move_id"])
