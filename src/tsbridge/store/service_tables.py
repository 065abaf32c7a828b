"""Tables of the service itself: keys, sessions, named values, its processes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Table,
    Text,
)

from tsbridge.store.columns import Instant, Json, metadata

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),  # the 8 characters between tsb_ and the secret
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("last_used_at", Instant),
)

sessions = Table(
    "sessions",  # people who are signed in to the console; each ends with the key it was begun with
    metadata,
    Column("hash", Text, primary_key=True),  # SHA-256 of what the cookie holds
    Column("key_id", Text, nullable=False),
    Column("mark", Text, nullable=False),  # which key of that id: of ADMIN_KEY a hash, for it may be changed; else empty
    Column("began_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False),  # when somebody last looked or did something, to the minute
    Column("name", Text),  # of who has no key here: as the identity provider calls them …
    Column("role", Text),  # … and what they may do
)
Index("sessions_by_end", sessions.c.ends_at)

kept = Table(
    "kept",
    metadata,
    Column("name", Text, primary_key=True),  # writeback_mode, installation_id, pepper …
    Column("value", Json, nullable=False),
)
workers = Table(
    "workers",  # processes that work beside others: a count that stands still says that one is gone
    metadata,
    Column("name", Text, primary_key=True),  # as it stands in claims
    Column("beats", BigInteger, nullable=False),
)
