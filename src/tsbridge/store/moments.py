"""Moments and the interactions they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, case, func, or_, select, update

from tsbridge.core.moments import FACTS, UNJUDGED, Interaction, Moment, from_json
from tsbridge.core.story import Told
from tsbridge.core.track import key_of
from tsbridge.store.inbox import received_since
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.link_tables import handles, interactions
from tsbridge.store.moment_tables import moments
from tsbridge.store.people import as_left, requester_in
from tsbridge.store.statements import Keyed, parts

_NOT_REPLACED: Final = moments.c.replaced_at.is_(None)
IN_STORY: Final = and_(_NOT_REPLACED, moments.c.withdrawn_at.is_(None))
"""What judging goes by: first impressions only until the audits came, and nothing that a person withdrew."""
CAUGHT_UP: Final = "audits"
"""Told by a ticket's audits, without a delivery that rang for them."""
AT_DESK: Final = "desk"
"""Done at the desk, by people or by us."""
NO_DELIVERY: Final = (CAUGHT_UP, AT_DESK)
"""What stands in place of a delivery's id: decisions about these moments name none."""
_STORY: Final = Keyed(
    moments,
    ("source", "interaction"),
    ("source", "interaction", "digest", "body", "rulebook_version", "quiet_until"),
    "t.replaced_at IS NULL AND t.withdrawn_at IS NULL",
)
_EVER: Final = Keyed(moments, ("source", "interaction"), ("digest", "body", "since", "until"))
_EVENTS: Final = Keyed(moments, ("digest",), ("digest", "event_id"))
_REVISIONS: Final = Keyed(interactions, ("source", "id"), ("source", "id", "revision"))


def story(conn: Connection, subjects: Iterable[Interaction]) -> list[Told]:
    """The moments of these interactions, and what the desk did to them, in the story's order."""
    return stories(conn, dict.fromkeys(subjects, ""))[""]


def stories(conn: Connection, of: Mapping[Interaction, str]) -> dict[str, list[Told]]:
    """The stories that interactions are `of`, each in its order."""
    found: dict[str, list[Told]] = {name: [] for name in (*of.values(), "")}
    whose: dict[tuple[str, str], str] = {(subject.source, subject.id): name for subject, name in of.items()}
    whose |= {("desk", key_of(subject)): name for subject, name in of.items()}
    for source, interaction, digest, body, version, quiet in _STORY.rows(conn, sorted(whose)):
        found[whose[source, interaction]].append(Told(from_json(body, digest), version, quiet))
    for told in found.values():
        told.sort(key=lambda one: one.moment.order)
    return found


def revisions(conn: Connection, subjects: Iterable[Interaction]) -> dict[Interaction, int]:
    """How often something came into the stories of these interactions, or left them."""
    return {Interaction(source, id_): revision for source, id_, revision in _REVISIONS.rows(conn, sorted(subjects))}


class Episode(NamedTuple):
    """A moment that is or was part of its interaction's story, from one revision of that to another."""

    place: str
    digest: str
    moment: Moment
    since: int
    until: int | None

    def was_told(self, revision: int | None) -> bool:
        """Whether it was part of the story then; by now where nobody knows when that was."""
        if revision is None:
            return self.until is None
        return self.since <= revision and (self.until is None or self.until > revision)


def ever_told(conn: Connection, subject: Interaction) -> list[Episode]:
    """All that was ever told of an interaction, in the order of its story."""
    found = [
        Episode(moment.place, digest, moment, since, until)
        for digest, body, since, until in _EVER.rows(conn, [subject])
        for moment in [from_json(body, digest)]
    ]
    return sorted(found, key=lambda one: one.place)


def tells_subject(moment: Moment) -> bool:
    """Whether it tells a ticket's subject: said beside it, since in what is packed nothing is searched."""
    return any(text.role == "subject" for text in moment.texts)


def place_of(conn: Connection, digest: str) -> str | None:
    """A moment's place in its story; None when there is none such."""
    body = conn.execute(select(moments.c.body).where(moments.c.digest == digest)).scalar()
    return None if body is None else from_json(body, digest).place


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
    newer = select(inbox.c.id).where(inbox.c.rang_for == ticket, received_since(until, now))
    told = (moments.c.impression, IN_STORY, moments.c.event_id.not_in(newer))
    subject = Interaction("zendesk", ticket)
    if not conn.execute(update(moments).where(*of_it, *told).values(replaced_at=now, until=next_revision(subject))).rowcount:
        return None
    leave(conn, subject)
    opened_at: datetime = conn.execute(select(interactions.c.opened_at).where(*_is(subject))).scalar_one()
    redate(conn, subject)
    return opened_at


def leave(conn: Connection, subject: Interaction) -> None:
    """Something left the interaction's story: a revision of it, as what left says of itself (`until`)."""
    conn.execute(update(interactions).where(*_is(subject)).values(revision=interactions.c.revision + 1))


def next_revision(subject: Interaction):  # type: ignore[no-untyped-def]  # a SQL expression
    """The revision of an interaction with which something leaves its story now."""
    return select(interactions.c.revision + 1).where(*_is(subject)).scalar_subquery()


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
    last = max((moment for moment in told if requester_in(moment.people)), key=attrgetter("place"), default=None)
    return (None, None) if last is None else (requester_in(as_left(conn, last.people)), last.place)


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


def events_of(conn: Connection, digests: Iterable[str]) -> dict[str, str]:
    """The delivery that first told each of these moments; those that no delivery told are left out."""
    return {digest: event_id for digest, event_id in _EVENTS.rows(conn, digests) if event_id not in NO_DELIVERY}


def moments_of(subject: Interaction):  # type: ignore[no-untyped-def]  # a SQL expression
    """Those of an interaction, and what the desk did to it."""
    return or_(
        and_(moments.c.source == subject.source, moments.c.interaction == subject.id),
        and_(moments.c.source == "desk", moments.c.interaction == key_of(subject)),
    )


def _is(subject: Interaction):  # type: ignore[no-untyped-def]
    return (interactions.c.source == subject.source, interactions.c.id == subject.id)
