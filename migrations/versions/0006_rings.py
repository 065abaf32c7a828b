"""Which ticket a delivery rang for, and which ring its read goes by"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbox", sa.Column("rang_for", sa.Text(), nullable=True))
    op.add_column("inbox", sa.Column("covered_by", sa.Text(), nullable=True))
    rang = sa.text("rang_for IS NOT NULL")
    op.create_index("inbox_by_ticket", "inbox", ["rang_for", "covered_by"], sqlite_where=rang, postgresql_where=rang)


def downgrade() -> None:
    op.drop_index("inbox_by_ticket", "inbox")
    op.drop_column("inbox", "covered_by")
    op.drop_column("inbox", "rang_for")
