"""The roster's versions, and the overrides beside them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rosters",
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
    )
    op.create_table(
        "overrides",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("instead_of", sa.Text()),
        sa.Column("rotation", sa.Text()),
        sa.Column("queue", sa.Text()),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.Column("removed_by", sa.Text()),
        sa.CheckConstraint("kind IN ('oncall','shift','off')", name="overrides_kind"),
        sa.CheckConstraint("start_at < end_at", name="overrides_lasts"),
    )
    op.create_index("overrides_by_end", "overrides", ["end_at"])
    op.create_index("overrides_by_start", "overrides", ["start_at", "id"])


def downgrade() -> None:
    op.drop_table("overrides")
    op.drop_table("rosters")
