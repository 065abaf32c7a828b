"""Tables of what was told: moments and the words of people in them."""

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

from tsbridge.store.columns import Instant, Private, PrivateJson, metadata

moments = Table(
    "moments",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("event_id", Text, nullable=False),  # the first delivery that told it; audits, facts or desk where none did
    Column("source", Text, nullable=False),
    Column("interaction", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", PrivateJson("moments.body"), nullable=False),  # core.moments.to_json
    Column("tells_subject", Boolean),  # whether a subject is among its texts; null: kept before this was
    Column("rulebook_version", Integer, nullable=False),  # live when it was first judged; judged with it until the case is judged anew
    Column("quiet_until", Instant),  # core.quiet: up to then it tells nobody anew and no step fires by it
    Column("impression", Boolean, nullable=False, server_default=false()),  # a delivery's first impression of a ticket
    Column("replaced_at", Instant),  # when the ticket's audits took its place: no longer part of the story
    Column("withdrawn_at", Instant),  # when a person took it out of the story: it stays on record and nothing brings it back
    Column("withdrawn_by", Text),  # name of the key
    Column("withdrawn_because", Private("moments.withdrawn_because")),
    Column("redacted_at", Instant),  # since when `body` lacks words that it had; the digest is still that of the whole
    Column("vendor_order", Text),  # the vendor's own place: of an audit's moment its id first; null where there is none
    Column("since", Integer, nullable=False, server_default="0"),  # with which revision of its interaction it came into the story …
    Column("until", Integer),  # … and with which one it left it
)
Index("moments_by_interaction", moments.c.source, moments.c.interaction, moments.c.at)
Index("moments_by_event", moments.c.event_id)
_REDACTED = moments.c.redacted_at.is_not(None)
Index("moments_redacted", moments.c.source, moments.c.interaction, sqlite_where=_REDACTED, postgresql_where=_REDACTED)

texts = Table(
    "texts",  # core.words.Said of interactions with many moments, behind an earlier one of them: judging goes on from there. The first
    # row of one says all, those after it what came behind it: a long text written anew each time would leave its earlier forms lying
    metadata,
    Column("source", Text, primary_key=True),
    Column("interaction", Text, primary_key=True),
    Column("at", Instant, nullable=False),  # of the moment with text that it is behind
    Column("place", Text, nullable=False),  # that moment's place in the story
    Column("revision", Integer, primary_key=True, autoincrement=False),  # the interaction's, when this was kept
    Column("count", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", PrivateJson("texts.body"), nullable=False),
)
