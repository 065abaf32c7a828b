"""Tables of who works on what: the work that cases ask of people, and each time that the desk gave some of it to somebody."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from tsbridge.store.columns import Instant, Json, metadata

workload = Table(
    "workload",  # core.workload.Piece of every open case, as it was last judged
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("thread", Text, primary_key=True),
    Column("ticket", Text, nullable=False),
    Column("queue", Text),
    Column("severity", Integer),
    Column("category", Text),
    Column("channel", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("holder", Text),  # a Zendesk user's id; null: nobody has it
    Column("agent", Text),  # their key in the roster where the desk gave it
    Column("waits", Boolean, nullable=False),  # to be given to somebody
)
_WAITS = workload.c.waits.is_(True)
Index("workload_waiting", workload.c.queue, workload.c.since, sqlite_where=_WAITS, postgresql_where=_WAITS)
Index("workload_by_holder", workload.c.holder)

assignments = Table(
    "assignments",
    metadata,
    Column("id", Text, primary_key=True),  # asg_…
    Column("at", Instant, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("zendesk_user_id", Text, nullable=False),
    Column("instead_of", Text),  # who had it before, where it was offered on
    Column("severity", Integer),
    Column("category", Text),
    Column("channel", Text, nullable=False),
    Column("candidates", Json, nullable=False),  # everybody, ranked: agent, score, chosen, because
    Column("moment", Text, nullable=False),  # digest of the moment that tells it
    Column("roster_version", Integer, nullable=False),
    Column("rulebook_version", Integer, nullable=False),
)
Index("assignments_by_agent", assignments.c.agent, assignments.c.at)
Index("assignments_by_queue", assignments.c.queue, assignments.c.agent, assignments.c.at)
Index("assignments_by_thread", assignments.c.thread, assignments.c.at)
Index("assignments_by_case", assignments.c.case_id, assignments.c.at)
Index("assignments_by_at", assignments.c.at)
