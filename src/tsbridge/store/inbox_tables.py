"""Tables of deliveries: the inbox, what came when, how much of it in all."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
    literal_column,
    or_,
)

from tsbridge.store.columns import Instant, Json, PrivateBytes, Serial, metadata, one_of

BODY: Final = PrivateBytes("inbox.body")
inbox = Table(
    "inbox",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),  # evt_…
    Column("source", Text, nullable=False),  # zendesk | talkdesk
    Column("dedupe_key", Text, nullable=False),
    Column("polled", Boolean, nullable=False, default=False),  # found by ourselves (facts, reconciler), not delivered
    Column("received_at", Instant, nullable=False),
    Column("headers", Json, nullable=False),  # the few that prove or trace; never credentials
    Column("body", BODY, nullable=False),
    Column("status", Text, nullable=False),  # pending | applied | ignored | quarantined | dead
    Column("reason", Text),
    Column("event_type", Text),  # the vendor's own word, once read
    Column("duplicates", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),  # those that ended; one that is under way is counted by its claim
    Column("deaths", Integer, nullable=False, server_default="0"),  # those of the attempts whose worker died: not the delivery's fault
    Column("due_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("warnings", Json),  # what in it could not be taken as it was said: codes (store.warnings); null for nothing
    Column("redacted_at", Instant),  # since when the body is empty: its ticket lost words at the vendor, or it was kept long enough
    Column("rang_for", Text),  # the ticket it rang for, once settled; null where it told all there is
    Column(
        "large", Boolean, nullable=False, server_default=false()
    ),  # kept: with a length in an index, SQLite would copy pages at each change
    Column("covered_by", Text),  # the newest delivery that rang for the read of that ticket, perhaps itself; null until it was read
    UniqueConstraint("source", "dedupe_key"),
    one_of("status", "pending", "applied", "ignored", "quarantined", "dead", name="inbox_status"),
)
inbox_claims = Table(
    "inbox_claims",  # who has which pending delivery: apart, since PostgreSQL writes a row and its place in each index anew to change it
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("claimed_by", Text, nullable=False),
    Column("lease_until", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),  # this one included
    Column("deaths", Integer, nullable=False),
)
received = Table(
    "received",  # how many deliveries were ever kept, counted as they come, whatever became of them
    metadata,
    Column("source", Text, primary_key=True),
    Column("lane", Integer, primary_key=True),  # connections that keep at the same time count in rows of their own
    Column("count", BigInteger, nullable=False),
)
counted = Table(
    "counted",  # how many there are of what (store.counted); triggers of the tables themselves add to it
    metadata,
    Column("what", Text, primary_key=True),  # delivery | decision | case | step | wish | telling | assignment
    Column("kind", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("lane", Integer, primary_key=True),
    Column("count", BigInteger),  # never null: were that forbidden, SQLite would copy pages in case a row that a trigger counts fails
)
READ_ALONE: Final = "read_alone"
"""The reason of a pending delivery that is read in a process of its own: its workers died, or it took too long to read."""
LARGE: Final = 64 * 1024  # bytes; larger bodies are claimed in a lane of their own
# Written out, not bound: only then SQLite finds the indexes of what waits, of which there is one for each lane.
_PENDING: Final = inbox.c.status == literal_column("'pending'")
_AMONG_OTHERS: Final = or_(inbox.c.reason.is_(None), inbox.c.reason != literal_column(f"'{READ_ALONE}'"))
WAITS: Final = and_(_PENDING, _AMONG_OTHERS, inbox.c.large.is_(False))
WAITS_LARGE: Final = and_(_PENDING, _AMONG_OTHERS, inbox.c.large.is_(True))
WAITS_ALONE: Final = and_(_PENDING, inbox.c.reason == literal_column(f"'{READ_ALONE}'"))
_SETTLED: Final = [inbox.c.status != literal_column(f"'{status}'") for status in ("pending", "quarantined", "dead")]
# Said by what is not: SQLite would look up each status of a list in another index, and sort what it finds. And one by one: of a list of
# three it would make a table for each row that changes.
HAS_BODY: Final = and_(*_SETTLED, inbox.c.redacted_at.is_(None))
_IN_TURN: Final = (inbox.c.source, inbox.c.due_at, inbox.c.seq)
Index("inbox_pending", *_IN_TURN, sqlite_where=WAITS, postgresql_where=WAITS)
Index("inbox_pending_large", *_IN_TURN, sqlite_where=WAITS_LARGE, postgresql_where=WAITS_LARGE)
Index("inbox_read_alone", inbox.c.due_at, inbox.c.seq, sqlite_where=WAITS_ALONE, postgresql_where=WAITS_ALONE)
Index("inbox_with_body", inbox.c.settled_at, inbox.c.seq, sqlite_where=HAS_BODY, postgresql_where=HAS_BODY)
Index("inbox_by_status", inbox.c.status, inbox.c.seq)
Index(
    "inbox_by_ticket",
    inbox.c.rang_for,
    inbox.c.covered_by,
    sqlite_where=inbox.c.rang_for.is_not(None),
    postgresql_where=inbox.c.rang_for.is_not(None),
)
