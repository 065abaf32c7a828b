"""Who is told that their coming duty is another than it was"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("about", sa.Text(), server_default="cases", nullable=False))
    op.create_table(
        "duty_notices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("over_at", sa.BigInteger(), nullable=True),
        sa.Column("over_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    due, standing = sa.text("due_at IS NOT NULL"), sa.text("over_at IS NULL")
    op.create_index("duty_notices_due", "duty_notices", ["due_at"], sqlite_where=due, postgresql_where=due)
    op.create_index("duty_notices_open", "duty_notices", ["agent"], sqlite_where=standing, postgresql_where=standing)


def downgrade() -> None:
    op.execute("DELETE FROM notifications WHERE kind = 'duty'")
    op.execute("DELETE FROM messages WHERE about = 'duty'")
    op.drop_table("duty_notices")
    op.drop_column("messages", "about")
