"""What a draft is based on, and what a publish touched

A draft written before counts as based on the version that was live when it was last edited.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "change_subjects",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("subject", "seq"),
    )
    with op.batch_alter_table("draft") as table:
        table.add_column(sa.Column("based_on", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE draft SET based_on = COALESCE("
        "(SELECT MAX(version) FROM rulebooks WHERE rulebooks.published_at <= draft.updated_at),"
        " (SELECT MAX(version) FROM rulebooks))"
    )
    with op.batch_alter_table("draft") as table:
        table.alter_column("based_on", existing_type=sa.Integer(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("draft") as table:
        table.drop_column("based_on")
    op.drop_table("change_subjects")
