"""Tables of the people of the roster: its versions, overrides and feeds, what their links are signed with, which ways reach them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text

from tsbridge.store.columns import Instant, Json, Private, PrivateJson, metadata
from tsbridge.store.version_tables import versions_of

rosters = versions_of("rosters", PrivateJson("rosters.document"))

overrides = Table(
    "overrides",  # small changes of the roster for a while; never edited, only removed
    metadata,
    Column("id", Text, primary_key=True),  # ovr_…
    Column("kind", Text, nullable=False),  # oncall | shift | off
    Column("agent", Text, nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("why", Private("overrides.why"), nullable=False),
    Column("instead_of", Text),
    Column("rotation", Text),
    Column("queue", Text),
    Column("made_at", Instant, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("removed_at", Instant),
    Column("removed_by", Text),
    CheckConstraint("kind IN ('oncall','shift','off')", name="overrides_kind"),
    CheckConstraint("start_at < end_at", name="overrides_lasts"),
)
Index("overrides_by_end", overrides.c.end_at)
Index("overrides_by_start", overrides.c.start_at, overrides.c.id)

feed_reads = Table(
    "feed_reads",  # what a feed said, each time that it said something else: the past is answered by what was known then
    metadata,
    Column("key", Text, primary_key=True),
    Column("learnt_at", Instant, primary_key=True),
    Column("until", Instant, nullable=False),  # up to when it was read
    Column("spans", Json, nullable=False),  # [[start, end, agent], …] in order; the agent is empty in a feed of time off
)

feed_looks = Table(
    "feed_looks",  # how the last look at each feed went
    metadata,
    Column("key", Text, primary_key=True),
    Column("looked_at", Instant, nullable=False),
    Column("read_at", Instant),  # when it could be read last; null: never yet
    Column("failing_since", Instant),
    Column("failure", Text),  # why it cannot be read, with the line; never what the line says
    Column("warnings", Json, nullable=False),
    Column("etag", Text),  # the sender's own mark of what was read
)

link_keys = Table(
    "link_keys",  # what the links to people are signed with
    metadata,
    Column("period", Integer, primary_key=True, autoincrement=False),  # thirty days each, counted from 1970
    Column("secret", Private("link_keys.secret"), nullable=False),  # hex
    Column("made_at", Instant, nullable=False),
)

feed_links = Table(
    "feed_links",  # what the links to feeds of duties are signed with: one that is good for each person or queue
    metadata,
    Column("kind", Text, primary_key=True),  # agent | queue
    Column("key", Text, primary_key=True),
    Column("secret", Private("feed_links.secret"), nullable=False),  # hex
    Column("made_at", Instant, nullable=False),
    Column("made_by", Text, nullable=False),
)

way_proofs = Table(
    "way_proofs",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("way", Text, primary_key=True),
    Column("proved_at", Instant, nullable=False),  # the newest press of a button in a message that came by this way
)
