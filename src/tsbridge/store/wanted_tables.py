"""Tables of what is to be asked of vendors: facts of tickets, recordings of calls."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    false,
)

from tsbridge.store.columns import Instant, PrivateBytes, metadata

facts_wanted = Table(
    "facts_wanted",
    metadata,
    Column("ticket", Text, primary_key=True),
    Column("since", Instant, nullable=False),  # when it was judged without them
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Instant, nullable=False),
    Column("rang_at", Instant),  # when it rang last and its audits were not read since; null: only background facts lack
    Column("alone", Boolean, nullable=False, server_default=false()),  # the export of ticket events does not tell all of it
    Column("quiet_before", Instant),  # what happened up to then is brought in quietly (core.quiet); null: it is news
)
Index("facts_wanted_by_due", facts_wanted.c.alone, facts_wanted.c.due_at, facts_wanted.c.ticket)
_RANG = facts_wanted.c.rang_at.is_not(None)
Index("facts_wanted_rang", facts_wanted.c.alone, facts_wanted.c.rang_at, facts_wanted.c.ticket, sqlite_where=_RANG, postgresql_where=_RANG)

users_deleted = Table(
    "users_deleted",  # Zendesk users who were deleted: asked about until they are deleted for good, or there again
    metadata,
    Column("user", Text, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
)

recordings_wanted = Table(
    "recordings_wanted",
    metadata,
    Column("call", Text, primary_key=True),  # as Talkdesk's recordings know it
    Column("dedupe_key", Text, nullable=False),
    Column("body", PrivateBytes("recordings_wanted.body"), nullable=False),  # what tells of the message, once a recording proves it
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Instant, nullable=False),
)
