"""Indexes for the filters that few alerts may match: words, stage, direction, country, exercises, when it was recorded."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FACETS = ("stage", "direction", "country")
WORDS_OF_SQLITE = (
    "CREATE VIRTUAL TABLE alert_words USING fts5(search, content='alerts', detail='none', tokenize='ascii')",
    "CREATE TRIGGER alert_words_added AFTER INSERT ON alerts BEGIN INSERT INTO alert_words(rowid, search) VALUES (new.rowid, new.search); END",
    "CREATE TRIGGER alert_words_gone AFTER DELETE ON alerts BEGIN INSERT INTO alert_words(alert_words, rowid, search) VALUES ('delete', old.rowid, old.search); END",
    """CREATE TRIGGER alert_words_changed AFTER UPDATE OF search ON alerts WHEN old.search <> new.search BEGIN
    INSERT INTO alert_words(alert_words, rowid, search) VALUES ('delete', old.rowid, old.search);
    INSERT INTO alert_words(rowid, search) VALUES (new.rowid, new.search); END""",
    "INSERT INTO alert_words(alert_words) VALUES ('rebuild')",
)


def upgrade() -> None:
    op.drop_index("ix_alerts_move_id", "alerts")  # nobody asks by it
    for facet in FACETS:
        op.create_index(f"alerts_by_{facet}", "alerts", [facet, "changed_as_of", "sequence"])
    op.create_index("alerts_of_exercises", "alerts", ["changed_as_of", "sequence"], postgresql_where=sa.text("exercise IS true"), sqlite_where=sa.text("exercise IS 1"))
    op.create_index("ix_alerts_recorded_at", "alerts", ["recorded_at"])
    if _on_sqlite():
        for statement in WORDS_OF_SQLITE:
            op.execute(statement)
    else:
        op.create_index("alerts_by_word", "alerts", [sa.text("to_tsvector('simple', search)")], postgresql_using="gin")


def downgrade() -> None:
    if _on_sqlite():
        for trigger in ("added", "gone", "changed"):
            op.execute(f"DROP TRIGGER alert_words_{trigger}")
        op.drop_table("alert_words")
    else:
        op.drop_index("alerts_by_word", "alerts")
    for index in ("ix_alerts_recorded_at", "alerts_of_exercises", *(f"alerts_by_{facet}" for facet in FACETS)):
        op.drop_index(index, "alerts")
    op.create_index("ix_alerts_move_id", "alerts", ["move_id"])


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
