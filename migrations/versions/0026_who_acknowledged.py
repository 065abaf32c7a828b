"""Who acknowledged a case, when and by which way

States of cases kept before do not know it: they are emptied, and a case that hears something new is judged from its start.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("acknowledged_at", sa.BigInteger(), nullable=True))
    op.add_column("cases", sa.Column("acknowledged_by", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("acknowledged_way", sa.Text(), nullable=True))
    op.execute("UPDATE cases SET state = '{}'")


def downgrade() -> None:
    op.execute("UPDATE cases SET state = '{}'")
    for name in ("acknowledged_way", "acknowledged_by", "acknowledged_at"):
        op.drop_column("cases", name)
