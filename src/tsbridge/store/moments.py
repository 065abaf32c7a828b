"""Moments and the interactions they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update

from tsbridge.core.casestate import key_of
from tsbridge.core.contacts import says_none
from tsbridge.core.link import case_key
from tsbridge.core.moments import FACTS, UNJUDGED, Handle, Interaction, Moment, from_json, to_json
from tsbridge.core.story import Told
from tsbridge.store.tables import handles, interactions, moments

# Statements of the hot path are built once: building one costs more than running it.
_KNOWN: Final = select(moments.c.digest).where(moments.c.digest == bindparam("digest"))
_ADD: Final = insert(moments)
_NOT_REPLACED: Final = moments.c.replaced_at.is_(None)
IN_STORY: Final = and_(_NOT_REPLACED, moments.c.withdrawn_at.is_(None))
"""What judging goes by: first impressions only until the audits came, and nothing that a person withdrew."""
CAUGHT_UP: Final = "audits"
"""Told by a ticket's audits, without a delivery that rang for them."""
_LIFE: Final = select(interactions.c.opened_at, interactions.c.last_at, interactions.c.channel, interactions.c.contact).where(
    interactions.c.source == bindparam("of_source"), interactions.c.id == bindparam("of_id")
)
_FOUND: Final = insert(interactions)
_HANDLES: Final = select(handles.c.kind, handles.c.value).where(
    handles.c.source == bindparam("of_source"), handles.c.interaction == bindparam("of_id")
)
_ADD_HANDLES: Final = insert(handles)


def add(conn: Connection, moment: Moment, event_id: str, version: int) -> bool:
    """Keep a moment, to be judged by rulebook `version`. False when an equal one is there already."""
    digest = moment.digest
    if conn.execute(_KNOWN, {"digest": digest}).first():
        return False
    row = {
        "digest": digest,
        "event_id": event_id,
        "source": moment.source,
        "interaction": moment.interaction,
        "event": moment.event,
        "at": moment.at,
        "body": to_json(moment),
        "rulebook_version": version,
        "impression": moment.impression,
    }
    conn.execute(_ADD, row)
    return True


def touch(conn: Connection, moment: Moment) -> bool:
    """Let the interaction's life reach to the moment. True when it is new, older than was known, or no contact after all.

    Background facts and the desk add no life.
    """
    if moment.source == "desk":
        return False
    subject, channel = moment.subject, dict(moment.facts).get("channel")
    row = conn.execute(_LIFE, {"of_source": subject.source, "of_id": subject.id}).first()
    if row is None:
        conn.execute(
            _FOUND,
            {
                "source": subject.source,
                "id": subject.id,
                "case_key": case_key(subject),
                "case_id": case_key(subject),
                "channel": channel,
                "opened_at": moment.at,
                "last_at": moment.at,
                "contact": not says_none(moment),
            },
        )
        return True
    contact = row.contact and not says_none(moment)
    if moment.event not in UNJUDGED:
        conn.execute(
            update(interactions)
            .where(*_is(subject))
            .values(
                opened_at=min(row.opened_at, moment.at),
                last_at=max(row.last_at, moment.at),
                channel=row.channel or channel,
                contact=contact,
            )
        )
    return moment.event not in UNJUDGED and (moment.at < row.opened_at or contact != row.contact)


def add_handles(conn: Connection, moment: Moment) -> tuple[Handle, ...]:
    """Keep what links the moment's interaction; returns the handles that are new for it, sorted."""
    if moment.source == "desk":
        return ()
    subject = moment.subject
    told = links_of(moment)
    rows = conn.execute(_HANDLES, {"of_source": subject.source, "of_id": subject.id})
    known = {Handle(kind, value) for kind, value in rows}
    fresh = sorted(handle for handle in told if handle not in known)
    if fresh:
        conn.execute(
            _ADD_HANDLES,
            [{"kind": h.kind, "value": h.value, "source": subject.source, "interaction": subject.id, "role": told[h]} for h in fresh],
        )
    return tuple(fresh)


def links_of(moment: Moment) -> dict[Handle, str]:
    """What a moment links its interaction by, and in which role: `person`, or `name` of an interaction, its own included."""
    return {**{h: "person" for h in moment.people}, **{h: "name" for h in (own(moment.subject), *moment.names)}}


def own(subject: Interaction) -> Handle:
    """The handle that names the interaction itself."""
    return Handle("ticket" if subject.source == "zendesk" else "call", subject.id)


def story(conn: Connection, subjects: Iterable[Interaction]) -> list[Told]:
    """The moments of these interactions, and what the desk did to them, in the story's order."""
    told: list[Told] = []
    wanted = sorted(subjects)
    for start in range(0, len(wanted), 100):
        part = wanted[start : start + 100]
        within = or_(*(_moments_of(s) for s in part))
        rows = conn.execute(select(moments.c.body, moments.c.rulebook_version).where(within, IN_STORY))
        told.extend(Told(from_json(body), version) for body, version in rows)
    told.sort(key=lambda t: t.moment.order)
    return told


def heard_of(conn: Connection, tickets: Sequence[str]) -> dict[str, list[tuple[datetime, bool]]]:
    """When something was heard of each of these tickets, and whether it told a text. What was withdrawn was heard."""
    found: dict[str, list[tuple[datetime, bool]]] = {}
    for start in range(0, len(tickets), 400):
        rows = conn.execute(
            select(moments.c.interaction, moments.c.at, moments.c.body).where(
                moments.c.source == "zendesk",
                moments.c.interaction.in_(tickets[start : start + 400]),
                moments.c.event != FACTS,
                _NOT_REPLACED,
            )
        )
        for ticket, at, body in rows:
            found.setdefault(ticket, []).append((at, bool(body["texts"])))
    return found


def replace_impressions(conn: Connection, ticket: str, now: datetime) -> bool:
    """Take a ticket's first impressions out of its story: its audits were read. True when there were some.

    They stay on record for the decisions that saw them. The interaction's life is then what the rest of the story tells.
    """
    of_it = (moments.c.source == "zendesk", moments.c.interaction == ticket)
    if not conn.execute(update(moments).where(*of_it, moments.c.impression, IN_STORY).values(replaced_at=now)).rowcount:
        return False
    redate(conn, Interaction("zendesk", ticket))
    return True


def redate(conn: Connection, subject: Interaction) -> bool:
    """Let an interaction's life be what its story tells. False when that tells of none: the life stays as it was."""
    of_it = (moments.c.source == subject.source, moments.c.interaction == subject.id)
    life = select(func.min(moments.c.at), func.max(moments.c.at)).where(*of_it, IN_STORY, moments.c.event.not_in(UNJUDGED))
    first, last = conn.execute(life).one()
    if first is not None:
        conn.execute(update(interactions).where(*_is(subject)).values(opened_at=first, last_at=last))
    return first is not None


def unknown(conn: Connection, told: Sequence[Moment]) -> list[Moment]:
    """Those of these moments that were not heard before."""
    known: set[str] = set()
    for start in range(0, len(told), 500):
        digests = [moment.digest for moment in told[start : start + 500]]
        known |= set(conn.execute(select(moments.c.digest).where(moments.c.digest.in_(digests))).scalars())
    return [moment for moment in told if moment.digest not in known]


def has_facts(conn: Connection, tickets: Sequence[str]) -> set[str]:
    """Which of these tickets had their background facts looked up already."""
    rows = conn.execute(
        select(moments.c.interaction)
        .where(moments.c.source == "zendesk", moments.c.event == FACTS, moments.c.interaction.in_(tickets))
        .distinct()
    )
    return {row.interaction for row in rows}


def of_calls(conn: Connection, calls: Sequence[str]) -> list[Moment]:
    """Every moment of these calls, by whichever of its names a call is given."""
    found: list[Moment] = []
    for start in range(0, len(calls), 500):
        part = calls[start : start + 500]
        own = select(interactions.c.id).where(interactions.c.source == "talkdesk", interactions.c.id.in_(part))
        named = select(handles.c.interaction).where(handles.c.source == "talkdesk", handles.c.kind == "call", handles.c.value.in_(part))
        ids = own.union(named.where(handles.c.role == "name")).subquery().select()
        rows = conn.execute(select(moments.c.body).where(moments.c.source == "talkdesk", moments.c.interaction.in_(ids)))
        found.extend(from_json(body) for (body,) in rows)
    return found


def events_of(conn: Connection, digests: Sequence[str]) -> dict[str, str]:
    """The delivery that first told each of these moments; those that catching up told are left out."""
    found: dict[str, str] = {}
    for start in range(0, len(digests), 500):
        rows = conn.execute(select(moments.c.digest, moments.c.event_id).where(moments.c.digest.in_(digests[start : start + 500])))
        found.update({row.digest: row.event_id for row in rows if row.event_id != CAUGHT_UP})
    return found


def _moments_of(subject: Interaction):  # type: ignore[no-untyped-def]  # a SQL expression
    return or_(
        and_(moments.c.source == subject.source, moments.c.interaction == subject.id),
        and_(moments.c.source == "desk", moments.c.interaction == key_of(subject)),
    )


def _is(subject: Interaction):  # type: ignore[no-untyped-def]
    return (interactions.c.source == subject.source, interactions.c.id == subject.id)
