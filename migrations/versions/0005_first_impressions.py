"""First impressions stay on record when a ticket's audits replace them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("moments", sa.Column("impression", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("moments", sa.Column("replaced_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("moments", "replaced_at")
    op.drop_column("moments", "impression")
