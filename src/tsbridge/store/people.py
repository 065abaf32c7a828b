"""Whom an interaction is about, and which ids it goes by: the handles that link it.

A ticket is about its requester, the one told last in its story. What was told of somebody who was the requester before stays
on record as `former`: a late moment, or the next change, may say that the ticket is theirs. Users that were merged are one:
handles are kept under the id of the user that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, exists, insert, literal, or_, select, tuple_, update

from tsbridge.core.link import NAMESAKES, STRENGTH
from tsbridge.core.moments import Handle, Interaction, Moment
from tsbridge.store.link_tables import acquaintances, handles, interactions, merged_users
from tsbridge.store.statements import Insert, Update

PERSON: Final = "person"
NAME: Final = "name"
FORMER: Final = "former"
USER: Final = "zendesk_user"
MANY: Final = 4
"""The same handle told of more requesters of one ticket than this is nobody's (`NOBODYS`): an agent's address, a test number."""
NOBODYS: Final = "*"

# Statements of the hot path are built once: building one costs more than running it.
_OF_IT: Final = and_(handles.c.source == bindparam("of_source"), handles.c.interaction == bindparam("of_id"))
_HANDLES: Final = select(handles.c.kind, handles.c.value, handles.c.role, handles.c.whose, handles.c.opened_at).where(_OF_IT)
_ADD: Final = Insert(handles, ("kind", "value", "source", "interaction", "role", "whose", "opened_at"))
_CHANGE: Final = Update(handles, ("role", "whose", "opened_at"), ("kind", "value", "source", "interaction"))
_REQUESTER: Final = select(interactions.c.requester).where(
    interactions.c.source == bindparam("of_source"), interactions.c.id == bindparam("of_id")
)
_MERGED: Final = select(merged_users.c.id, merged_users.c.remains).where(merged_users.c.id.in_(bindparam("ids", expanding=True)))


class Met(NamedTuple):
    """What a moment made known of an interaction's people. `news`: something; `left`: handles it was about until now."""

    news: bool
    left: frozenset[Handle]


class Held(NamedTuple):
    """A handle of an interaction. `opened_at`: of a person's, when the interaction was opened; None until that is kept."""

    role: str
    whose: str
    opened_at: datetime | None = None


_NEW: Final = Held(PERSON, "")


def as_left(conn: Connection, people: Sequence[Handle]) -> tuple[Handle, ...]:
    """The handles, a user that was merged into another as the one that is left; sorted."""
    return renamed(people, _remains(conn, [handle.value for handle in people if handle.kind == USER]))


def renamed(people: Iterable[Handle], left: Mapping[str, str]) -> tuple[Handle, ...]:
    """The handles, users by the ones that are `left` of them; sorted."""
    return tuple(sorted({Handle(USER, left.get(handle.value, handle.value)) if handle.kind == USER else handle for handle in people}))


def requester_in(people: Iterable[Handle]) -> str | None:
    """The Zendesk user among a ticket's people, who decides whose ticket it is."""
    return next((handle.value for handle in people if handle.kind == USER), None)


def met(moment: Moment, known: Mapping[Handle, Held], people: Sequence[Handle]) -> dict[Handle, Held]:
    """What links the moment's interaction, with what was `known`; whose each handle is now is still to be seen (`kept`)."""
    subject = moment.subject
    told_of = (requester_in(people) if subject.source == "zendesk" else None) or ""
    now = dict(known)
    room = NAMESAKES + 1 - sum([held.role == NAME for held in known.values()])  # more would change nothing: it names nobody then
    for handle in [own(subject), *[h for h in moment.names if h not in known and h != own(subject)][: max(room, 0)]]:
        now.setdefault(handle, Held(NAME, ""))
    for handle in people:
        before = now.get(handle, _NEW)
        now[handle] = Held(PERSON, _joined(told_of, *before.whose.split()) if before.whose else told_of, before.opened_at)
    return now


def kept(known: Mapping[Handle, Held], now: dict[Handle, Held], requester: str | None) -> tuple[dict[Handle, Held], Met]:
    """The handles as they are to be kept, each by whose it is, and what that makes known. `requester`: of a ticket, as far as told."""
    for handle, held in now.items():
        if held.role == NAME:
            continue
        if not _is_of(held.whose, requester):
            now[handle] = Held(FORMER, held.whose)  # not a contact of theirs any more
        elif held.role == FORMER:
            now[handle] = held._replace(role=PERSON)
    changed = [handle for handle, held in known.items() if handle in now and now[handle][:2] != held[:2]]
    left = frozenset(handle for handle in changed if known[handle].role == PERSON and now[handle].role == FORMER)
    return now, Met(bool(changed) or any(handle.kind in STRENGTH for handle in now if handle not in known), left)


def own(subject: Interaction) -> Handle:
    """The handle that names the interaction itself."""
    return Handle("ticket" if subject.source == "zendesk" else "call", subject.id)


def told_together(weak: Any, strong: Any) -> Any:
    """The condition that two handles (tables) of an interaction are one person's: told of the same user, or of nobody known."""
    among = literal(" ").concat(weak.c.whose).concat(" ").contains(literal(" ").concat(strong.c.value).concat(" "))
    return or_(weak.c.whose == strong.c.whose, and_(strong.c.kind == USER, among))


def requester_of(conn: Connection, subject: Interaction) -> str | None:
    """Whose ticket it is, as far as its story tells."""
    return conn.execute(_REQUESTER, {"of_source": subject.source, "of_id": subject.id}).scalar()


def merge(conn: Connection, lost: str, left: str) -> list[Interaction] | None:
    """One Zendesk user was merged into another: from now on, and for all that was heard before, both are one. None: known already.

    Returns the interactions that several users were told of: whose they are may have changed.
    """
    now = _remains(conn, [lost, left])
    old, new = now.get(lost, lost), now.get(left, left)
    if old == new:
        return None
    conn.execute(update(merged_users).where(merged_users.c.remains == old).values(remains=new))
    conn.execute(insert(merged_users).values(id=old, remains=new))
    held = select(handles.c.source, handles.c.interaction).where(handles.c.kind == USER, handles.c.value == old)
    other = handles.alias()
    same = and_(other.c.source == handles.c.source, other.c.interaction == handles.c.interaction)
    beside = exists(select(1).where(same, other.c.kind == USER, other.c.value != old))
    several = [Interaction(source, id_) for source, id_ in conn.execute(held.where(beside)).all()]
    its = tuple_(interactions.c.source, interactions.c.id).in_(held)
    conn.execute(update(interactions).where(its, interactions.c.requester == old).values(requester=new))
    for subject in several:
        _rename(conn, subject, old, new)
    told = tuple_(handles.c.source, handles.c.interaction).in_(held)
    conn.execute(update(handles).where(told, handles.c.whose == old).values(whose=new))
    conn.execute(update(handles).where(handles.c.kind == USER, handles.c.value == old).values(value=new))
    _reacquaint(conn, old, new)
    return several


def _rename(conn: Connection, subject: Interaction, old: str, new: str) -> None:
    """An interaction that several users were told of: these two are one there."""
    is_old = and_(handles.c.source == subject.source, handles.c.interaction == subject.id, handles.c.kind == USER, handles.c.value == old)
    if Handle(USER, new) in _known(conn, subject):
        conn.execute(delete(handles).where(is_old))
    else:
        conn.execute(update(handles).where(is_old).values(value=new))
    known = _known(conn, subject)
    now = {
        handle: held._replace(whose=_joined(*(new if id_ == old else id_ for id_ in held.whose.split()))) for handle, held in known.items()
    }
    _keep(conn, subject, known, now, requester_of(conn, subject))


def _reacquaint(conn: Connection, old: str, new: str) -> None:
    """Who was seen with either was seen with one user; where that leaves room for doubt, another one is looked for."""
    others = acquaintances.c.other_kind == USER
    for kind, value in conn.execute(
        select(acquaintances.c.kind, acquaintances.c.value)
        .where(others, acquaintances.c.other_value == old)
        .order_by(*acquaintances.primary_key)
    ).all():
        of_it = and_(acquaintances.c.kind == kind, acquaintances.c.value == value, others)
        users = set(conn.execute(select(acquaintances.c.other_value).where(of_it)).scalars())
        conn.execute(delete(acquaintances).where(of_it, acquaintances.c.other_value == old))
        found = (users - {old}) | {new}
        if len(users) > len(found):
            held = and_(handles.c.kind == kind, handles.c.value == value)
            third = conn.execute(select(handles.c.whose).where(held, handles.c.whose.not_in(["", NOBODYS, *found])).limit(1)).scalar()
            found |= set(sorted(set((third or "").split()) - found)[:1])
        fresh = sorted(found - (users - {old}))
        if fresh:
            conn.execute(insert(acquaintances), [{"kind": kind, "value": value, "other_kind": USER, "other_value": id_} for id_ in fresh])


def _known(conn: Connection, subject: Interaction) -> dict[Handle, Held]:
    rows = conn.execute(_HANDLES, {"of_source": subject.source, "of_id": subject.id})
    return {Handle(kind, value): Held(*held) for kind, value, *held in rows}


def _keep(conn: Connection, subject: Interaction, known: Mapping[Handle, Held], now: dict[Handle, Held], requester: str | None) -> Met:
    now, found = kept(known, now, requester)
    write(conn, [(subject, known, now)])
    return found


def write(conn: Connection, changed: Iterable[tuple[Interaction, Mapping[Handle, Held], Mapping[Handle, Held]]]) -> None:
    """Keep the handles of interactions, each given as they were and as they are."""
    fresh: list[tuple[Any, ...]] = []
    otherwise: list[tuple[Any, ...]] = []
    for subject, known, now in changed:
        fresh += [(*handle, *subject, *held) for handle, held in now.items() if handle not in known]
        otherwise += [(*now[handle], *handle, *subject) for handle, held in known.items() if handle in now and now[handle] != held]
    _ADD.all(conn, sorted(fresh, key=lambda row: row[:4]))
    _CHANGE.all(conn, sorted(otherwise, key=lambda row: row[-4:]))


def _is_of(whose: str, requester: str | None) -> bool:
    return not whose or requester is None or requester in whose.split()


def _joined(*ids: str) -> str:
    found = set(ids) - {""}
    return NOBODYS if NOBODYS in found or len(found) > MANY else " ".join(sorted(found))


def _remains(conn: Connection, users: Sequence[str]) -> dict[str, str]:
    """For those of these users that were merged into another: into whom."""
    return {id_: remains for id_, remains in conn.execute(_MERGED, {"ids": sorted(set(users))})} if users else {}
