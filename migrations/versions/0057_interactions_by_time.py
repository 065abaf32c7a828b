"""Interactions are found by their time, whatever their source

Beginning with the source the index was good enough for PostgreSQL to look one interaction up by, as long as it knew nothing of the table:
it then read through all of a source for each, until it first looked the table through.
"""

from __future__ import annotations

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("interactions_by_opened", "interactions")
    op.create_index("interactions_by_opened", "interactions", ["opened_at", "source"])


def downgrade() -> None:
    op.drop_index("interactions_by_opened", "interactions")
    op.create_index("interactions_by_opened", "interactions", ["source", "opened_at"])
