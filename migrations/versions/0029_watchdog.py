"""What the watchdog found late or missing"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watch_findings",
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("about", sa.Text(), primary_key=True),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger()),
    )
    op.create_index("watch_findings_by_case", "watch_findings", ["case_id"])


def downgrade() -> None:
    op.drop_table("watch_findings")
