"""Event subscriptions into moments (shapes: reference/zendesk.md section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tsbridge.core.link import MERGE
from tsbridge.core.moments import Actor, ActorKind, Change, Handle, Moment, Text, Value
from tsbridge.vendors import reading
from tsbridge.vendors.reading import Normalized, id_text, person_facts, whole_id, word
from tsbridge.vendors.zendesk.channels import channel_of, unknown_channel
from tsbridge.vendors.zendesk.payload import EVENT
from tsbridge.vendors.zendesk.read_fields import OwnUser, follows, inside, mapping, names_in, scalar, status, ticket_id

EVENTS: Final[Mapping[str, str]] = {
    "created": "ticket.created",
    "comment_added": "ticket.commented",
    "merged": "ticket.merged",
    "soft_deleted": "ticket.deleted",
    "permanently_deleted": "ticket.deleted",
    "marked_as_spam": "ticket.deleted",
    **dict.fromkeys(
        (
            "status_changed",
            "custom_status_changed",
            "priority_changed",
            "type_changed",
            "subject_changed",
            "description_changed",
            "external_id_changed",
            "agent_assignment_changed",
            "group_assignment_changed",
            "organization_changed",
            "requester_changed",
            "submitter_changed",
            "brand_changed",
            "form_changed",
            "problem_link_changed",
            "task_due_at_changed",
            "tags_changed",
            "custom_field_changed",
            "attachment_linked_to_comment",
            "attachment_redacted_from_comment",
            "comment_made_private",
            "comment_redacted",
            "email_ccs_changed",
            "followers_changed",
            "undeleted",
            "next_sla_breach_changed",
            "sla_policy_changed",
            "ola_policy_changed",
            "schedule_changed",
            "csat_requested",
            "csat_received",
        ),
        "ticket.updated",
    ),
}

DIFFS: Final[Mapping[str, str]] = {
    "status_changed": "ticket.status",
    "priority_changed": "ticket.priority",
    "type_changed": "ticket.type",
    "subject_changed": "subject",
    "external_id_changed": "ticket.external_id",
    "agent_assignment_changed": "ticket.assignee_id",
    "group_assignment_changed": "ticket.group_id",
    "requester_changed": "requester.id",
    "brand_changed": "ticket.brand_id",
    "form_changed": "ticket.form_id",
}

IDS: Final = ("ticket.assignee_id", "ticket.group_id", "requester.id", "ticket.brand_id", "ticket.form_id")


def from_event(data: Mapping[str, Any], received_at: datetime, own: OwnUser) -> Normalized:
    kind = data["type"].removeprefix(EVENT)
    domain, _, name = kind.partition(".")
    if domain == "messaging_ticket" and name == "message_added":
        message, doubted = _message(data, received_at)
        return Normalized(kind, (message,), warnings=doubted)
    if domain == "user" and name == "merged" and (merged := _merged(data)) is not None:
        return Normalized(kind, merged=merged)
    if domain == "user" and name == "deleted" and (gone := whole_id(inside(data, "detail").get("id"))) is not None:
        return Normalized(kind, deleted=gone)
    if domain != "ticket":
        known = domain in ("user", "organization", "agent", "messaging_ticket")
        return Normalized(kind, ignored="not_about_a_case" if known else "unknown_type")
    event = EVENTS.get(name)
    if event is None:
        return Normalized(kind, ignored="unknown_type")
    detail, body = mapping(data, "detail"), inside(data, "event")
    ticket = ticket_id(detail.get("id"), "/detail/id")
    facts, people = _detail_facts(detail)
    changes = _changes(name, body, facts)
    texts = [Text("subject", t)] if (t := reading.text(detail.get("subject"), reading.SUBJECT_LENGTH)) else []
    texts += [Text("description", t)] if (t := reading.text(detail.get("description"))) else []
    names = list(names_in(facts))
    comment = inside(body, "comment")
    actor = _event_actor(detail, comment if name == "comment_added" else {}, own)
    if name == "comment_added" and (said := reading.text(comment.get("body"))):
        by, author = _author(comment, detail, actor), id_text(inside(comment, "author").get("id"))
        texts.append(Text("comment", said, by, reading.flag(comment.get("is_public")), author if author != actor.id else None))
    if name == "merged" and (target := whole_id(body.get("target_ticket_id"))):
        names.append(Handle(MERGE, target))
    if event == "ticket.deleted":
        facts["ticket.status"] = "deleted"
    elif event == "ticket.merged":
        facts["ticket.status"] = "closed"
    at, at_known, doubted = reading.when(data.get("time"), received_at)
    moment = Moment(
        "zendesk",
        ticket,
        event,
        at,
        at_known,
        tuple(sorted(facts.items())),
        tuple(sorted(changes)),
        tuple(texts),
        tuple(sorted(set(names))),
        people,
        actor,
    )
    if "channel" not in facts:
        doubted = (*unknown_channel(inside(detail, "via").get("channel")), *doubted)
    return Normalized(kind, (moment,), warnings=doubted)


def _merged(data: Mapping[str, Any]) -> tuple[str, str] | None:
    """The user that is gone and the one that is left. Zendesk documents the event without its members: `detail` is taken as the
    one that is gone, as with tickets; which way round makes no difference to who is one person."""
    body = inside(data, "event")
    lost = whole_id(inside(data, "detail").get("id"))
    candidates = (
        inside(body, "user").get("id"),
        *(body.get(key) for key in ("target_user_id", "user_id", "merged_user_id", "source_user_id")),
    )
    other = next((found for one in candidates if (found := whole_id(one)) not in (None, lost)), None)
    return None if lost is None or other is None else (lost, other)


def _author(comment: Mapping[str, Any], detail: Mapping[str, Any], actor: Actor) -> ActorKind:
    """Whose words a comment is; the one who caused the event where the comment names nobody."""
    author = inside(comment, "author")
    id_ = id_text(author.get("id"))
    if id_ is None:
        return actor.kind
    if id_ == id_text(detail.get("requester_id")) or author.get("is_staff") is False:
        return "requester"
    return "system" if id_.startswith("-") else "agent"


def _message(data: Mapping[str, Any], received_at: datetime) -> tuple[Moment, tuple[str, ...]]:
    """A chat message: `detail` holds nothing but the ticket's id, the rest has to be looked up."""
    detail, body = mapping(data, "detail"), mapping(data, "event")
    actor = inside(body, "actor")
    kinds: dict[str, ActorKind] = {"end_user": "requester", "agent": "agent", "system": "system"}
    kind = kinds.get(str(actor.get("type")), "unknown")
    message = inside(body, "message")
    said = reading.text(message.get("body"))
    at, at_known, doubted = reading.when(data.get("time"), received_at)
    moment = Moment(
        "zendesk",
        ticket_id(detail.get("id"), "/detail/id"),
        "ticket.commented",
        at,
        at_known,
        facts=(("channel", "messaging"),),
        texts=(Text("comment", said, kind, True),) if said else (),
        actor=Actor(kind, id_text(actor.get("id"))),
    )
    return moment, doubted


def _detail_facts(detail: Mapping[str, Any]) -> tuple[dict[str, Value], tuple[Handle, ...]]:
    facts: dict[str, Value] = {}
    for key, name in (("status", "ticket.status"), ("priority", "ticket.priority"), ("type", "ticket.type")):
        if key in detail:
            facts[name] = status(detail[key]) if key == "status" else word(detail[key])
    for key in ("assignee_id", "group_id", "brand_id", "form_id", "external_id"):
        if key in detail:
            facts[f"ticket.{key}"] = id_text(detail[key]) if key == "external_id" else whole_id(detail[key])
    if (public := reading.flag(detail.get("is_public"))) is not None:
        facts["ticket.is_public"] = public
    if "tags" in detail:
        facts["tags"] = reading.tags(detail["tags"])
    via = inside(detail, "via")
    if channel := channel_of(via.get("channel")):
        facts["channel"] = channel
    if (followed := follows(via)) is not None:
        facts["ticket.follows"] = followed
    requester, people = person_facts(detail.get("requester_id"), None, None, None, "US")
    return {**facts, **requester}, people


def _changes(name: str, body: Mapping[str, Any], facts: dict[str, Value]) -> list[Change]:
    """The vendor's own difference. The snapshot is taken at the same instant, so both tell the same present."""
    if name in DIFFS and ("current" in body or "previous" in body):
        field = DIFFS[name]
        change = Change(field, _value(field, body.get("previous")), _value(field, body.get("current")))
        if field != "subject":
            facts[field] = change.current
        return [change]
    if name == "custom_field_changed":
        about = inside(body, "custom_field")
        id_ = whole_id(about.get("id"))
        if id_ is None:
            return []
        change = Change(f"ticket.custom.{id_}", scalar(body.get("previous")), scalar(body.get("current")))
        facts[change.field] = change.current
        return [change]
    if name == "tags_changed":
        added = set(reading.tags(_inner(body, "tags_added", "added")))
        removed = set(reading.tags(_inner(body, "tags_removed", "removed")))
        stood = facts.get("tags")
        now = {*(stood if isinstance(stood, tuple) else ())} | (added if not stood else set())
        before = tuple(sorted((now - added) | removed))
        facts["tags"] = tuple(sorted(now))
        return [Change("tags", before, tuple(sorted(now)))]
    return []


def _inner(body: Mapping[str, Any], flat: str, nested: str) -> Any:
    if flat in body:
        return body[flat]
    inside = body.get(nested)
    return inside.get("tags") if isinstance(inside, Mapping) else None


def _event_actor(detail: Mapping[str, Any], comment: Mapping[str, Any], own: OwnUser) -> Actor:
    author = inside(comment, "author")
    id_ = id_text(detail.get("actor_id")) or id_text(author.get("id"))
    if id_ is None:
        return Actor("unknown")
    if id_.startswith("-"):
        return Actor("system", id_)
    if own.id is not None and id_ == own.id:
        return Actor("us", id_)
    if id_ == id_text(detail.get("requester_id")) or (author.get("is_staff") is False and id_ == id_text(author.get("id"))):
        return Actor("requester", id_)
    return Actor("agent", id_)


def _value(field: str, value: Any) -> Value:
    if isinstance(value, Mapping):
        value = value.get("id", value.get("value"))
    if field == "ticket.status":
        return status(value)
    if field == "ticket.external_id":
        return id_text(value)
    if field in IDS:
        return whole_id(value)
    if field == "subject":
        return reading.text(value, reading.SUBJECT_LENGTH)
    return word(value)
