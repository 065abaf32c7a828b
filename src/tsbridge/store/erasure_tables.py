"""Tables of people who are forgotten: what was asked and how far it is, and by what they are known again when something comes late."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Table, Text

from tsbridge.store.columns import Instant, Json, PrivateJson, metadata

erasures = Table(
    "erasures",
    metadata,
    Column("id", Text, primary_key=True),  # era_…
    Column("asked_at", Instant, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("status", Text, nullable=False),  # running | done
    Column("person", PrivateJson("erasures.person")),  # what they are looked for by (store.erasing.Person); null as soon as that is done
    Column("place", Json, nullable=False),  # how far the rest was searched: [name, behind which row]
    Column("counts", Json, nullable=False),  # what went, by table
    Column("cases", Json, nullable=False),  # ids of their cases
    Column("left", Json, nullable=False),  # where they are named and what is proven as it was published: [[table, version], …]
    Column("finished_at", Instant),
    Column("certificate", Json),
    Column("rewritten_at", Instant),  # since when nothing of it is in free places of the file
    CheckConstraint("status IN ('running','done')", name="erasures_status"),
)
Index("erasures_by_asked", erasures.c.asked_at, erasures.c.id)
_RUNNING = erasures.c.status == "running"
Index("erasures_running", erasures.c.asked_at, sqlite_where=_RUNNING, postgresql_where=_RUNNING)

erased_people = Table(
    "erased_people",
    metadata,
    Column("mark", Text, primary_key=True),  # keyed hash of a handle, under a key that is not in the database
    Column("erasure", Text, nullable=False),
    Column("at", Instant, nullable=False),  # what happened up to then is forgotten
)

erased_interactions = Table(
    "erased_interactions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("erasure", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("words", Json, nullable=False),  # keyed hashes of what was said in it: said again it is known
    Column("gone_at", Instant),  # null: still to be gone through
)
_STAYS = erased_interactions.c.gone_at.is_(None)
Index("erased_interactions_due", erased_interactions.c.at, sqlite_where=_STAYS, postgresql_where=_STAYS)
