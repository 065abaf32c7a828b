"""Moments that a person took out of their story

They stay on record with who did it and why.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("moments", sa.Column("withdrawn_at", sa.BigInteger(), nullable=True))
    op.add_column("moments", sa.Column("withdrawn_by", sa.Text(), nullable=True))
    op.add_column("moments", sa.Column("withdrawn_because", sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("withdrawn_because", "withdrawn_by", "withdrawn_at"):
        op.drop_column("moments", name)
