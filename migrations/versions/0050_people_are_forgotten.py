"""People are forgotten: erasures, and by what whom they were about is known again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

RUNNING = "status = 'running'"
STAYS = "gone_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("person", sa.Text()),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("cases", sa.Text(), nullable=False),
        sa.Column("left", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("certificate", sa.Text()),
        sa.Column("rewritten_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("status IN ('running','done')", name="erasures_status"),
    )
    op.create_index("erasures_by_asked", "erasures", ["asked_at", "id"])
    op.create_index("erasures_running", "erasures", ["asked_at"], sqlite_where=sa.text(RUNNING), postgresql_where=sa.text(RUNNING))
    op.create_table(
        "erased_people",
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("erasure", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark"),
    )
    op.create_table(
        "erased_interactions",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("erasure", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("gone_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_index("erased_interactions_due", "erased_interactions", ["at"], sqlite_where=sa.text(STAYS), postgresql_where=sa.text(STAYS))


def downgrade() -> None:
    op.drop_table("erased_interactions")
    op.drop_table("erased_people")
    op.drop_table("erasures")
