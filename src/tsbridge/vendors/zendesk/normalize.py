"""Zendesk deliveries into moments (event shapes: reference/zendesk.md section 1; trigger body: contract section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tsbridge.core.moments import TICKET_EVENTS, Actor, ActorKind, Change, Handle, Moment, Text, Value
from tsbridge.vendors import reading
from tsbridge.vendors.errors import Malformed
from tsbridge.vendors.reading import Normalized, blank, id_text, person_facts, word
from tsbridge.vendors.zendesk.payload import EVENT, is_event

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

CHANNELS: Final[Mapping[str, str]] = {
    "mail": "email",
    "email": "email",
    "web": "web",
    "web_form": "web",
    "web form": "web",
    "web_widget": "web",
    "help_center": "web",
    "help center post": "web",
    "web_service": "api",
    "web service": "api",
    "web service (api)": "api",
    "api": "api",
    "chat": "chat",
    "chat_transcript": "chat",
    "native_messaging": "messaging",
    "messaging": "messaging",
    "mobile_sdk": "messaging",
    "mobile": "messaging",
    "whatsapp": "messaging",
    "line": "messaging",
    "wechat": "messaging",
    "sms": "sms",
    "text": "sms",
    "twitter": "social",
    "x_corp_dm": "social",
    "facebook": "social",
    "facebook_messenger": "social",
    "instagram_dm": "social",
    "any_channel": "social",
    "social": "social",
    "voice": "voice",
    "phone": "voice",
    "voicemail": "voice",
    "phone_call_inbound": "voice",
    "phone_call_outbound": "voice",
    "api_phone_call_inbound": "voice",
    "api_phone_call_outbound": "voice",
    "api_voicemail": "voice",
}

STATUSES: Final[Mapping[str, str]] = {"archived": "closed", "scrubbed": "deleted", "on-hold": "hold", "on hold": "hold"}


@dataclass(frozen=True, slots=True)
class OwnUser:
    """The Zendesk user we write as."""

    id: str | None = None
    email: str | None = None


NOBODY: Final = OwnUser()


def normalize(data: Any, *, received_at: datetime, own: OwnUser = NOBODY, phone_region: str = "US") -> Normalized:
    """The moments of one delivery. Raises `Malformed` when it is no delivery we know the shape of."""
    if not isinstance(data, Mapping):
        raise Malformed("not_an_object")
    if is_event(data):
        return _event(data, received_at, own)
    if isinstance(data.get("ticket"), Mapping):
        return _trigger(data, data["ticket"], received_at, own, phone_region)
    if not blank(data.get("ticket_id")):
        ticket = {"id": data["ticket_id"], "updated_at": data.get("updated_at")}
        return _trigger(
            {"actor": {"email": data.get("actor_email")}, **data, "type": "ticket.updated"}, ticket, received_at, own, phone_region
        )
    raise Malformed("unknown_shape")


# -- event subscriptions ---------------------------------------------------------------------------------------------


def _event(data: Mapping[str, Any], received_at: datetime, own: OwnUser) -> Normalized:
    kind = data["type"].removeprefix(EVENT)
    domain, _, name = kind.partition(".")
    if domain == "messaging_ticket" and name == "message_added":
        return Normalized(kind, (_message(data, received_at, own),))
    if domain != "ticket":
        known = domain in ("user", "organization", "agent", "messaging_ticket")
        return Normalized(kind, ignored="not_about_a_case" if known else "unknown_type")
    event = EVENTS.get(name)
    if event is None:
        return Normalized(kind, ignored="unknown_type")
    detail, body = _mapping(data, "detail"), _inside(data, "event")
    ticket = _ticket_id(detail.get("id"), "/detail/id")
    facts, people = _detail_facts(detail)
    changes = _changes(name, body, facts)
    texts = [Text("subject", t)] if (t := reading.text(detail.get("subject"), reading.SUBJECT_LENGTH)) else []
    texts += [Text("description", t)] if (t := reading.text(detail.get("description"))) else []
    names = list(_names(facts))
    comment = _inside(body, "comment")
    if name == "comment_added" and (said := reading.text(comment.get("body"))):
        texts.append(Text("comment", said))
    if name == "merged" and (target := id_text(body.get("target_ticket_id"))):
        names.append(Handle("ticket", target))
    if event == "ticket.deleted":
        facts["ticket.status"] = "deleted"
    elif event == "ticket.merged":
        facts["ticket.status"] = "closed"
    at, at_known = _time(data.get("time"), received_at)
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
        _event_actor(detail, comment if name == "comment_added" else {}, own),
    )
    return Normalized(kind, (moment,))


def _message(data: Mapping[str, Any], received_at: datetime, own: OwnUser) -> Moment:
    """A chat message: `detail` holds nothing but the ticket's id, the rest has to be looked up."""
    detail, body = _mapping(data, "detail"), _mapping(data, "event")
    actor = _inside(body, "actor")
    kinds: dict[str, ActorKind] = {"end_user": "requester", "agent": "agent", "system": "system"}
    kind = kinds.get(str(actor.get("type")), "unknown")
    message = _inside(body, "message")
    said = reading.text(message.get("body"))
    at, at_known = _time(data.get("time"), received_at)
    return Moment(
        "zendesk",
        _ticket_id(detail.get("id"), "/detail/id"),
        "ticket.commented",
        at,
        at_known,
        facts=(("channel", "messaging"),),
        texts=(Text("comment", said),) if said else (),
        actor=Actor(kind, id_text(actor.get("id"))),
    )


def _detail_facts(detail: Mapping[str, Any]) -> tuple[dict[str, Value], tuple[Handle, ...]]:
    facts: dict[str, Value] = {}
    for key, name in (("status", "ticket.status"), ("priority", "ticket.priority"), ("type", "ticket.type")):
        if key in detail:
            facts[name] = _status(detail[key]) if key == "status" else word(detail[key])
    for key in ("assignee_id", "group_id", "brand_id", "form_id", "external_id"):
        if key in detail:
            facts[f"ticket.{key}"] = id_text(detail[key])
    if (public := reading.flag(detail.get("is_public"))) is not None:
        facts["ticket.is_public"] = public
    if "tags" in detail:
        facts["tags"] = reading.tags(detail["tags"])
    via = detail.get("via")
    if isinstance(via, Mapping) and (channel := channel_of(via.get("channel"))):
        facts["channel"] = channel
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
        about = _inside(body, "custom_field")
        id_ = id_text(about.get("id"))
        if id_ is None or not id_.isdigit():
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
    author = _inside(comment, "author")
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


# -- trigger bodies --------------------------------------------------------------------------------------------------


def _trigger(data: Mapping[str, Any], ticket: Mapping[str, Any], received_at: datetime, own: OwnUser, region: str) -> Normalized:
    kind = word(data.get("type")) or "ticket.updated"
    if kind not in TICKET_EVENTS:
        return Normalized(kind[:100], ignored="unknown_type")
    id_ = _ticket_id(ticket.get("id"), "/ticket/id")
    facts: dict[str, Value] = {}
    for key in ("status", "priority", "type", "group_id", "assignee_id", "brand_id", "form_id", "external_id"):
        if key in ticket and _told(ticket[key]):
            value = id_text(ticket[key]) if key.endswith("_id") else _status(ticket[key]) if key == "status" else _choice(ticket[key])
            facts[f"ticket.{key}"] = value
    if "tags" in ticket and _told(ticket["tags"]):
        facts["tags"] = reading.tags(ticket["tags"])
    if (public := reading.flag(ticket.get("is_public"))) is not None:
        facts["ticket.is_public"] = public
    if channel := channel_of(ticket.get("channel")):
        facts["channel"] = channel
    custom = ticket.get("custom_fields")
    if isinstance(custom, Mapping):
        facts.update(
            {f"ticket.custom.{k}": scalar(v) for k, v in list(custom.items())[: reading.LIST_LENGTH] if str(k).isdigit() and _told(v)}
        )
    person = _inside(ticket, "requester")
    about, people = person_facts(person.get("id"), person.get("name"), person.get("email"), person.get("phone"), region)
    facts.update(about)
    if kind == "ticket.deleted":
        facts["ticket.status"] = "deleted"
    texts = []
    for role, key, limit in (("subject", "subject", reading.SUBJECT_LENGTH), ("description", "description", reading.TEXT_LENGTH)):
        if (t := reading.text(ticket.get(key), limit)) is not None:
            texts.append(Text(role, t))  # type: ignore[arg-type]  # both are roles
    if (said := reading.text(ticket.get("latest_comment"))) is not None:
        texts.append(Text("comment", said))
    names = list(_names(facts))
    if kind == "ticket.merged" and (target := id_text(ticket.get("merged_into") or data.get("target_ticket_id"))):
        names.append(Handle("ticket", target))
    at, at_known = _trigger_time(kind, ticket, received_at)
    moment = Moment(
        "zendesk",
        id_,
        kind,
        at,
        at_known,
        tuple(sorted(facts.items())),
        (),
        tuple(texts),
        tuple(sorted(set(names))),
        people,
        _trigger_actor(data.get("actor"), facts, own),
    )
    return Normalized(kind, (moment,), warnings=tuple(sorted(f"placeholder:{k}" for k, v in ticket.items() if _unfilled(v))))


def _trigger_time(kind: str, ticket: Mapping[str, Any], received_at: datetime) -> tuple[datetime, bool]:
    order = ("created_at", "updated_at") if kind == "ticket.created" else ("updated_at", "created_at")
    for key in order:
        if (at := reading.time(ticket.get(key))) is not None:
            return at, True
    return received_at, False


def _trigger_actor(actor: Any, facts: Mapping[str, Value], own: OwnUser) -> Actor:
    if not isinstance(actor, Mapping):
        return Actor("unknown")
    id_, mail = id_text(actor.get("id")), reading.email(actor.get("email"))
    if id_ is None and mail is None:
        return Actor("unknown")
    if (own.id is not None and id_ == own.id) or (own.email is not None and mail == own.email.lower()):
        return Actor("us", id_, mail)
    if id_ is not None and id_.startswith("-"):
        return Actor("system", id_, mail)
    same_id = id_ is not None and id_ == facts.get("requester.id")
    same_mail = mail is not None and mail == facts.get("requester.email")
    return Actor("requester" if same_id or same_mail else "agent", id_, mail)


# -- small things ----------------------------------------------------------------------------------------------------


def channel_of(value: Any) -> str | None:
    """Our word for a vendor's channel; an unknown one is nothing rather than a guess."""
    found = word(value)
    return None if found is None else CHANNELS.get(found)


def scalar(value: Any) -> Value:
    """A custom field's value: text, number, true or false, several choices, or the id of a looked-up record."""
    if isinstance(value, Mapping):
        if "value" in value:
            return scalar(value["value"])
        return id_text(value.get("id"))
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        return (
            tuple(sorted({t for v in value[: reading.LIST_LENGTH] if (t := reading.text(v, reading.SUBJECT_LENGTH)) is not None})) or None
        )
    return reading.text(value, reading.TEXT_LENGTH)


def _value(field: str, value: Any) -> Value:
    if isinstance(value, Mapping):
        value = value.get("id", value.get("value"))
    if field == "ticket.status":
        return _status(value)
    if field in IDS or field == "ticket.external_id":
        return id_text(value)
    if field == "subject":
        return reading.text(value, reading.SUBJECT_LENGTH)
    return word(value)


def _status(value: Any) -> str | None:
    found = word(value)
    return None if found is None else STATUSES.get(found, found)


def _choice(value: Any) -> str | None:
    found = word(value)
    return None if found == "-" else found


def _told(value: Any) -> bool:
    """Whether a trigger body says something about a field: an empty text does (nothing is there), an unfilled placeholder does not."""
    return value == "" or not blank(value)


def _unfilled(value: Any) -> bool:
    return isinstance(value, str) and value.strip().startswith("{{")


def _names(facts: Mapping[str, Value]) -> tuple[Handle, ...]:
    """A ticket made for a call carries `talkdesk:<account>:<call>` as its external id."""
    external = facts.get("ticket.external_id")
    if isinstance(external, str) and external.lower().startswith("talkdesk:") and external.count(":") >= 1:
        return (Handle("call", external.rsplit(":", 1)[1]),)
    return ()


def _inside(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside, or an empty one."""
    found = data.get(name)
    return found if isinstance(found, Mapping) else {}


def _mapping(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    if not isinstance(found, Mapping):
        raise Malformed("missing_" + name, "/" + name)
    return found


def _ticket_id(value: Any, pointer: str) -> str:
    found = id_text(value)
    if found is None:
        raise Malformed("missing_ticket_id", pointer)
    return found


def _time(value: Any, received_at: datetime) -> tuple[datetime, bool]:
    found = reading.time(value)
    return (received_at, False) if found is None else (found, True)
