"""Deliveries are counted as they come, apart from what becomes of them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "received",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("lane", sa.Integer(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )
    op.execute("INSERT INTO received (source, lane, count) SELECT source, 0, count(*) + sum(duplicates) FROM inbox GROUP BY source")


def downgrade() -> None:
    op.drop_table("received")
