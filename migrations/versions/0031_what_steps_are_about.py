"""Steps of escalations say what they are about: whose moment armed them, severity, category, queue, who has it in hand"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

NEW = (
    *(("source", sa.Text()), ("interaction", sa.Text()), ("severity", sa.Integer()), ("category", sa.Text()), ("queue", sa.Text())),
    *(("taken_at", sa.BigInteger()), ("taken_by", sa.Text())),
)


def upgrade() -> None:
    for name, kind in NEW:
        op.add_column("escalations", sa.Column(name, kind))
    op.add_column("escalations", sa.Column("open", sa.Boolean(), nullable=False, server_default=sa.true()))
    # as the whole case stands; what armed a step is known when its case is judged next
    told = {"severity": "severity", "category": "category", "queue": "queue", "taken_at": "acknowledged_at", "taken_by": "acknowledged_by"}
    for name, of in told.items():
        op.execute(f"UPDATE escalations SET {name} = (SELECT {of} FROM cases WHERE cases.id = escalations.case_id)")  # noqa: S608  # ours
    op.execute("UPDATE escalations SET open = false WHERE case_id IN (SELECT id FROM cases WHERE status = 'resolved')")
    op.create_index("escalations_by_status", "escalations", ["status", "due_at", "id"])


def downgrade() -> None:
    op.drop_index("escalations_by_status", "escalations")
    with op.batch_alter_table("escalations") as table:
        for name in ("open", *(name for name, _ in NEW)):
            table.drop_column(name)
