"""Whose a ticket is by now, what was told of somebody else, and Zendesk users that were merged"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

USER = "zendesk_user"
MANY = 4
# How well a handle identifies a person; what is not named is a phone.
STRENGTH = {"zendesk_user": 3, "email": 2, "talkdesk_contact": 1}

handles = sa.table("handles", *(sa.column(name) for name in ("kind", "value", "source", "interaction", "role", "opened_at", "whose")))
interactions = sa.table("interactions", *(sa.column(name) for name in ("source", "id", "opened_at", "requester", "requester_place")))
acquaintances = sa.table("acquaintances", *(sa.column(name) for name in ("kind", "value", "other_kind", "other_value")))
moments = sa.table("moments", *(sa.column(name) for name in ("source", "interaction", "event", "body", "digest", "replaced_at")))


def upgrade() -> None:
    op.create_table(
        "merged_users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("remains", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("merged_users_by_left", "merged_users", ["remains"], unique=False)
    op.add_column("interactions", sa.Column("requester", sa.Text(), nullable=True))
    op.add_column("interactions", sa.Column("requester_place", sa.Text(), nullable=True))
    op.add_column("handles", sa.Column("whose", sa.Text(), nullable=False, server_default=""))
    last = ""
    while tickets := _after(last):
        for ticket, told in _stories(tickets).items():
            _know(ticket, told)
        last = tickets[-1]
    op.execute(acquaintances.delete())
    op.execute(acquaintances.insert().from_select(["kind", "value", "other_kind", "other_value"], _seen_together()))


def downgrade() -> None:
    of_it = sa.and_(interactions.c.source == handles.c.source, interactions.c.id == handles.c.interaction)
    opened = sa.select(interactions.c.opened_at).where(of_it).scalar_subquery()
    op.execute(handles.update().where(handles.c.role == "former").values(role="person", opened_at=opened))
    op.drop_column("handles", "whose")
    op.drop_column("interactions", "requester_place")
    op.drop_column("interactions", "requester")
    op.drop_index("merged_users_by_left", table_name="merged_users")
    op.drop_table("merged_users")


def _after(last: str) -> list[str]:
    """The next tickets, by id."""
    page = sa.select(interactions.c.id).where(interactions.c.source == "zendesk", interactions.c.id > last).order_by(interactions.c.id)
    return list(op.get_bind().execute(page.limit(200)).scalars())


def _stories(tickets: list[str]) -> dict[str, list[tuple[str, bool, list[list[str]]]]]:
    """What each moment of these tickets told of people: its place, whether it is part of the story, the handles."""
    found: dict[str, list[tuple[str, bool, list[list[str]]]]] = {ticket: [] for ticket in tickets}
    columns = (moments.c.interaction, moments.c.digest, moments.c.body, moments.c.replaced_at)
    for ticket, digest, body, replaced_at in op.get_bind().execute(
        sa.select(*columns).where(moments.c.source == "zendesk", moments.c.interaction.in_(tickets))
    ):
        moment = json.loads(body)
        order = moment.get("vendor_order", "")
        first = f"{0 if moment['event'] == 'facts' else 1}{0 if moment['event'] == 'ticket.created' else 1}"
        place = f"{moment['at']}:{first}:{(order + digest)[: len(order) + 16]}"
        found[ticket].append((place, replaced_at is None, moment["people"]))
    return found


def _know(ticket: str, told: list[tuple[str, bool, list[list[str]]]]) -> None:
    """Whose the ticket is by now, and of whom each of its handles was told."""
    requester, requester_place, whose = None, None, {}
    for place, in_story, people in sorted(told):
        user = next((value for kind, value in people if kind == USER), None)
        if user is not None and in_story:
            requester, requester_place = user, place
        for kind, value in people:
            whose.setdefault((kind, value), set()).update({user} - {None})
    if requester is not None:
        its = sa.and_(interactions.c.source == "zendesk", interactions.c.id == ticket)
        op.execute(interactions.update().where(its).values(requester=requester, requester_place=requester_place))
    for (kind, value), users in sorted(whose.items()):
        ids = "*" if len(users) > MANY else " ".join(sorted(users))
        if ids:
            former = {"role": "former", "opened_at": None} if requester is not None and requester not in users else {}
            it = (handles.c.source == "zendesk", handles.c.interaction == ticket, handles.c.kind == kind, handles.c.value == value)
            op.execute(handles.update().where(*it).values(whose=ids, **former))


def _seen_together() -> sa.CompoundSelect:
    """Of the stronger handles that a person's handle was told with, the first and the last of each kind: two are doubt enough."""
    weak, strong = handles.alias("weak"), handles.alias("strong")
    same = sa.and_(strong.c.source == weak.c.source, strong.c.interaction == weak.c.interaction)
    among = sa.literal(" ").concat(weak.c.whose).concat(" ").contains(sa.literal(" ").concat(strong.c.value).concat(" "))
    together = sa.or_(weak.c.whose == strong.c.whose, sa.and_(strong.c.kind == USER, among))
    rank = [sa.case(STRENGTH, value=side.c.kind, else_=0) for side in (weak, strong)]
    people = [side.c.role.in_(("person", "former")) for side in (weak, strong)]
    pick = [
        sa.select(weak.c.kind, weak.c.value, strong.c.kind.label("other_kind"), end(strong.c.value).label("other_value"))
        .select_from(weak.join(strong, sa.and_(same, together)))
        .where(*people, rank[0] < rank[1])
        .group_by(weak.c.kind, weak.c.value, strong.c.kind)
        for end in (sa.func.min, sa.func.max)
    ]
    return sa.union(*pick)
