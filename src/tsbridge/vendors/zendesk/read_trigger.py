"""Bodies of triggers into moments (shape: contract section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from tsbridge.core.link import MERGE
from tsbridge.core.moments import TICKET_EVENTS, Actor, Handle, Moment, Text, Value
from tsbridge.core.rules import vocabulary
from tsbridge.vendors import reading
from tsbridge.vendors.reading import Normalized, blank, id_text, person_facts, unfilled, whole_id, word
from tsbridge.vendors.zendesk.channels import channel_of, unknown_channel
from tsbridge.vendors.zendesk.read_fields import OwnUser, inside, names_in, scalar, status, ticket_id
from tsbridge.vendors.zendesk.trigger import trigger_body

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "status": vocabulary.STATUSES,
    "priority": vocabulary.PRIORITIES,
    "type": vocabulary.TYPES,
}
TEMPLATE: Final = trigger_body()


def ring(ticket: str, received_at: datetime) -> Normalized:
    """That something happened to a ticket, and nothing else."""
    return Normalized("ticket.updated", (Moment("zendesk", ticket, "ticket.updated", received_at, at_known=False),))


def from_version_2(data: Mapping[str, Any], received_at: datetime, own: OwnUser, region: str) -> Normalized:
    """A body as our template lays it out: ids and facts, then what people typed. One laid out otherwise is a ring and no more."""
    id_ = ticket_id(data.get("ticket_id"), "/ticket_id")
    if not _as_laid_out(data):
        return ring(id_, received_at)
    facts, texts = inside(data, "ticket"), inside(data, "texts")
    person = {"id": facts.get("requester_id"), **{key: texts.get(f"requester_{key}") for key in ("name", "email", "phone")}}
    said = {key: texts.get(key) for key in ("subject", "description", "latest_comment")}
    return from_body(data, {**facts, **said, "id": id_, "requester": person}, received_at, own, region)


def _as_laid_out(data: Mapping[str, Any]) -> bool:
    """Whether no member is there that our template has not, and texts are last.

    What people type stands in the body as it is: a text like `x"}, "more": {"a": "` would move what follows it elsewhere, and is
    known by the member it needs for that (one that we have is a repeated key, which the reader of JSON refuses).
    """
    groups = [(data[name], TEMPLATE[name]) for name in ("ticket", "actor", "texts") if name in data]
    known = data.keys() <= TEMPLATE.keys() and all(isinstance(found, Mapping) and found.keys() <= ours.keys() for found, ours in groups)
    return known and ("texts" not in data or next(reversed(list(data))) == "texts")


def from_body(data: Mapping[str, Any], ticket: Mapping[str, Any], received_at: datetime, own: OwnUser, region: str) -> Normalized:
    kind = word(data.get("type")) or "ticket.updated"
    if kind not in TICKET_EVENTS:
        return Normalized(kind[:100], ignored="unknown_type")
    id_ = ticket_id(ticket.get("id"), "/ticket/id")
    facts: dict[str, Value] = {}
    for key in ("status", "priority", "type", "group_id", "assignee_id", "brand_id", "form_id", "external_id"):
        if key in ticket and _told(ticket[key]):
            found = _fact(key, ticket[key])
            if found is None or key not in WORDS or found in WORDS[key]:  # display words may be translated or a team's own
                facts[f"ticket.{key}"] = found
    if "tags" in ticket and _told(ticket["tags"]):
        facts["tags"] = reading.tags(ticket["tags"])
    if (public := reading.flag(ticket.get("is_public"))) is not None:
        facts["ticket.is_public"] = public
    if channel := channel_of(ticket.get("channel")):
        facts["channel"] = channel
    custom = ticket.get("custom_fields")
    if isinstance(custom, Mapping):
        facts.update({f"ticket.custom.{k}": scalar(v) for k, v in list(custom.items())[: reading.LIST_LENGTH] if whole_id(k) and _said(v)})
    person = inside(ticket, "requester")
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
    names = list(names_in(facts))
    if kind == "ticket.merged" and (target := whole_id(ticket.get("merged_into") or data.get("target_ticket_id"))):
        names.append(Handle(MERGE, target))
    at, at_known, doubted = reading.when(_trigger_time(kind, ticket), received_at)
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
    empty = (f"placeholder:{name}" for name in _unfilled(ticket, data.get("actor")))
    return Normalized(kind, (moment,), warnings=tuple(sorted({*empty, *unknown_channel(ticket.get("channel")), *doubted})))


def _unfilled(ticket: Mapping[str, Any], actor: Any) -> Iterator[str]:
    """Where placeholders stand that nobody filled in."""
    groups = {"requester.": ticket.get("requester"), "custom_fields.": ticket.get("custom_fields"), "actor.": actor}
    inner = {prefix + str(key): value for prefix, of in groups.items() if isinstance(of, Mapping) for key, value in of.items()}
    for name, value in {**ticket, **inner}.items():
        if unfilled(value) or (name == "tags" and reading.PLACEHOLDER.search(str(value))):
            yield name


def _trigger_time(kind: str, ticket: Mapping[str, Any]) -> Any:
    """The value that says when."""
    order = ("created_at", "updated_at") if kind == "ticket.created" else ("updated_at", "created_at")
    return ticket.get(reading.time_among(ticket, order) or "")


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


def _fact(key: str, value: Any) -> str | None:
    if key == "external_id":
        return id_text(value)
    if key.endswith("_id"):
        return whole_id(value)
    return status(value) if key == "status" else _choice(value)


def _choice(value: Any) -> str | None:
    found = word(value)
    return None if found == "-" else found


def _told(value: Any) -> bool:
    """Whether a trigger body says something about a field: an empty text does (nothing is there), an unfilled placeholder does not."""
    return value == "" or not blank(value)


def _said(value: Any) -> bool:
    """The same for what people may write freely: "N/A" is what they wrote."""
    return value is not None and not unfilled(value)
