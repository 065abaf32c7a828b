"""Changes are found by who, what, whereupon and when, however many there are.

Revision ID: 0048
Revises: 0047
"""

from __future__ import annotations

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

COLUMNS = ("actor", "action", "subject", "at")


def upgrade() -> None:
    for name in COLUMNS:
        op.create_index(f"changes_by_{name}", "changes", [name, "seq"])


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_index(f"changes_by_{name}", "changes")
