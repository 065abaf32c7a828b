"""Moments that a person takes out of their story. They stay on record; what they alone told of links, people and times goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, delete, insert, select, tuple_, update

from tsbridge.core.contacts import says_none
from tsbridge.core.link import STRENGTH, Node
from tsbridge.core.moments import Handle, Interaction, Moment, from_json
from tsbridge.store import links, people
from tsbridge.store.interactions import Interactions
from tsbridge.store.link_tables import acquaintances, handles, interactions
from tsbridge.store.moment_tables import moments
from tsbridge.store.moments import leave, next_revision, redate

_OTHER = handles.alias()
_MET: Final = (
    select(_OTHER.c.value)
    .join(handles, and_(handles.c.source == _OTHER.c.source, handles.c.interaction == _OTHER.c.interaction))
    .where(handles.c.role.in_((people.PERSON, people.FORMER)), _OTHER.c.role.in_((people.PERSON, people.FORMER)))
    .where(people.told_together(handles, _OTHER))
    .distinct()
    .order_by(_OTHER.c.value)
    .limit(links.DOUBT)
)


@dataclass(frozen=True, slots=True)
class Left:
    """What a moment left behind. `was`: its interaction as it linked before; `others`: those whose person or case may be another now."""

    was: Node
    others: frozenset[Interaction]


def find(conn: Connection, digest: str) -> Interaction | None:
    """The interaction that a moment is about; None when there is no such moment."""
    body = conn.execute(select(moments.c.body).where(moments.c.digest == digest)).scalar()
    return None if body is None else from_json(body).subject


def withdraw(conn: Connection, digest: str, by: str, because: str, now: datetime) -> Left | None:
    """Take a moment out of its story. None when there is no such moment or it was withdrawn before: the first word stands."""
    subject = find(conn, digest)
    mine = update(moments).where(moments.c.digest == digest, moments.c.withdrawn_at.is_(None))
    if subject is None:
        return None
    because_of = {"withdrawn_at": now, "withdrawn_by": by, "withdrawn_because": because, "until": next_revision(subject)}
    if not conn.execute(mine.values(**because_of)).rowcount:
        return None
    leave(conn, subject)
    return _derive_again(conn, subject)


def _derive_again(conn: Connection, subject: Interaction) -> Left:
    """An interaction's life, channel and links, told by what is left of it: its own name alone when nothing is."""
    was, former = _node(conn, subject)
    alive = redate(conn, subject)
    left = _left(conn, subject) if alive else []
    conn.execute(delete(handles).where(*_of(subject)))
    known = Interactions()
    known.read_subjects(conn, [subject])
    known.name(subject)
    for moment in left:
        known.meet(moment, known.as_left(conn, moment.people), known.requester_of(subject))
    known.write(conn)
    now, former_now = _node(conn, subject)
    others = {*_holders(conn, was.names - now.names), *links.standing_for(conn, was.people - now.people)}
    others |= links.standing_for(conn, _part(conn, was.people | former, (was.people | former) - (now.people | former_now)))
    known.introduce(subject)
    others |= known.write(conn)
    channel = next((said for moment in left if (said := dict(moment.facts).get("channel"))), None)
    if left:
        contact = not any(says_none(moment) for moment in left)
        conn.execute(update(interactions).where(links.among([subject])).values(channel=channel, contact=contact))
    return Left(was, frozenset(others - {subject}))


def _node(conn: Connection, subject: Interaction) -> tuple[Node, frozenset[Handle]]:
    """An interaction as it links, and what was told of people it is not about."""
    life = conn.execute(select(interactions.c.opened_at, interactions.c.last_at).where(links.among([subject]))).one()
    of_it = select(handles.c.kind, handles.c.value, handles.c.role).where(*_of(subject))
    roles = {Handle(kind, value): role for kind, value, role in conn.execute(of_it)}
    by_role = {
        wanted: frozenset(h for h, role in roles.items() if role == wanted) for wanted in (people.NAME, people.PERSON, people.FORMER)
    }
    return Node(subject, life.opened_at, life.last_at, by_role[people.NAME], by_role[people.PERSON]), by_role[people.FORMER]


def _left(conn: Connection, subject: Interaction) -> list[Moment]:
    """What still tells of the interaction, in the story's order. Replaced first impressions go on telling whose it is."""
    rows = conn.execute(
        select(moments.c.body, moments.c.digest).where(
            moments.c.source == subject.source, moments.c.interaction == subject.id, moments.c.withdrawn_at.is_(None)
        )
    )
    return sorted((from_json(body, digest) for body, digest in rows), key=lambda moment: moment.order)


def _part(conn: Connection, known: frozenset[Handle], gone: frozenset[Handle]) -> set[Handle]:
    """Forget who was seen with whom only here. Returns the handles that may stand for another person now."""
    parted: set[Handle] = set()
    for weak in sorted(known):
        kinds = {h.kind for h in known if STRENGTH[h.kind] > STRENGTH[weak.kind] and not gone.isdisjoint((weak, h))}
        for kind in sorted(kinds):
            of_it = (acquaintances.c.kind == weak.kind, acquaintances.c.value == weak.value, acquaintances.c.other_kind == kind)
            seen = set(conn.execute(select(acquaintances.c.other_value).where(*of_it)).scalars())
            met = set(conn.execute(_MET.where(handles.c.kind == weak.kind, handles.c.value == weak.value, _OTHER.c.kind == kind)).scalars())
            if seen != met:
                conn.execute(delete(acquaintances).where(*of_it))
                parted.add(weak)
                if met:
                    pair = {"kind": weak.kind, "value": weak.value, "other_kind": kind}
                    conn.execute(insert(acquaintances), [{**pair, "other_value": value} for value in sorted(met)])
    return parted


def _holders(conn: Connection, names: frozenset[Handle]) -> set[Interaction]:
    """The interactions that carry one of these names."""
    held = tuple_(handles.c.kind, handles.c.value).in_([tuple(h) for h in sorted(names)])
    rows = conn.execute(select(handles.c.source, handles.c.interaction).where(held).distinct().limit(links.REACH)) if names else ()
    return {Interaction(source, id_) for source, id_ in rows}


def _of(subject: Interaction):  # type: ignore[no-untyped-def]  # SQL expressions
    return (handles.c.source == subject.source, handles.c.interaction == subject.id)
