"""The tables of deliveries, stories and decisions; others stand in the `*_tables` beside. One truth for SQLite and PostgreSQL; the
migrations build exactly these.

Times are `Instant`: microseconds since 1970 UTC in a BIGINT, so that both databases compare and return them alike.
JSON columns hold canonical JSON text (`Json`), never the only home of something that is filtered by.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    false,
    literal_column,
    or_,
    true,
)

from tsbridge.core.moments import canonical_text
from tsbridge.store.packing import packed, unpacked

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(value: datetime) -> int:
    """What is stored of an aware datetime: whole microseconds since 1970 UTC. A naive one is refused."""
    if value.tzinfo is None:
        raise ValueError("a naive datetime came to the database; expected an aware one")
    return (value - EPOCH) // MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware datetime kept as whole microseconds since 1970 UTC. A naive one is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + value * MICROSECOND


class Json(TypeDecorator[Any]):
    """A JSON value in its canonical text: the same bytes on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else from_json(value)


class Packed(Json):
    """A JSON value in its canonical text, packed (`store.packing`): for what is kept with every delivery and never searched."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else packed(canonical_text(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else from_json(unpacked(value))


class PackedText(TypeDecorator[str]):
    """A text that is kept packed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else packed(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else unpacked(value)


# BIGINT keys that count up by themselves; SQLite only does that for INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

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
    Column("body", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),  # pending | applied | ignored | quarantined | dead
    Column("reason", Text),
    Column("event_type", Text),  # the vendor's own word, once read
    Column("duplicates", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("deaths", Integer, nullable=False, server_default="0"),  # those of the attempts whose worker died: not the delivery's fault
    Column("due_at", Instant, nullable=False),
    Column("claimed_by", Text),
    Column("lease_until", Instant),
    Column("settled_at", Instant),
    Column("warnings", Json),  # what in it could not be taken as it was said: codes (store.warnings); null for nothing
    Column("redacted_at", Instant),  # since when the body is empty: its ticket lost words at the vendor, or it was kept long enough
    Column("rang_for", Text),  # the ticket it rang for, once settled; null where it told all there is
    Column("covered_by", Text),  # the newest delivery that rang for the read of that ticket, perhaps itself; null until it was read
    UniqueConstraint("source", "dedupe_key"),
    CheckConstraint("status IN ('pending','applied','ignored','quarantined','dead')", name="inbox_status"),
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
    Column("count", BigInteger, nullable=False),
)
READ_ALONE: Final = "read_alone"
"""The reason of a pending delivery that is read in a process of its own: its workers died, or it took too long to read."""
LARGE: Final = 64 * 1024  # bytes; larger bodies are claimed in a lane of their own
# Written out, not bound: only then SQLite finds the indexes of what waits, of which there is one for each lane.
_PENDING: Final = inbox.c.status == literal_column("'pending'")
_AMONG_OTHERS: Final = or_(inbox.c.reason.is_(None), inbox.c.reason != literal_column(f"'{READ_ALONE}'"))
WAITS: Final = and_(_PENDING, _AMONG_OTHERS, literal_column(f"length(body) <= {LARGE}"))
WAITS_LARGE: Final = and_(_PENDING, _AMONG_OTHERS, literal_column(f"length(body) > {LARGE}"))
WAITS_ALONE: Final = and_(_PENDING, inbox.c.reason == literal_column(f"'{READ_ALONE}'"))
_WAITING: Final[Any] = [literal_column(f"'{status}'") for status in ("pending", "quarantined", "dead")]
# Said by what is not: SQLite would look up each status of a list in another index, and sort what it finds.
HAS_BODY: Final = and_(inbox.c.status.not_in(_WAITING), inbox.c.redacted_at.is_(None))
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

moments = Table(
    "moments",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("event_id", Text, nullable=False),  # the first delivery that told it; audits, facts or desk where none did
    Column("source", Text, nullable=False),
    Column("interaction", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", Packed, nullable=False),  # core.moments.to_json
    Column("tells_subject", Boolean),  # whether a subject is among its texts; null: kept before this was
    Column("rulebook_version", Integer, nullable=False),  # live when it was first judged; judged with it until the case is judged anew
    Column("quiet_until", Instant),  # core.quiet: up to then it tells nobody anew and no step fires by it
    Column("impression", Boolean, nullable=False, server_default=false()),  # a delivery's first impression of a ticket
    Column("replaced_at", Instant),  # when the ticket's audits took its place: no longer part of the story
    Column("withdrawn_at", Instant),  # when a person took it out of the story: it stays on record and nothing brings it back
    Column("withdrawn_by", Text),  # name of the key
    Column("withdrawn_because", Text),
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
    "texts",  # core.words.Said of interactions with many moments, behind an earlier one of them: judging goes on from there
    metadata,
    Column("source", Text, primary_key=True),
    Column("interaction", Text, primary_key=True),
    Column("at", Instant, nullable=False),  # of the moment with text that it is behind
    Column("place", Text, nullable=False),  # that moment's place in the story
    Column("revision", Integer, nullable=False),  # the interaction's, when this was kept
    Column("count", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", Json, nullable=False),
)

interactions = Table(
    "interactions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("case_key", Text, nullable=False, unique=True),  # the case id this interaction would found: case_<hash>
    Column("case_id", Text, nullable=False),
    Column("channel", Text),
    Column("opened_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("contact", Boolean, nullable=False, server_default=true()),  # False: we called, or the caller gave up at once
    Column("link_rank", Text),  # founder | named | guessed | manual
    Column("link_because", Text),
    Column("requester", Text),  # of a ticket: the Zendesk user told last in its story …
    Column("requester_place", Text),  # … and where in the story
    Column("thread", Text),  # source:id of the first one it is joined with by name; null: itself
    Column("done_before", Json),  # core.quiet.Done: what had been done about it before its moments were made quiet
    Column("revision", Integer, nullable=False, server_default="0"),  # counts what came into its story, and what left it
)
Index("interactions_by_case", interactions.c.case_id)
Index("interactions_by_opened", interactions.c.source, interactions.c.opened_at)

handles = Table(
    "handles",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("interaction", Text, primary_key=True),
    Column("role", Text, nullable=False),  # person | name | former: of somebody who is not the requester (any more)
    Column("opened_at", Instant),  # of a person: when the interaction was opened, so that an index tells how often they were in touch
    Column("whose", Text, nullable=False, server_default=""),  # of a person: the Zendesk users it was told of, ids with spaces between
)
Index("handles_by_interaction", handles.c.source, handles.c.interaction)
Index("handles_by_opened", handles.c.kind, handles.c.value, handles.c.opened_at)

acquaintances = Table(
    "acquaintances",  # stronger handles that a person's handle was ever seen with; at most two of a kind, which is doubt enough
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("other_kind", Text, primary_key=True),
    Column("other_value", Text, primary_key=True),
)
Index("acquaintances_by_other", acquaintances.c.other_kind, acquaintances.c.other_value)

merged_users = Table(
    "merged_users",  # Zendesk users that are one person
    metadata,
    Column("id", Text, primary_key=True),
    Column("remains", Text, nullable=False),  # the user that is left of them all
)
Index("merged_users_by_left", merged_users.c.remains)

shared_ids = Table(
    "shared_ids",  # ids that stand for too many people, and interactions that name too many: they join nobody
    metadata,
    Column("kind", Text, primary_key=True),  # ticket | call; of an interaction its source
    Column("value", Text, primary_key=True),
)

link_edits = Table(
    "link_edits",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),  # join | cut
    Column("a_source", Text, nullable=False),
    Column("a_id", Text, nullable=False),
    Column("b_source", Text, nullable=False),
    Column("b_id", Text, nullable=False),
    Column("by", Text, nullable=False),
)
Index("link_edits_by_a", link_edits.c.a_source, link_edits.c.a_id)
Index("link_edits_by_b", link_edits.c.b_source, link_edits.c.b_id)

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
    Column("state", Json, nullable=False),  # core.casestate.CaseState after the newest moment
    Column("judged_to", Text),  # order key of the newest judged moment
    Column("revision", Integer, nullable=False, default=0),
    Column("words_gone_at", Instant),  # since when none of what people said is kept; null again as soon as something is judged
)
AT_REST: Final = and_(cases.c.status == literal_column("'resolved'"), cases.c.words_gone_at.is_(None))
Index("cases_at_rest", cases.c.last_at, cases.c.id, sqlite_where=AT_REST, postgresql_where=AT_REST)
Index("cases_due", cases.c.due_at)
Index("cases_by_opened", cases.c.opened_at, cases.c.id)
Index("cases_by_queue", cases.c.queue, cases.c.opened_at)
IN_NOBODYS_HANDS: Final = and_(
    cases.c.severity == literal_column("1"), cases.c.status == literal_column("'open'"), cases.c.acknowledged.is_(False)
)
OPEN_CASE: Final = cases.c.status == literal_column("'open'")
Index("cases_open", cases.c.queue, cases.c.severity, sqlite_where=OPEN_CASE, postgresql_where=OPEN_CASE)
Index("cases_in_nobodys_hands", cases.c.opened_at, sqlite_where=IN_NOBODYS_HANDS, postgresql_where=IN_NOBODYS_HANDS)

checkpoints = Table(
    "checkpoints",  # states of a case now and then, to go back to when something comes late
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("place", Text, primary_key=True),  # the state's `judged_to`
    Column("state", Json, nullable=False),
)

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
    Column("seen", Packed),  # given, previous, standing: what it saw, to be judged again; erased with the person
    Column("held", Json),  # of one that saw words which are gone since: since when, its judgement, its reasons without them
    Column("salt", Text, nullable=False),
    Column("revises", Text),  # id of the decision about the same moment that this one replaces
    Column("superseded_by", Text),
    Column("retracted", Boolean, nullable=False, default=False),  # a revision: the moment no longer decides anything
    sqlite_autoincrement=True,
)
Index("decisions_by_case", decisions.c.case_id, decisions.c.number)
Index("decisions_by_interaction", decisions.c.source, decisions.c.interaction, decisions.c.number)
Index("decisions_by_moment", decisions.c.moment, decisions.c.number)
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
    Column("before", Json),
    Column("after", Json),
    Column("salt", Text, nullable=False),
)

change_subjects = Table(
    "change_subjects",  # what a change touched besides its subject: the rules of a publish
    metadata,
    Column("subject", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
)

escalations = Table(
    "escalations",
    metadata,
    Column("id", Text, primary_key=True),  # esc_<hash of case, policy, armed_at, step>
    Column("case_id", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("step", Integer, nullable=False),  # 1 is the first
    Column("armed_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("status", Text, nullable=False),  # armed | paused | fired | passed | acknowledged | stopped
    Column("version", Integer, nullable=False, server_default="0"),  # the rulebook whose policy it is: the one that armed it; 0: not known
    Column("ended_at", Instant),  # when it fired, was passed over, was acknowledged or stopped
    Column("source", Text),  # whose moment armed it …
    Column("interaction", Text),
    Column("severity", Integer),  # … and what stands for that interaction, as the case was last judged
    Column("category", Text),
    Column("queue", Text),
    Column("open", Boolean, nullable=False, server_default=true()),
    Column("taken_at", Instant),  # since when somebody has it in hand, and who
    Column("taken_by", Text),
)
Index("escalations_by_due", escalations.c.due_at, escalations.c.id)
Index("escalations_by_status", escalations.c.status, escalations.c.due_at, escalations.c.id)
_NOBODY_HAS_IT = and_(escalations.c.open.is_(True), escalations.c.taken_at.is_(None))
Index("escalations_of_nobody", escalations.c.due_at, escalations.c.id, sqlite_where=_NOBODY_HAS_IT, postgresql_where=_NOBODY_HAS_IT)
Index("escalations_by_case", escalations.c.case_id)
Index("escalations_by_armed", escalations.c.armed_at)

desired = Table(
    "desired",
    metadata,
    Column("ticket", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),  # wb_…
    Column("case_id", Text, nullable=False),
    Column("wish", Json, nullable=False),  # core.helpdesk.Wish
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
    Column("plan", Json),  # the last planned edit
    Column("confirmed_at", Instant),
    CheckConstraint("status IN ('waiting','sending','confirmed','unneeded','parked','refused','dry_run')", name="desired_status"),
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
    Column("plan", Json, nullable=False),
    Column("outcome", Text),  # NULL while on its way | done | conflict | unknown | lost | refused | later
    Column("settled_at", Instant),
)
Index("intents_by_ticket", intents.c.ticket, intents.c.at)
Index("intents_by_at", intents.c.at)

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

recordings_wanted = Table(
    "recordings_wanted",
    metadata,
    Column("call", Text, primary_key=True),  # as Talkdesk's recordings know it
    Column("dedupe_key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the delivery that tells of the message, once a recording proves it
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Instant, nullable=False),
)


def versions_of(name: str) -> Table:
    """The versions of a document that is published as a whole (`store.versions`)."""
    return Table(
        name,
        metadata,
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("hash", Text, nullable=False),
        Column("document", Json, nullable=False),
        Column("note", Text, nullable=False),
        Column("published_at", Instant, nullable=False),
        Column("published_by", Text, nullable=False),
        Column("almanac", Text),  # the days and clocks it goes by; none: those of the installed libraries
    )


almanacs = Table(
    "almanacs",  # what the installed libraries said of holidays and time zones when a version was published
    metadata,
    Column("hash", Text, primary_key=True),
    Column("data", Json, nullable=False),
    Column("kept_at", Instant, nullable=False),
)

rulebooks = versions_of("rulebooks")

draft = Table(
    "draft",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("document", Json, nullable=False),
    Column("based_on", Integer, nullable=False),  # the published version it was begun from
    Column("revision", Integer, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", Text, nullable=False),
)

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
