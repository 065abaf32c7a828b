"""What waits to be written or read is found in its order, however much waits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

OPEN = "status IN ('waiting', 'sending')"
RANG = "rang_at IS NOT NULL"


def upgrade() -> None:
    worst_first = ["severity", "asked_at", "ticket"]
    op.create_index("desired_in_turn", "desired", worst_first, sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN))
    op.create_index("desired_of_version", "desired", ["version"], sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN))
    op.drop_index("facts_wanted_by_due", "facts_wanted")
    op.create_index("facts_wanted_by_due", "facts_wanted", ["alone", "due_at", "ticket"])
    rang = ["alone", "rang_at", "ticket"]
    op.create_index("facts_wanted_rang", "facts_wanted", rang, sqlite_where=sa.text(RANG), postgresql_where=sa.text(RANG))


def downgrade() -> None:
    op.drop_index("facts_wanted_rang", "facts_wanted")
    op.drop_index("facts_wanted_by_due", "facts_wanted")
    op.create_index("facts_wanted_by_due", "facts_wanted", ["due_at"])
    op.drop_index("desired_of_version", "desired")
    op.drop_index("desired_in_turn", "desired")
