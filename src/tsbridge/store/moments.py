"""Moments and the interactions they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update

from tsbridge.core.casestate import key_of
from tsbridge.core.contacts import says_none
from tsbridge.core.link import case_key
from tsbridge.core.moments import FACTS, UNJUDGED, Interaction, Moment, from_json, to_json
from tsbridge.core.story import Told, order_key
from tsbridge.store.people import as_left, requester_in
from tsbridge.store.tables import handles, interactions, moments

# Statements of the hot path are built once: building one costs more than running it.
_KNOWN: Final = select(moments.c.digest).where(moments.c.digest == bindparam("digest"))
_ADD: Final = insert(moments)
_NOT_REPLACED: Final = moments.c.replaced_at.is_(None)
IN_STORY: Final = and_(_NOT_REPLACED, moments.c.withdrawn_at.is_(None))
"""What judging goes by: first impressions only until the audits came, and nothing that a person withdrew."""
CAUGHT_UP: Final = "audits"
"""Told by a ticket's audits, without a delivery that rang for them."""
_LIFE: Final = select(
    *(interactions.c[name] for name in ("opened_at", "last_at", "channel", "contact", "requester", "requester_place")),
).where(interactions.c.source == bindparam("of_source"), interactions.c.id == bindparam("of_id"))


class Touched(NamedTuple):
    """An interaction after a moment. `news`: it is new, older than was known, or no contact after all; `requester`: of a ticket, as far
    as told."""

    news: bool
    requester: str | None


_FOUND: Final = insert(interactions)


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


def touch(conn: Connection, moment: Moment, requester: str | None) -> Touched:
    """Let the interaction's life reach to the moment, which tells that a ticket is `requester`'s: the last one told counts.

    Background facts and the desk add no life.
    """
    if moment.source == "desk":
        return Touched(False, None)
    subject, channel = moment.subject, dict(moment.facts).get("channel")
    place = order_key(moment) if requester is not None else None
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
                "requester": requester,
                "requester_place": place,
            },
        )
        return Touched(True, requester)
    contact = row.contact and not says_none(moment)
    now: dict[str, Any] = {}
    if moment.event not in UNJUDGED:
        now = {"opened_at": min(row.opened_at, moment.at), "last_at": max(row.last_at, moment.at)}
        now |= {"channel": row.channel or channel, "contact": contact}
    if place is not None and place > (row.requester_place or ""):
        now |= {"requester": requester, "requester_place": place}
    if now:
        conn.execute(update(interactions).where(*_is(subject)).values(now))
    news = moment.event not in UNJUDGED and (moment.at < row.opened_at or contact != row.contact)
    return Touched(news, now.get("requester", row.requester))


def story(conn: Connection, subjects: Iterable[Interaction]) -> list[Told]:
    """The moments of these interactions, and what the desk did to them, in the story's order."""
    told: list[Told] = []
    wanted = sorted(subjects)
    for start in range(0, len(wanted), 100):
        part = wanted[start : start + 100]
        within = or_(*(_moments_of(s) for s in part))
        rows = conn.execute(select(moments.c.digest, moments.c.body, moments.c.rulebook_version).where(within, IN_STORY))
        told.extend(Told(from_json(body, digest), version) for digest, body, version in rows)
    told.sort(key=lambda t: t.moment.order)
    return told


def heard_of(conn: Connection, tickets: Sequence[str]) -> dict[str, list[tuple[datetime, bool, str | None]]]:
    """When something was heard of each of these tickets, whether it told a text, and the id of the audit that told it, if one did.

    What was withdrawn was heard.
    """
    found: dict[str, list[tuple[datetime, bool, str | None]]] = {}
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
            order = body.get("vendor_order", "").partition(".")[0].lstrip("0")
            found.setdefault(ticket, []).append((at, bool(body["texts"]), order or None))
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
    """Let an interaction's life, and whose ticket it is, be what its story tells. False when that tells of no life: it stays as it was."""
    of_it = (moments.c.source == subject.source, moments.c.interaction == subject.id)
    life = select(func.min(moments.c.at), func.max(moments.c.at)).where(*of_it, IN_STORY, moments.c.event.not_in(UNJUDGED))
    first, last = conn.execute(life).one()
    told = conn.execute(select(moments.c.body, moments.c.digest).where(*of_it, IN_STORY)) if subject.source == "zendesk" else ()
    requester, place = _told_last(conn, [from_json(body, digest) for body, digest in told])
    stands: dict[str, Any] = {"requester": requester, "requester_place": place}
    if first is not None:
        stands |= {"opened_at": first, "last_at": last}
    conn.execute(update(interactions).where(*_is(subject)).values(stands))
    return first is not None


def _told_last(conn: Connection, told: Iterable[Moment]) -> tuple[str | None, str | None]:
    """The requester that the last of a ticket's moments told, and where in the story."""
    last = max((moment for moment in told if requester_in(moment.people)), key=order_key, default=None)
    return (None, None) if last is None else (requester_in(as_left(conn, last.people)), order_key(last))


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
