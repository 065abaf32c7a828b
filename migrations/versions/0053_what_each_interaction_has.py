"""Severity, category, queue and what else rules set is kept of each interaction

States kept before know it only of all that are joined by name. Of a case with one interaction that is the same, and is read as it is. The
others are emptied, so that they are judged from their start; the open ones at once, behind what is overdue already. Where words are gone
the state stays what it is.
"""

from __future__ import annotations

from time import time_ns

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

SEVERAL = "id IN (SELECT case_id FROM interactions GROUP BY case_id HAVING count(*) > 1) AND words_gone_at IS NULL"


def upgrade() -> None:
    now = time_ns() // 1_000
    later = f"(due_at IS NULL OR due_at > {now})"
    op.execute(f"UPDATE cases SET due_at = {now} WHERE status = 'open' AND {later} AND {SEVERAL}")  # noqa: S608  # no words of others
    op.execute(f"UPDATE cases SET state = '{{}}' WHERE {SEVERAL}")  # noqa: S608
    op.execute(f"DELETE FROM checkpoints WHERE case_id IN (SELECT id FROM cases WHERE {SEVERAL})")  # noqa: S608


def downgrade() -> None:
    op.execute("UPDATE cases SET state = '{}'")
    op.execute("DELETE FROM checkpoints")
