"""Deliveries that still have their bytes are found by when they were settled"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

HAS_BODY = "status NOT IN ('pending', 'quarantined', 'dead') AND redacted_at IS NULL"


def upgrade() -> None:
    op.create_index("inbox_with_body", "inbox", ["settled_at", "seq"], sqlite_where=sa.text(HAS_BODY), postgresql_where=sa.text(HAS_BODY))


def downgrade() -> None:
    op.drop_index("inbox_with_body", "inbox")
