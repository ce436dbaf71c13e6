"""Lists of one level in the order of change; whether anything is marked above what most alerts are."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("alerts_by_level", "alerts")
    op.create_index("alerts_by_level", "alerts", ["level_rank", "changed_as_of", "sequence"])
    marked = sa.text("tlp_rank > 1")
    op.create_index("alerts_marked", "alerts", ["tlp_rank"], postgresql_where=marked, sqlite_where=marked)


def downgrade() -> None:
    op.drop_index("alerts_marked", "alerts")
    op.drop_index("alerts_by_level", "alerts")
    op.create_index("alerts_by_level", "alerts", ["level_rank", "lifecycle"])
