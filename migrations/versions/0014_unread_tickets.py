"""Tickets that rang and were not read yet; which audits were heard"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("facts_wanted", sa.Column("rang_at", sa.BigInteger(), nullable=True))
    op.add_column("facts_wanted", sa.Column("alone", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE facts_wanted SET rang_at = since")  # which of them were read was not kept
    op.create_index("facts_wanted_by_due", "facts_wanted", ["due_at"])
    op.add_column("moments", sa.Column("vendor_order", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("moments", "vendor_order")
    op.drop_index("facts_wanted_by_due", "facts_wanted")
    op.drop_column("facts_wanted", "alone")
    op.drop_column("facts_wanted", "rang_at")
