"""Tables of the audit: decisions, what is found by, the changes that people made, and the chain over both."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from tsbridge.store.columns import Instant, Json, Packed, PackedText, PrivateJson, Serial, metadata

chain = Table(
    "chain",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # 1, 2, 3 … without gaps
    Column("kind", Text, nullable=False),  # decision | change
    Column("id", Text, nullable=False, unique=True),
    Column("record", Packed, nullable=False),  # what is hashed; no personal data, commitments instead
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),  # the order of lists; drawn once, never used again
    Column("id", Text, nullable=False, unique=True),  # dec_…; by it its entry in the chain is found, once it is sealed
    Column("at", Instant, nullable=False),  # the vendor's time of the moment judged
    Column("recorded_at", Instant, nullable=False),
    Column("moment", Text, nullable=False),  # digest, or clock:<case>:<instant>
    Column("event_id", Text),
    Column("event", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("interaction", Text, nullable=False),
    Column("channel", Text),
    Column("rulebook_version", Integer, nullable=False),
    Column("mode", Text, nullable=False),  # live | shadow
    Column("severity", Integer),
    Column("queue", Text),
    Column("agent", Text),
    Column("outcome", Json, nullable=False),  # contract section 6 `outcome`
    Column("matched", Json, nullable=False),  # [[key, kind], …] in order
    Column("seen", PrivateJson("decisions.seen")),  # given, previous, standing: what it saw, to be judged again; erased with the person
    Column("held", PrivateJson("decisions.held")),  # of one that saw words which are gone: since when, its judgement, its reasons
    Column("salt", Text, nullable=False),
    Column("revises", Text),  # id of the decision about the same moment that this one replaces
    Column("superseded_by", Text),
    Column("retracted", Boolean, nullable=False, default=False),  # a revision: the moment no longer decides anything
    sqlite_autoincrement=True,
)
Index("decisions_by_case", decisions.c.case_id, decisions.c.number)
Index("decisions_by_interaction", decisions.c.source, decisions.c.interaction, decisions.c.number)
Index("decisions_by_moment", decisions.c.at, decisions.c.moment, decisions.c.number)  # by its time first: what is new stands at the end
Index("decisions_by_at", decisions.c.at, decisions.c.number)
Index("decisions_by_event", decisions.c.event_id)

unsealed = Table(
    "unsealed",  # records of decisions that have no place in the chain yet
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=False),  # the decision's
    Column("kind", Text, nullable=False),  # as in the chain
    Column("id", Text, nullable=False, unique=True),
    Column("record", PackedText, nullable=False),  # canonical JSON, byte for byte what will be hashed
    Column("mac", Text, nullable=False),  # store.sealkey: under a key that is not in the database
    Column("at", Instant, nullable=False),  # since when it waits
)

Index("decisions_by_version", decisions.c.rulebook_version, decisions.c.number)

decision_blocks = Table(
    "decision_blocks",  # decisions by blocks of their numbers that are summed up (store.facets)
    metadata,
    Column("block", Integer, primary_key=True, autoincrement=False),
    Column("first_at", Instant),  # the earliest and the latest `at`; null: there is none
    Column("last_at", Instant),
)

decision_facets = Table(
    "decision_facets",
    metadata,
    Column("facet", Text, primary_key=True),  # queue, tag …; of rules their kind
    Column("value", Text, primary_key=True),
    Column("block", Integer, primary_key=True, autoincrement=False),
    Column("bits", LargeBinary, nullable=False),  # which decisions of the block have it: bit 0 of the first byte is the first
)

decision_rules = Table(
    "decision_rules",
    metadata,
    Column("key", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
)

decision_tags = Table(
    "decision_tags",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
)

changes = Table(
    "changes",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # = chain.seq
    Column("id", Text, nullable=False, unique=True),  # chg_…
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),  # name of a key or of a person at the command line, or "system"
    Column("action", Text, nullable=False),  # rulebook.publish, case.acknowledge, writeback.mode …
    Column("subject", Text, nullable=False),
    Column("before", PrivateJson("changes.before")),
    Column("after", PrivateJson("changes.after")),
    Column("salt", Text, nullable=False),
)

for _name in ("actor", "action", "subject", "at"):
    Index(f"changes_by_{_name}", changes.c[_name], changes.c.seq)

change_subjects = Table(
    "change_subjects",  # what a change touched besides its subject: the rules of a publish
    metadata,
    Column("subject", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
)
