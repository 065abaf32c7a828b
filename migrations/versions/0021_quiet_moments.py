"""Moments that are judged anew or brought in quietly, what had been done before, and rejudges among the jobs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("moments", sa.Column("quiet_until", sa.BigInteger(), nullable=True))
    op.add_column("interactions", sa.Column("done_before", sa.Text(), nullable=True))
    op.add_column("replays", sa.Column("rejudge", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("replays", "rejudge")
    op.drop_column("interactions", "done_before")
    op.drop_column("moments", "quiet_until")
