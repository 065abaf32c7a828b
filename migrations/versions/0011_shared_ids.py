"""Ids that stand for too many people; merges are named apart, they may join as many as agents like"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

handles = sa.table("handles", *(sa.column(name) for name in ("kind", "value", "source", "interaction", "role")))


def upgrade() -> None:
    op.create_table(
        "shared_ids",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value"),
    )
    # Tickets named other tickets by merges alone; the few that follow another are better joined than parted.
    named = (handles.c.source == "zendesk", handles.c.role == "name", handles.c.value != handles.c.interaction)
    op.execute(handles.update().where(*named, handles.c.kind == "ticket").values(kind="merge"))


def downgrade() -> None:
    op.execute(handles.update().where(handles.c.kind == "merge").values(kind="ticket"))
    op.drop_table("shared_ids")
