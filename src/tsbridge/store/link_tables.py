"""Tables of what belongs together: interactions, the people and ids they are known by, what people joined and parted."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    true,
)

from tsbridge.store.columns import Identity, Instant, Json, Serial, metadata

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
# The time first: beginning with the source PostgreSQL looks one interaction up by that alone, as long as it knows nothing of the table.
Index("interactions_by_opened", interactions.c.opened_at, interactions.c.source)

handles = Table(
    "handles",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Identity(), primary_key=True),
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
    Column("value", Identity(), primary_key=True),
    Column("other_kind", Text, primary_key=True),
    Column("other_value", Identity(), primary_key=True),
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
