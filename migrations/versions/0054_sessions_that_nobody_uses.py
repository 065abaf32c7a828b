"""Sessions end when nobody uses them, and may be of people whom an identity provider knows"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("delete from sessions")  # whoever is signed in signs in once more
    with op.batch_alter_table("sessions") as table:
        table.add_column(sa.Column("used_at", sa.BigInteger(), nullable=False))
        table.add_column(sa.Column("name", sa.Text()))
        table.add_column(sa.Column("role", sa.Text()))


def downgrade() -> None:
    with op.batch_alter_table("sessions") as table:
        table.drop_column("role")
        table.drop_column("name")
        table.drop_column("used_at")
