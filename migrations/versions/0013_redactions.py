"""Words that are gone at the vendor are gone here; decisions that saw them are held"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("moments", sa.Column("redacted_at", sa.BigInteger(), nullable=True))
    op.add_column("inbox", sa.Column("redacted_at", sa.BigInteger(), nullable=True))
    op.add_column("decisions", sa.Column("held", sa.Text(), nullable=True))
    redacted = sa.text("redacted_at IS NOT NULL")
    op.create_index("moments_redacted", "moments", ["source", "interaction"], sqlite_where=redacted, postgresql_where=redacted)


def downgrade() -> None:
    op.drop_index("moments_redacted", "moments")
    op.drop_column("decisions", "held")
    op.drop_column("inbox", "redacted_at")
    op.drop_column("moments", "redacted_at")
