"""Whom an erasure is about: everything somebody alone is known by, every ticket and call about them, and what there is of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select, tuple_

from tsbridge.core.moments import Handle, Interaction, from_json
from tsbridge.core.track import key_of
from tsbridge.store import people
from tsbridge.store.case_tables import checkpoints
from tsbridge.store.decision_tables import changes, decisions
from tsbridge.store.erasing_rows import ABOUT_CASES
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.link_tables import handles, interactions, merged_users
from tsbridge.store.moment_tables import moments, texts
from tsbridge.store.people import NAME, PERSON, USER
from tsbridge.store.replay_tables import drift
from tsbridge.store.statements import parts
from tsbridge.store.writing_tables import desired, intents

MOST: Final = 5_000
"""Interactions of one person; who has more is a mailbox, a test line, a mistake."""
ROUNDS: Final = 8


@dataclass(frozen=True, slots=True)
class Person:
    """By what somebody is known who is to be forgotten; `names` are what they were called where they were. `subjects`: the tickets and
    calls that are about them; `shared`: how many handles of these are other people's as well, who keep them."""

    people: frozenset[Handle]
    names: frozenset[str]
    subjects: frozenset[Interaction]
    shared: int = 0

    def to_json(self) -> dict[str, Any]:
        return {"people": sorted(map(list, self.people)), "names": sorted(self.names)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Person:
        return cls(frozenset(Handle(*one) for one in data["people"]), frozenset(data["names"]), frozenset())


def find(conn: Connection, asked: Iterable[tuple[str, str]]) -> Person | None:
    """Who is known by one of these handles, with everything else they alone are known by; None for nobody, or for too many tickets.

    Of a call that names a ticket, or is named by it, the caller is taken to be the ticket's requester. A handle that other users are known
    by, too, brings what is told of itself and leads no further.
    """
    known = _known(conn, _with_merged(conn, {Handle(*one) for one in asked}))
    subjects = _about(conn, known)
    for _ in range(ROUNDS):
        own = {one for one in known if one.kind == USER}
        theirs = _people(conn, subjects | _named_with(conn, subjects))
        users = own or {one for one in theirs if one.kind == USER}
        if len(users) > 1 and not own:
            break  # several people are known by what was asked for
        more = {one for one in theirs - known if one in users or (one.kind != USER and _leads_to(conn, one) <= users)}
        more = _with_merged(conn, more) - known
        if not more or len(subjects) > MOST:
            break
        known |= more
        subjects |= _about(conn, more)
    if not subjects or len(subjects) > MOST:
        return None
    theirs = _people(conn, subjects)
    return Person(frozenset(known), frozenset(), frozenset(subjects), len(theirs - known))


def _about(conn: Connection, known: Iterable[Handle]) -> set[Interaction]:
    found: set[Interaction] = set()
    for part in parts(sorted(known)):
        told = (handles.c.role == PERSON, tuple_(handles.c.kind, handles.c.value).in_([tuple(one) for one in part]))
        rows = conn.execute(select(handles.c.source, handles.c.interaction).where(*told).limit(MOST + 1))
        found |= {Interaction(source, id_) for source, id_ in rows}
    return found


def _people(conn: Connection, subjects: Iterable[Interaction]) -> set[Handle]:
    found: set[Handle] = set()
    for part in parts(sorted(subjects)):
        of_them = tuple_(handles.c.source, handles.c.interaction).in_([tuple(one) for one in part])
        rows = conn.execute(select(handles.c.kind, handles.c.value).where(of_them, handles.c.role == PERSON).distinct())
        found |= {Handle(kind, value) for kind, value in rows}
    return found


def _known(conn: Connection, asked: set[Handle]) -> set[Handle]:
    """Those of these handles by which anybody is known."""
    held = tuple_(handles.c.kind, handles.c.value).in_([tuple(one) for one in sorted(asked)])
    rows = conn.execute(select(handles.c.kind, handles.c.value).where(held, handles.c.role != NAME).distinct())
    return {Handle(kind, value) for kind, value in rows}


def _named_with(conn: Connection, subjects: Iterable[Interaction]) -> set[Interaction]:
    """Calls that name one of these tickets and tickets that one of these calls names, and the other way round."""
    other = handles.alias()
    same = and_(other.c.kind == handles.c.kind, other.c.value == handles.c.value, other.c.role == NAME, other.c.source != handles.c.source)
    found: set[Interaction] = set()
    for part in parts(sorted(subjects)):
        of_them = tuple_(handles.c.source, handles.c.interaction).in_([tuple(one) for one in part])
        own = (of_them, handles.c.role == NAME, handles.c.kind.in_(("ticket", "call")))
        rows = conn.execute(select(other.c.source, other.c.interaction).select_from(handles.join(other, same)).where(*own).limit(MOST))
        found |= {Interaction(source, id_) for source, id_ in rows}
    return found


def _leads_to(conn: Connection, one: Handle) -> set[Handle]:
    """The users that a handle was ever told of, a few of them."""
    other = handles.alias()
    same = and_(other.c.source == handles.c.source, other.c.interaction == handles.c.interaction, other.c.kind == USER)
    seen = select(other.c.value).select_from(handles.join(other, same)).where(handles.c.kind == one.kind, handles.c.value == one.value)
    return {Handle(USER, value) for value in conn.execute(seen.distinct().limit(people.MANY)).scalars()}


def _with_merged(conn: Connection, known: set[Handle]) -> set[Handle]:
    """Users that were merged are one."""
    users = {one.value for one in known if one.kind == USER}
    if not users:
        return known
    left = set(conn.execute(select(merged_users.c.remains).where(merged_users.c.id.in_(users))).scalars()) | users
    lost = set(conn.execute(select(merged_users.c.id).where(merged_users.c.remains.in_(left))).scalars())
    return known | {Handle(USER, id_) for id_ in left | lost}


def counted(conn: Connection, person: Person) -> dict[str, int]:
    """How many rows there are of what is going to go, by table."""
    found: dict[str, int] = {}
    tickets = sorted(one.id for one in person.subjects if one.source == "zendesk")
    names = sorted(key_of(one) for one in person.subjects)

    def count(table: Table, *those: ColumnElement[bool]) -> None:
        number = int(conn.execute(select(func.count()).select_from(table).where(*those)).scalar_one())
        found[table.name] = found.get(table.name, 0) + number

    for part in parts(sorted(person.subjects)):
        among = [tuple(one) for one in part]
        count(moments, tuple_(moments.c.source, moments.c.interaction).in_(among))
        count(decisions, tuple_(decisions.c.source, decisions.c.interaction).in_(among), decisions.c.seen.is_not(None))
        count(handles, tuple_(handles.c.source, handles.c.interaction).in_(among), handles.c.role != NAME)
        count(texts, tuple_(texts.c.source, texts.c.interaction).in_(among))
        told = select(moments.c.event_id).where(tuple_(moments.c.source, moments.c.interaction).in_(among))
        rang = and_(inbox.c.source == "zendesk", inbox.c.rang_for.in_([id_ for source, id_ in among if source == "zendesk"]))
        count(inbox, inbox.c.redacted_at.is_(None), or_(rang, inbox.c.id.in_(told)))
    for some in parts(names):
        count(moments, moments.c.source == "desk", moments.c.interaction.in_(some))
    for some in parts(tickets):
        count(desired, desired.c.ticket.in_(some))
        count(intents, intents.c.ticket.in_(some))
        count(drift, drift.c.ticket.in_(some))
    for some in parts(cases_of(conn, person.subjects)):
        count(changes, changes.c.subject.in_(some), changes.c.action.in_(ABOUT_CASES))
        count(checkpoints, checkpoints.c.case_id.in_(some))
    return {name: number for name, number in sorted(found.items()) if number}


def cases_of(conn: Connection, subjects: Iterable[Interaction]) -> list[str]:
    found: set[str] = set()
    for part in parts(sorted(subjects)):
        its = tuple_(interactions.c.source, interactions.c.id).in_([tuple(one) for one in part])
        found |= set(conn.execute(select(interactions.c.case_id).where(its)).scalars())
    return sorted(found)


def called(conn: Connection, subjects: Iterable[Interaction]) -> frozenset[str]:
    """By what names the people of these tickets were told."""
    found: set[str] = set()
    for part in parts(sorted(subjects)):
        those = tuple_(moments.c.source, moments.c.interaction).in_([tuple(one) for one in part])
        for body in conn.execute(select(moments.c.body).where(those)).scalars():
            moment = from_json(body)
            told = [*moment.facts, *((c.field, v) for c in moment.changes for v in (c.previous, c.current))]
            found |= {value for name, value in told if name == "requester.name" and isinstance(value, str)}
    return frozenset(found)


def elsewhere(conn: Connection, known: Iterable[Handle]) -> list[Interaction]:
    """Tickets and calls that were told of these handles and are about somebody else."""
    found: set[Interaction] = set()
    for part in parts(sorted(known)):
        told = (handles.c.role != NAME, tuple_(handles.c.kind, handles.c.value).in_([tuple(one) for one in part]))
        found |= {Interaction(source, id_) for source, id_ in conn.execute(select(handles.c.source, handles.c.interaction).where(*told))}
    return sorted(found)
