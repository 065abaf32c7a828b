"""Which interactions are joined by name

States of cases kept before do not know it: they are emptied, and a case that hears something new is judged from its start.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("interactions", sa.Column("thread", sa.Text(), nullable=True))
    op.execute("UPDATE cases SET state = '{}'")


def downgrade() -> None:
    op.execute("UPDATE cases SET state = '{}'")
    op.drop_column("interactions", "thread")
