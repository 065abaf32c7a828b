"""The days and clocks that a version goes by are kept with it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "almanacs",
        sa.Column("hash", sa.Text(), primary_key=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
    )
    for table in ("rulebooks", "rosters"):
        op.add_column(table, sa.Column("almanac", sa.Text()))


def downgrade() -> None:
    for table in ("rosters", "rulebooks"):
        op.drop_column(table, "almanac")
    op.drop_table("almanacs")
