"""Tables of cases and of how far each was judged."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    and_,
    literal_column,
)

from tsbridge.store.columns import Instant, Json, PrivateJson, metadata

cases = Table(
    "cases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),  # open | resolved
    Column("severity", Integer),
    Column("category", Text),
    Column("queue", Text),
    Column("assignee", Text),  # who has it: a Zendesk user's id, or the word a supervisor named somebody by
    Column("agent", Text),  # their key in the roster, where the story tells it
    Column("assigned_because", Text),
    Column("acknowledged", Boolean, nullable=False, default=False),
    Column("acknowledged_at", Instant),
    Column("acknowledged_by", Text),
    Column("acknowledged_way", Text),  # api | link | console | assignment | reply | status
    Column("opened_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("due_at", Instant),  # the next instant at which time alone changes something
    Column("tags", Json, nullable=False),
    Column("state", PrivateJson("cases.state"), nullable=False),  # core.casestate.CaseState after the newest moment
    Column("judged_to", Text),  # order key of the newest judged moment
    Column("revision", Integer, nullable=False, default=0),
    Column("words_gone_at", Instant),  # since when none of what people said is kept; null again as soon as something is judged
)
AT_REST: Final = and_(cases.c.status == literal_column("'resolved'"), cases.c.words_gone_at.is_(None))
Index("cases_at_rest", cases.c.last_at, cases.c.id, sqlite_where=AT_REST, postgresql_where=AT_REST)
Index("cases_due", cases.c.due_at)
Index("cases_by_opened", cases.c.opened_at, cases.c.id)
Index("cases_by_queue", cases.c.queue, cases.c.opened_at)

checkpoints = Table(
    "checkpoints",  # states of a case now and then, to go back to when something comes late
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("place", Text, primary_key=True),  # the state's `judged_to`
    Column("state", PrivateJson("checkpoints.state"), nullable=False),
)
