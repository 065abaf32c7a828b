"""Deaths of workers are counted apart from failures, and deliveries that are read in a process of their own are found at once"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

WAITS = sa.text("status = 'pending' AND reason = 'read_alone'")


def upgrade() -> None:
    op.add_column("inbox", sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("inbox_read_alone", "inbox", ["due_at", "seq"], unique=False, sqlite_where=WAITS, postgresql_where=WAITS)


def downgrade() -> None:
    op.drop_index("inbox_read_alone", table_name="inbox")
    op.drop_column("inbox", "deaths")
