"""What nobody has in hand and who was told what are found without looking through everything"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

NOBODY_HAS_IT = {
    "sqlite_where": sa.text("open IS 1 AND taken_at IS NULL"),
    "postgresql_where": sa.text("open IS true AND taken_at IS NULL"),
}


def upgrade() -> None:
    op.create_index("escalations_of_nobody", "escalations", ["due_at", "id"], **NOBODY_HAS_IT)
    op.create_index("notifications_by_agent", "notifications", ["agent", "id"])


def downgrade() -> None:
    op.drop_index("notifications_by_agent", "notifications")
    op.drop_index("escalations_of_nobody", "escalations")
