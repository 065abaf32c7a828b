"""Who works on what: the work that cases ask of people, and each time that the desk gave some of it to somebody

What open cases ask is not known yet: each is looked at once, as if it were due.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("agent", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("assigned_because", sa.Text(), nullable=True))
    op.create_table(
        "workload",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "thread"),
    )
    waits = sa.text("waits IS true")
    op.create_index("workload_waiting", "workload", ["queue", "since"], sqlite_where=sa.text("waits IS 1"), postgresql_where=waits)
    op.create_index("workload_by_holder", "workload", ["holder"])
    op.create_table(
        "assignments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("zendesk_user_id", sa.Text(), nullable=False),
        sa.Column("instead_of", sa.Text(), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("candidates", sa.Text(), nullable=False),
        sa.Column("moment", sa.Text(), nullable=False),
        sa.Column("roster_version", sa.Integer(), nullable=False),
        sa.Column("rulebook_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("assignments_by_agent", "assignments", ["agent", "at"])
    op.create_index("assignments_by_queue", "assignments", ["queue", "agent", "at"])
    op.create_index("assignments_by_thread", "assignments", ["thread", "at"])
    op.create_index("assignments_by_case", "assignments", ["case_id", "at"])
    op.execute("UPDATE cases SET due_at = 0 WHERE status = 'open'")


def downgrade() -> None:
    op.drop_table("assignments")
    op.drop_table("workload")
    op.drop_column("cases", "assigned_because")
    op.drop_column("cases", "agent")
