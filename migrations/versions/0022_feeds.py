"""What iCalendar feeds said, and how looking at them went"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_reads",
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("learnt_at", sa.BigInteger(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("spans", sa.Text(), nullable=False),
    )
    op.create_table(
        "feed_looks",
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger()),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("failure", sa.Text()),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text()),
    )


def downgrade() -> None:
    op.drop_table("feed_looks")
    op.drop_table("feed_reads")
