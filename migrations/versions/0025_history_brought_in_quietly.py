"""Tickets whose history is brought in quietly"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("facts_wanted", sa.Column("quiet_before", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("facts_wanted", "quiet_before")
