"""What webhooks did not tell: a ticket's audits as deliveries of our own trigger body (reference/zendesk.md section 7).

An audit is one update by one author at one instant: what changed, and the comment if there was one. Those that no moment we
heard accounts for become bodies that say exactly that, with the author as the actor, so that people still win afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tsbridge.vendors import reading
from tsbridge.vendors.zendesk.payload import EVENT

NEAR: Final = timedelta(seconds=1.5)
"""Webhook bodies tell whole seconds, events fractions of one."""
FIELDS: Final = {
    "status": "status",
    "priority": "priority",
    "type": "type",
    "group_id": "group_id",
    "assignee_id": "assignee_id",
    "brand_id": "brand_id",
    "ticket_form_id": "form_id",
    "external_id": "external_id",
    "subject": "subject",
}


SCRUBBED: Final = "SCRUBBED"
"""What the export calls the subject of a ticket that was deleted for good."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A moment we have of a ticket: when, whether it told a text, and which audit it comes from, where it does from one."""

    at: datetime
    text: bool
    audit: str | None = None


def missed(
    ticket: Mapping[str, Any], audits: Iterable[Mapping[str, Any]], heard: Sequence[Heard], since: datetime
) -> list[tuple[str, dict[str, Any]]]:
    """Delivery keys and bodies of the audits since `since` that nothing we heard accounts for, oldest first.

    Where moments come from audits, only its own accounts for one: another of the same second says nothing about it. Our
    own updates count like any: their values are facts of the story.
    """
    told = {one.audit for one in heard if one.audit is not None}
    others = [] if told else heard
    found: list[tuple[datetime, str, dict[str, Any]]] = []
    for audit in audits:
        at, id_ = reading.time(audit.get("created_at")), reading.id_text(audit.get("id"))
        if at is None or id_ is None or at < since or id_ in told:
            continue
        events = [event for event in audit.get("events") or () if isinstance(event, Mapping)]
        near = [one for one in others if abs(one.at - at) <= NEAR]
        said = any(event.get("type") == "Comment" for event in events)
        if near and not _redacts(events) and (not said or any(one.text for one in near)):
            continue
        body = _body(ticket, audit, events, id_)
        if body is not None:
            found.append((at, f"audit:{id_}", body))
    found.sort(key=lambda one: one[:2])
    return [(key, body) for _, key, body in found]


def gone(ticket: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The delivery of a ticket that the export shows as deleted, or as deleted for good: of that one only the row is left."""
    id_, at = str(ticket["id"]), str(ticket.get("updated_at"))
    if ticket.get("subject") == SCRUBBED:
        return f"scrubbed:{id_}", {"type": f"{EVENT}ticket.permanently_deleted", "time": at, "detail": {"id": id_}, "event": {}}
    return f"deleted:{id_}:{at}", {"tsbridge": "1", "type": "ticket.deleted", "ticket": {"id": id_, "updated_at": at}}


def _redacts(events: Sequence[Mapping[str, Any]]) -> bool:
    """Whether words were taken out: `CommentRedactionEvent` and its kin, of comments, attachments, fields."""
    return any("Redact" in str(event.get("type")) for event in events)


def _body(ticket: Mapping[str, Any], audit: Mapping[str, Any], events: Sequence[Mapping[str, Any]], id_: str) -> dict[str, Any] | None:
    told: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    said: str | None = None
    for event in events:
        name, value = str(event.get("field_name")), event.get("value")
        if event.get("type") in ("Create", "Change"):
            if name in FIELDS:
                told[FIELDS[name]] = "" if value is None else value
            elif name == "tags":
                told["tags"] = value if isinstance(value, list) else str(value or "")
            elif reading.whole_id(name):
                custom[name] = "" if value is None else value
        elif event.get("type") == "Comment":
            said = reading.text(event.get("body"))
    created = any(event.get("type") == "Create" for event in events)
    if not (created or told or custom or said or _redacts(events)):
        return None
    at = str(audit.get("created_at"))
    facts = {"id": str(ticket["id"]), **told, "updated_at": at, "requester": {"id": str(ticket.get("requester_id") or "")}}
    if custom:
        facts["custom_fields"] = custom
    if created:
        via = ticket.get("via")
        facts |= {"created_at": at, "description": said or "", "channel": via.get("channel") if isinstance(via, Mapping) else ""}
    elif said:
        facts["latest_comment"] = said
    kind = "ticket.created" if created else "ticket.commented" if said else "ticket.updated"
    return {"tsbridge": "1", "type": kind, "delivery": f"audit-{id_}", "ticket": facts, "actor": {"id": str(audit.get("author_id") or "")}}
