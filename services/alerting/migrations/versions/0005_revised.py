"""An index of the open alerts that were revised since they opened, the state of which there may be none."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REVISED = sa.text("lifecycle = 'Update'")


def upgrade() -> None:
    op.create_index("alerts_revised", "alerts", ["changed_as_of", "sequence"], postgresql_where=REVISED, sqlite_where=REVISED)


def downgrade() -> None:
    op.drop_index("alerts_revised", "alerts")
