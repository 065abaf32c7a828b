"""What was decided about a moment is found by its time first, and counting a row on SQLite copies no pages

By a hash each new decision went to another page of a large index. And where a trigger may fail, SQLite keeps each page that a row touches
as it was, to undo that row alone: it may fail while `count` must not be null, though it never is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

COUNTING = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%INTO counted %'")


def upgrade() -> None:
    _index(["at", "moment", "number"])
    _count(nullable=True)


def downgrade() -> None:
    _count(nullable=False)
    _index(["moment", "number"])


def _index(columns: list[str]) -> None:
    op.drop_index("decisions_by_moment", "decisions")
    op.create_index("decisions_by_moment", "decisions", columns)


def _count(*, nullable: bool) -> None:
    """On SQLite the table is made anew, which no trigger may name meanwhile."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    triggers = op.get_bind().execute(COUNTING).all() if sqlite else []
    for name, _ in triggers:
        op.execute(f"DROP TRIGGER {name}")
    with op.batch_alter_table("counted") as table:
        table.alter_column("count", existing_type=sa.BigInteger(), nullable=nullable)
    for _, statement in triggers:
        op.execute(statement)
