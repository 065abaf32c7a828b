"""Moments and the interactions they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, case, func, insert, or_, select, update

from tsbridge.core.contacts import says_none
from tsbridge.core.link import case_key
from tsbridge.core.moments import FACTS, UNJUDGED, Interaction, Moment, from_json, to_json
from tsbridge.core.story import Told, order_key
from tsbridge.core.track import key_of
from tsbridge.store.people import as_left, requester_in
from tsbridge.store.statements import parts
from tsbridge.store.tables import handles, inbox, interactions, moments

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
_TOLD: Final = (moments.c.digest, moments.c.body, moments.c.rulebook_version, moments.c.quiet_until)


def add(conn: Connection, moment: Moment, event_id: str, version: int, quiet: datetime | None = None) -> bool:
    """Keep a moment, to be judged by rulebook `version`, quiet up to then. False when an equal one is there already."""
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
        "vendor_order": moment.vendor_order or None,
        "quiet_until": quiet,
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
    for part in parts(wanted, 100):
        within = or_(*(moments_of(s) for s in part))
        rows = conn.execute(select(*_TOLD).where(within, IN_STORY))
        told.extend(Told(from_json(body, digest), version, quiet) for digest, body, version, quiet in rows)
    told.sort(key=lambda t: t.moment.order)
    return told


def last_heard(conn: Connection, tickets: Sequence[str]) -> dict[str, datetime | None]:
    """Those of these tickets that were heard of at all, with the time of the newest audit that was heard; None without one."""
    found: dict[str, datetime | None] = {}
    audit = case((moments.c.vendor_order.is_not(None), moments.c.at))
    for part in parts(tickets):
        of_them = (moments.c.source == "zendesk", moments.c.interaction.in_(part), moments.c.event != FACTS)
        rows = conn.execute(select(moments.c.interaction, func.max(audit)).where(*of_them, IN_STORY).group_by(moments.c.interaction))
        found.update({ticket: at for ticket, at in rows})
    return found


def with_impressions(conn: Connection, tickets: Sequence[str]) -> set[str]:
    """Which of these tickets have first impressions in their story: their audits are still to be read."""
    found: set[str] = set()
    for part in parts(tickets):
        of_them = (moments.c.source == "zendesk", moments.c.interaction.in_(part))
        found |= set(conn.execute(select(moments.c.interaction).where(*of_them, moments.c.impression, IN_STORY).distinct()).scalars())
    return found


def replace_impressions(conn: Connection, ticket: str, now: datetime, until: datetime) -> datetime | None:
    """Take a ticket's first impressions out of its story: its audits were read. Returns when it was opened as was known before; None
    when there were none.

    `until`: what deliveries received later ring of may not be among what was read, so theirs stay.
    They stay on record for the decisions that saw them. The interaction's life is then what the rest of the story tells.
    """
    of_it = (moments.c.source == "zendesk", moments.c.interaction == ticket)
    newer = select(inbox.c.id).where(inbox.c.rang_for == ticket, inbox.c.received_at > until)
    told = (moments.c.impression, IN_STORY, moments.c.event_id.not_in(newer))
    if not conn.execute(update(moments).where(*of_it, *told).values(replaced_at=now)).rowcount:
        return None
    subject = Interaction("zendesk", ticket)
    opened_at: datetime = conn.execute(select(interactions.c.opened_at).where(*_is(subject))).scalar_one()
    redate(conn, subject)
    return opened_at


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
        its = (handles.c.source == subject.source, handles.c.interaction == subject.id)
        conn.execute(update(handles).where(*its).values(opened_at=first))
    conn.execute(update(interactions).where(*_is(subject)).values(stands))
    return first is not None


def _told_last(conn: Connection, told: Iterable[Moment]) -> tuple[str | None, str | None]:
    """The requester that the last of a ticket's moments told, and where in the story."""
    last = max((moment for moment in told if requester_in(moment.people)), key=order_key, default=None)
    return (None, None) if last is None else (requester_in(as_left(conn, last.people)), order_key(last))


def unknown(conn: Connection, told: Sequence[Moment]) -> list[Moment]:
    """Those of these moments that were not heard before."""
    known: set[str] = set()
    for part in parts(told):
        digests = [moment.digest for moment in part]
        known |= set(conn.execute(select(moments.c.digest).where(moments.c.digest.in_(digests))).scalars())
    return [moment for moment in told if moment.digest not in known]


def audits_heard(conn: Connection, tickets: Sequence[str]) -> dict[str, set[str]]:
    """Which audits of these tickets were heard, by their ids of twenty digits."""
    found: dict[str, set[str]] = {}
    for part in parts(tickets):
        of_them = (moments.c.source == "zendesk", moments.c.interaction.in_(part))
        for ticket, order in conn.execute(
            select(moments.c.interaction, moments.c.vendor_order).where(*of_them, moments.c.vendor_order.is_not(None))
        ):
            found.setdefault(ticket, set()).add(order.partition(".")[0])
    return found


def requester_before(conn: Connection, ticket: str, audit: str) -> str | None:
    """Whose ticket it was when this audit (id of twenty digits) came, as far as those heard before it tell."""
    told = (moments.c.source == "zendesk", moments.c.interaction == ticket, moments.c.vendor_order < audit)
    rows = conn.execute(select(moments.c.body).where(*told, IN_STORY).order_by(moments.c.vendor_order.desc()))
    facts = (dict(from_json(body).facts) for body in rows.scalars())
    return next((str(found) for one in facts if (found := one.get("requester.id")) is not None), None)


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
    for part in parts(calls):
        own = select(interactions.c.id).where(interactions.c.source == "talkdesk", interactions.c.id.in_(part))
        named = select(handles.c.interaction).where(handles.c.source == "talkdesk", handles.c.kind == "call", handles.c.value.in_(part))
        ids = own.union(named.where(handles.c.role == "name")).subquery().select()
        rows = conn.execute(select(moments.c.body).where(moments.c.source == "talkdesk", moments.c.interaction.in_(ids)))
        found.extend(from_json(body) for (body,) in rows)
    return found


def events_of(conn: Connection, digests: Sequence[str]) -> dict[str, str]:
    """The delivery that first told each of these moments; those that catching up told are left out."""
    found: dict[str, str] = {}
    for part in parts(digests):
        rows = conn.execute(select(moments.c.digest, moments.c.event_id).where(moments.c.digest.in_(part)))
        found.update({row.digest: row.event_id for row in rows if row.event_id != CAUGHT_UP})
    return found


def moments_of(subject: Interaction):  # type: ignore[no-untyped-def]  # a SQL expression
    """Those of an interaction, and what the desk did to it."""
    return or_(
        and_(moments.c.source == subject.source, moments.c.interaction == subject.id),
        and_(moments.c.source == "desk", moments.c.interaction == key_of(subject)),
    )


def _is(subject: Interaction):  # type: ignore[no-untyped-def]
    return (interactions.c.source == subject.source, interactions.c.id == subject.id)
