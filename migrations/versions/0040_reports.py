"""Answers of reports are kept; what they count is found by its time"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

TIMES = (
    ("interactions_by_opened", "interactions", ["source", "opened_at"]),
    ("escalations_by_armed", "escalations", ["armed_at"]),
    ("assignments_by_at", "assignments", ["at"]),
    ("intents_by_at", "intents", ["at"]),
    ("messages_by_sent", "messages", ["sent_at"]),
)


def upgrade() -> None:
    op.create_table(
        "report_answers",
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("question", "as_of"),
    )
    op.create_index("report_answers_by_as_of", "report_answers", ["is_over", "as_of"])
    for name, table, columns in TIMES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in reversed(TIMES):
        op.drop_index(name, table)
    op.drop_index("report_answers_by_as_of", "report_answers")
    op.drop_table("report_answers")
