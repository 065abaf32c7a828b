"""Cases at rest whose words are still kept are found by when they were heard of last"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

AT_REST = "status = 'resolved' AND words_gone_at IS NULL"


def upgrade() -> None:
    op.add_column("cases", sa.Column("words_gone_at", sa.BigInteger()))
    op.create_index("cases_at_rest", "cases", ["last_at", "id"], sqlite_where=sa.text(AT_REST), postgresql_where=sa.text(AT_REST))


def downgrade() -> None:
    op.drop_index("cases_at_rest", "cases")
    op.drop_column("cases", "words_gone_at")
