"""A ticket's audits as moments: what happened, in Zendesk's own order (reference/zendesk.md section 8.4).

A delivery about a ticket only rings; an audit is the truth: one update by one author at one instant, with each difference
and the comment. What an update of ours planned is told as facts and decides nothing; what a rule of Zendesk's added in it is
a change like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from tsbridge.core.echo import beyond
from tsbridge.core.link import MERGE
from tsbridge.core.moments import WRITTEN, Actor, ActorKind, Change, Handle, Moment, Text, Value, instant_text, read_instant
from tsbridge.vendors import reading
from tsbridge.vendors.reading import id_text, whole_id, word
from tsbridge.vendors.zendesk.channels import channel_of, unknown_channel
from tsbridge.vendors.zendesk.read_fields import follows, inside, names_in, satisfaction, scalar, status

FIELDS: Final[Mapping[str, str]] = {
    "status": "ticket.status",
    "custom_status_id": "ticket.custom_status_id",
    "priority": "ticket.priority",
    "type": "ticket.type",
    "group_id": "ticket.group_id",
    "assignee_id": "ticket.assignee_id",
    "organization_id": "ticket.organization_id",
    "brand_id": "ticket.brand_id",
    "ticket_form_id": "ticket.form_id",
    "external_id": "ticket.external_id",
    "requester_id": "requester.id",
    "tags": "tags",
    "subject": "subject",
    "satisfaction_score": "ticket.satisfaction",
}
RATING: Final = "SatisfactionRating"
"""An event of its own for a rating, beside or instead of a changed `satisfaction_score`."""
EMPTY: Final[Mapping[str, Value]] = {"ticket.priority": None, "ticket.group_id": None, "ticket.assignee_id": None, "tags": ()}
"""What a new ticket has not until its audit says otherwise."""
Planned = Callable[[str], Mapping[str, Any] | None]
"""The edit (`core.helpdesk_json.edit_json`) that an update's marker stands for; None when it is none of ours."""


class _Told(NamedTuple):
    """One difference that an audit lists. `rule`: made by a rule of Zendesk's inside the update."""

    change: Change
    rule: bool


def moments_of(ticket: str, audits: Iterable[Mapping[str, Any]], planned: Planned, requester: str | None = None) -> tuple[Moment, ...]:
    """The moments of a ticket's audits, oldest first. Audits without an id or a time say nothing.

    `requester`: who it is known to be where the audits do not tell (they may begin in the middle of the ticket's life).
    """
    found: list[Moment] = []
    for audit in sorted((a for a in audits if _id(a) is not None), key=lambda a: _id(a) or 0):
        at = reading.time(audit.get("created_at"))
        if at is None:
            continue
        told = _told(audit)
        requester = next((str(t.change.current) for t in told if t.change.field == "requester.id" and t.change.current), requester)
        found += _moments(ticket, audit, at, told, requester, planned)
    return tuple(found)


def believed(told: Sequence[Moment], read_at: datetime, kept: Mapping[str, str]) -> tuple[list[Moment], dict[str, str], list[str]]:
    """The moments of a ticket's audits at times that can be, what is to be kept of that by audit, and a warning for each new one.

    An audit dated more than five minutes beyond the reading, or before any account began, counts at the time it was first read:
    not before the audit before it, not after the next one whose time is believed, as their ids tell the order. Audits are read
    again and again, and some day a time in the future is past: so what counted at the first reading is `kept` and counts for good.
    """
    found: list[Moment] = []
    times, warnings = dict(kept), []
    last = reading.BEGINNING
    for place, moment in enumerate(told):
        audit = moment.vendor_order.partition(".")[0]
        why = None if audit in times else reading.doubt(moment.at, read_at)
        if why is not None:
            behind = (m.at for m in told[place + 1 :] if reading.doubt(m.at, read_at) is None)
            times[audit] = instant_text(max(last, min(read_at, next(behind, read_at))))
            warnings.append(why)
        if audit in times:
            moment = replace(moment, at=read_instant(times[audit]), at_known=False)
        last = max(last, moment.at)
        found.append(moment)
    return found, times, warnings


def tells_creation(audits: Iterable[Mapping[str, Any]]) -> bool:
    """Whether these audits begin with the ticket."""
    return any(event.get("type") == "Create" for audit in audits for event in _events(audit))


def requester_at_first(audits: Iterable[Mapping[str, Any]]) -> str | None:
    """Whose ticket it was before the first of these audits that set another requester; None when none of them did."""
    changes = ((_id(audit) or 0, event) for audit in audits for event in _events(audit) if event.get("type") == "Change")
    found = sorted(
        (n, id_text(e.get("previous_value"))) for n, e in changes if e.get("field_name") == "requester_id" and e.get("previous_value")
    )
    return found[0][1] if found else None


def channel_warnings(audits: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The warning for a channel that the ticket was created by and that we have no word for."""
    created = (audit for audit in audits if any(event.get("type") == "Create" for event in _events(audit)))
    return next((unknown_channel(inside(audit, "via").get("channel")) for audit in created), ())


def _moments(
    ticket: str, audit: Mapping[str, Any], at: datetime, told: list[_Told], requester: str | None, planned: Planned
) -> list[Moment]:
    marker = _marker(audit)
    edit = planned(marker) if marker else None
    order = f"{_id(audit):020d}"
    if edit is None:
        moment = _moment(ticket, audit, at, told, requester, f"{order}.1")
        return [] if moment is None else [moment]
    ours = [one.change for one in told if not one.rule]
    # Only what we planned is ours: anything else in our update was done by a rule of Zendesk's.
    rest = [change for one in told if (change := one.change if one.rule else beyond(one.change, [edit])) is not None]
    found = [_of_update(ticket, audit, at, WRITTEN, ours, Actor("us", id_text(audit.get("author_id"))), f"{order}.0")]
    if rest:
        by_rule = _of_update(ticket, audit, at, "ticket.updated", rest, Actor("system"), f"{order}.1")
        changes = tuple(sorted(rest, key=lambda change: change.field))
        found.append(replace(by_rule, changes=changes, texts=_subjects(rest), names=tuple(sorted(names_in(dict(by_rule.facts))))))
    return found


def _of_update(ticket: str, audit: Mapping[str, Any], at: datetime, event: str, changes: list[Change], actor: Actor, order: str) -> Moment:
    facts = {change.field: change.current for change in changes if change.field != "subject"}
    people = _people(facts)
    told = tuple(sorted(facts.items()))
    return Moment("zendesk", ticket, event, at, facts=told, people=people, actor=actor, vendor_order=order, via=_came_by(audit))


def _moment(ticket: str, audit: Mapping[str, Any], at: datetime, told: list[_Told], requester: str | None, order: str) -> Moment | None:
    created = any(event.get("type") == "Create" for event in _events(audit))
    comment = next((event for event in _events(audit) if event.get("type") in ("Comment", "VoiceComment")), None)
    if not (created or told or comment is not None or _ratings(audit) or _reasons(audit)):
        return None
    if created and requester is None:
        requester = whole_id((comment or audit).get("author_id"))
    actor = _actor(id_text(audit.get("author_id")), requester)
    facts: dict[str, Value] = dict(EMPTY) if created else {}
    if created and requester is not None:
        facts["requester.id"] = requester
    texts = list(_subjects(one.change for one in told))
    for one in told:
        if one.change.field != "subject" and (one.change.current is not None or not created):
            # what a new ticket does not have need not be said
            facts[one.change.field] = one.change.current
    via = inside(audit, "via")
    if created and (channel := channel_of(via.get("channel"))):
        facts["channel"] = channel
    if comment is not None:
        _say(comment, created, requester, actor, facts, texts)
    for score in _ratings(audit):
        facts.setdefault("ticket.satisfaction", score)
    texts += [Text("comment", said, "requester") for said in _reasons(audit)]
    if (followed := follows(via)) is not None:
        facts["ticket.follows"] = followed
    names = set(names_in(facts)) | _named(via)
    event = "ticket.created" if created else "ticket.commented" if comment is not None else "ticket.updated"
    if not created and _rel(via) == "merge" and facts.get("ticket.status") == "closed":
        event = "ticket.merged"
    return Moment(
        "zendesk",
        ticket,
        event,
        at,
        facts=tuple(sorted(facts.items())),
        changes=() if created else tuple(sorted((one.change for one in told), key=lambda change: change.field)),
        texts=tuple(texts),
        names=tuple(sorted(names)),
        people=_people(facts),
        actor=actor,
        vendor_order=order,
        via=_came_by(audit),
    )


def _subjects(changes: Iterable[Change]) -> tuple[Text, ...]:
    return tuple(Text("subject", one.current) for one in changes if one.field == "subject" and isinstance(one.current, str))


def _came_by(audit: Mapping[str, Any]) -> str:
    return channel_of(inside(audit, "via").get("channel")) or ""


def _people(facts: Mapping[str, Value]) -> tuple[Handle, ...]:
    """The requester, where an audit says who it is."""
    requester = whole_id(facts.get("requester.id"))
    return () if requester is None else (Handle("zendesk_user", requester),)


def _say(
    comment: Mapping[str, Any], created: bool, requester: str | None, actor: Actor, facts: dict[str, Value], texts: list[Text]
) -> None:
    """The comment's words, and what they make of the ticket."""
    author = id_text(comment.get("author_id"))
    by = actor.kind if author is None else _actor(author, requester).kind
    public = reading.flag(comment.get("public"))
    said = reading.text(comment.get("body") or comment.get("plain_body"))
    if said is not None:
        other = author if author is not None and author != actor.id and not created else None
        texts.append(Text("description" if created else "comment", said, by, public, other))
    if public is not None and (created or public):
        facts["ticket.is_public"] = public
    if public and by in ("requester", "agent", "system"):
        facts["ticket.last_public_by"] = by


def _ratings(audit: Mapping[str, Any]) -> list[str]:
    """Scores told by an event of their own: without what stood before, so that the story has to tell what they changed."""
    return [score for e in _events(audit) if e.get("type") == RATING and (score := satisfaction(e.get("score"))) is not None]


def _reasons(audit: Mapping[str, Any]) -> list[str]:
    """What the requester gave as the reason for a rating."""
    told = [e.get("value") for e in _events(audit) if e.get("type") == "Change" and e.get("field_name") == "satisfaction_comment"]
    told += [event.get("body") for event in _events(audit) if event.get("type") == RATING]
    return list(dict.fromkeys(said for value in told if (said := reading.text(value)) is not None))


def _told(audit: Mapping[str, Any]) -> list[_Told]:
    """Every difference the audit lists, each field once: the last word counts, the first one's `previous`."""
    found: dict[tuple[str, bool], Change] = {}
    for event in _events(audit):
        if event.get("type") not in ("Create", "Change"):
            continue
        name = str(event.get("field_name"))
        field = FIELDS.get(name) or (f"ticket.custom.{name}" if name.isascii() and name.isdigit() else None)
        if field is None or (field == "ticket.satisfaction" and satisfaction(event.get("value")) is None):
            continue
        rule = inside(event, "via").get("channel") == "rule"
        before = found.get((field, rule))
        previous = _value(field, event.get("previous_value")) if before is None else before.previous
        found[field, rule] = Change(field, previous, _value(field, event.get("value")))
    return [_Told(change, rule) for (_, rule), change in found.items()]


def _value(field: str, value: Any) -> Value:
    if field == "tags":
        return reading.tags(value)
    if field == "ticket.status":
        return status(value)
    if field == "ticket.satisfaction":
        return satisfaction(value)
    if field == "ticket.external_id":
        return id_text(value)
    if field.endswith("_id") or field == "requester.id":
        return whole_id(value)
    if field == "subject":
        return reading.text(value, reading.SUBJECT_LENGTH)
    return scalar(value) if field.startswith("ticket.custom.") else word(value)


def _actor(author: str | None, requester: str | None) -> Actor:
    kind: ActorKind = "agent"
    if author is None or author.startswith("-"):
        kind = "system"
    elif author == requester:
        kind = "requester"
    return Actor(kind, author)


def _named(via: Mapping[str, Any]) -> set[Handle]:
    """Tickets that a merge names."""
    origin = inside(inside(via, "source"), "from")
    if _rel(via) != "merge":
        return set()
    several = origin.get("ticket_ids")
    ids = [origin.get("ticket_id"), *(several if isinstance(several, list) else ())]
    return {Handle(MERGE, found) for one in ids if (found := whole_id(one)) is not None}


def _rel(via: Mapping[str, Any]) -> Any:
    return inside(via, "source").get("rel")


def _marker(audit: Mapping[str, Any]) -> str | None:
    marker = inside(inside(audit, "metadata"), "custom").get("tsbridge")
    return marker if isinstance(marker, str) else None


def _events(audit: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    events = audit.get("events")
    return [event for event in events if isinstance(event, Mapping)] if isinstance(events, list) else []


def _id(audit: Mapping[str, Any]) -> int | None:
    found = id_text(audit.get("id"))
    return int(found) if found is not None and found.isascii() and found.isdigit() and len(found) < 20 else None
