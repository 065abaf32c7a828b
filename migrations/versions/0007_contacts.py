"""Which calls count as the person reaching us

What was heard before keeps counting, so that recorded decisions can be made again: it drops out of the counts within a month.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("interactions", sa.Column("contact", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    op.drop_column("interactions", "contact")
