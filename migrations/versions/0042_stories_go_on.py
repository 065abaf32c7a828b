"""Stories go on from where they are: texts and states that are kept, revisions of interactions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("moments", sa.Column("since", sa.Integer, nullable=False, server_default="0"))
    op.add_column("moments", sa.Column("until", sa.Integer))
    op.add_column("interactions", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "texts",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("interaction", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "checkpoints",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("checkpoints")
    op.drop_table("texts")
    op.drop_column("interactions", "revision")
    op.drop_column("moments", "until")
    op.drop_column("moments", "since")
