"""Who was seen with whom, and when each person was in touch, without looking through all their contacts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# How well a handle identifies a person; what is not named is a phone.
STRENGTH = {"zendesk_user": 3, "email": 2, "talkdesk_contact": 1}

handles = sa.table("handles", *(sa.column(name) for name in ("kind", "value", "source", "interaction", "role", "opened_at")))
interactions = sa.table("interactions", *(sa.column(name) for name in ("source", "id", "opened_at")))
acquaintances = sa.table("acquaintances", *(sa.column(name) for name in ("kind", "value", "other_kind", "other_value")))


def upgrade() -> None:
    op.create_table(
        "acquaintances",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("other_kind", sa.Text(), nullable=False),
        sa.Column("other_value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "other_kind", "other_value"),
    )
    op.create_index("acquaintances_by_other", "acquaintances", ["other_kind", "other_value"], unique=False)
    op.execute(acquaintances.insert().from_select(["kind", "value", "other_kind", "other_value"], _seen_together()))
    op.add_column("handles", sa.Column("opened_at", sa.BigInteger(), nullable=True))
    of_it = sa.and_(interactions.c.source == handles.c.source, interactions.c.id == handles.c.interaction)
    opened = sa.select(interactions.c.opened_at).where(of_it).scalar_subquery()
    op.execute(handles.update().where(handles.c.role == "person").values(opened_at=opened))
    op.create_index("handles_by_opened", "handles", ["kind", "value", "opened_at"], unique=False)


def downgrade() -> None:
    op.drop_index("handles_by_opened", table_name="handles")
    op.drop_column("handles", "opened_at")
    op.drop_index("acquaintances_by_other", table_name="acquaintances")
    op.drop_table("acquaintances")


def _seen_together() -> sa.CompoundSelect:
    """Of the stronger handles that a person's handle was seen with, the first and the last of each kind: two are doubt enough."""
    weak, strong = handles.alias("weak"), handles.alias("strong")
    together = sa.and_(strong.c.source == weak.c.source, strong.c.interaction == weak.c.interaction)
    rank = [sa.case(STRENGTH, value=side.c.kind, else_=0) for side in (weak, strong)]
    pick = [
        sa.select(weak.c.kind, weak.c.value, strong.c.kind.label("other_kind"), end(strong.c.value).label("other_value"))
        .select_from(weak.join(strong, together))
        .where(weak.c.role == "person", strong.c.role == "person", rank[0] < rank[1])
        .group_by(weak.c.kind, weak.c.value, strong.c.kind)
        for end in (sa.func.min, sa.func.max)
    ]
    return sa.union(*pick)
