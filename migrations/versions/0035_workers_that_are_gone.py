"""Workers tell each other that they live: what a killed one had is taken over within half a minute"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("beats", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("workers")
