"""The table of escalations' steps."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    and_,
    true,
)

from tsbridge.store.columns import Instant, metadata

escalations = Table(
    "escalations",
    metadata,
    Column("id", Text, primary_key=True),  # esc_<hash of case, policy, armed_at, step>
    Column("case_id", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("step", Integer, nullable=False),  # 1 is the first
    Column("armed_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("status", Text, nullable=False),  # armed | paused | fired | passed | acknowledged | stopped
    Column("version", Integer, nullable=False, server_default="0"),  # the rulebook whose policy it is: the one that armed it; 0: not known
    Column("ended_at", Instant),  # when it fired, was passed over, was acknowledged or stopped
    Column("source", Text),  # whose moment armed it …
    Column("interaction", Text),
    Column("severity", Integer),  # … and what stands for that interaction, as the case was last judged
    Column("category", Text),
    Column("queue", Text),
    Column("open", Boolean, nullable=False, server_default=true()),
    Column("taken_at", Instant),  # since when somebody has it in hand, and who
    Column("taken_by", Text),
)
Index("escalations_by_due", escalations.c.due_at, escalations.c.id)
Index("escalations_by_status", escalations.c.status, escalations.c.due_at, escalations.c.id)
_NOBODY_HAS_IT = and_(escalations.c.open.is_(True), escalations.c.taken_at.is_(None))
Index("escalations_of_nobody", escalations.c.due_at, escalations.c.id, sqlite_where=_NOBODY_HAS_IT, postgresql_where=_NOBODY_HAS_IT)
Index("escalations_by_case", escalations.c.case_id)
Index("escalations_by_armed", escalations.c.armed_at)
