"""Tables of what was looked at later: replays over history, the shadow beside live work, drift of tickets."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table, Text, UniqueConstraint

from tsbridge.store.columns import Instant, Json, PrivateJson, metadata

replays = Table(
    "replays",
    metadata,
    Column("id", Text, primary_key=True),  # rep_…
    Column("status", Text, nullable=False),  # queued | running | done | cancelled | failed
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("since", Instant),
    Column("until", Instant, nullable=False),
    Column("document", Json, nullable=False),
    Column("hash", Text, nullable=False),
    Column("as_recorded", Boolean, nullable=False, default=False),
    Column("done", Integer, nullable=False, default=0),  # cases
    Column("total", Integer, nullable=False),
    Column("cursor", Text, nullable=False, default=""),  # the last case that is done
    Column("summary", Json),
    Column("reason", Text),
    Column("claimed_by", Text),
    Column("lease_until", Instant),
    Column("finished_at", Instant),
    Column("rejudge", Json),  # store.rejudges.Asked where it is about open cases and the live rulebook; null: a replay
    CheckConstraint("status IN ('queued','running','done','cancelled','failed')", name="replays_status"),
)

replay_moves = Table(
    "replay_moves",
    metadata,
    Column("replay_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("case_id", Text, nullable=False),
    Column("ticket", Text),
    Column("decision_id", Text),
    Column("at", Instant, nullable=False),
    Column("before", Json, nullable=False),  # core.replay.Stand
    Column("after", Json, nullable=False),
    Column("mismatch", Boolean, nullable=False, default=False),  # the same rulebook should have decided the same
)

shadow_decisions = Table(
    "shadow_decisions",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # the live decision's
    Column("case_id", Text, nullable=False),
    Column("ticket", Text),
    Column("decision_id", Text),
    Column("at", Instant, nullable=False),
    Column("before", Json, nullable=False),  # live, as core.replay.Stand
    Column("after", Json, nullable=False),  # the shadow
    Column("changed", Boolean, nullable=False),
)
Index("shadow_decisions_by_case", shadow_decisions.c.case_id, shadow_decisions.c.seq)

drift = Table(
    "drift",
    metadata,
    Column("id", Text, primary_key=True),  # drf_…
    Column("ticket", Text, nullable=False),
    Column("what", Text, nullable=False),  # tag:<tag>, or the name of a single value
    Column("case_id", Text, nullable=False),
    Column("wanted", PrivateJson("drift.wanted")),
    Column("actual", PrivateJson("drift.actual")),
    Column("cause", Text, nullable=False),  # person | trigger | lost | closed
    Column("policy", Text, nullable=False),  # accept | ask | heal
    Column("by", Text),
    Column("since", Instant),
    Column("found_at", Instant, nullable=False),
    UniqueConstraint("ticket", "what"),
)
Index("drift_by_found", drift.c.found_at, drift.c.id)
