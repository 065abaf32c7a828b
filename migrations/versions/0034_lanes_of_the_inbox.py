"""Deliveries with large bodies wait in an index of their own: claiming costs the same however many wait"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

COLUMNS = ["source", "due_at", "seq"]
BEFORE = "status = 'pending'"
AMONG_OTHERS = f"{BEFORE} AND (reason IS NULL OR reason != 'read_alone')"
SMALL, LARGE = (f"{AMONG_OTHERS} AND length(body) {size} 65536" for size in ("<=", ">"))


def upgrade() -> None:
    op.drop_index("inbox_pending", "inbox")
    op.create_index("inbox_pending", "inbox", COLUMNS, **_where(SMALL))
    op.create_index("inbox_pending_large", "inbox", COLUMNS, **_where(LARGE))


def downgrade() -> None:
    op.drop_index("inbox_pending_large", "inbox")
    op.drop_index("inbox_pending", "inbox")
    op.create_index("inbox_pending", "inbox", COLUMNS, **_where(BEFORE))


def _where(predicate: str) -> dict[str, sa.TextClause]:
    return {"sqlite_where": sa.text(predicate), "postgresql_where": sa.text(predicate)}
