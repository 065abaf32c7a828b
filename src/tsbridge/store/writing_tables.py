"""Tables of writing back: wishes, and the calls that were meant."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Column,
    Index,
    Integer,
    Table,
    Text,
    literal_column,
)

from tsbridge.store.columns import Instant, Json, PrivateJson, metadata, one_of

desired = Table(
    "desired",
    metadata,
    Column("ticket", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),  # wb_…
    Column("case_id", Text, nullable=False),
    Column("wish", PrivateJson("desired.wish"), nullable=False),  # core.helpdesk.Wish
    Column("version", Integer, nullable=False, server_default="0"),  # the rulebook whose groups the wish names; 0: there was none
    Column("revision", Integer, nullable=False, default=1),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("severity", Integer),
    Column("attempts", Integer, nullable=False, default=0),
    Column("asked_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("claimed_by", Text),
    Column("lease_until", Instant),
    Column("ours", Json, nullable=False),  # core.helpdesk.Ours: what we have put on the ticket
    Column("plan", PrivateJson("desired.plan")),  # the last planned edit
    Column("confirmed_at", Instant),
    one_of("status", "waiting", "sending", "confirmed", "unneeded", "parked", "refused", "dry_run", name="desired_status"),
)
# Written out, not bound: only then SQLite finds the indexes of the open rows, and a round does not read every ticket ever written to.
WISH_IS_OPEN: Final = desired.c.status.in_((literal_column("'waiting'"), literal_column("'sending'")))
for _name, _columns in (
    ("desired_open", (desired.c.due_at,)),
    ("desired_oldest", (desired.c.asked_at,)),
    ("desired_in_turn", (desired.c.severity, desired.c.asked_at, desired.c.ticket)),
    ("desired_of_version", (desired.c.version,)),
):
    Index(_name, *_columns, sqlite_where=WISH_IS_OPEN, postgresql_where=WISH_IS_OPEN)
Index("desired_by_case", desired.c.case_id)
Index("desired_by_asked", desired.c.asked_at, desired.c.id)

intents = Table(
    "intents",
    metadata,
    Column("id", Text, primary_key=True),  # int_…, also the marker in the update's metadata
    Column("ticket", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("plan", PrivateJson("intents.plan"), nullable=False),
    Column("outcome", Text),  # NULL while on its way | done | conflict | unknown | lost | refused | later
    Column("settled_at", Instant),
)
Index("intents_by_ticket", intents.c.ticket, intents.c.at)
Index("intents_by_at", intents.c.at)
