"""What a change tells: the events its audit lists, and the events that subscriptions hear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tsbridge.simulator.zendesk import rules

SINGLE: Final = (
    "subject",
    "status",
    "custom_status_id",
    "priority",
    "type",
    "group_id",
    "assignee_id",
    "organization_id",
    "requester_id",
    "brand_id",
    "external_id",
    "ticket_form_id",
    "due_at",
    "problem_id",
)
UNRATED: Final[Mapping[str, Any]] = {"score": "unoffered", "comment": None}
BODIES: Final = ("body", "html_body", "plain_body")
BAR: Final = "▇"


def audit_events(before: Mapping[str, Any] | None, ticket: Mapping[str, Any], own: bool) -> list[dict[str, Any]]:
    """What an audit lists: each property of a new ticket, or each difference. `own`: the account has custom statuses of its own.

    Audits tell ids and custom fields as texts, whatever the ticket holds.
    """
    names = [name for name in (*SINGLE, "tags") if own or name != "custom_status_id"]
    if before is None:
        given = [(name, _text(name, ticket[name])) for name in names if ticket.get(name) not in (None, [], "")]
        given += [(str(f["id"]), _custom(f["value"])) for f in ticket["custom_fields"] if f["value"] not in (None, [], "")]
        return [{"id": n, "type": "Create", "field_name": name, "value": value} for n, (name, value) in enumerate(given, 1)]
    found = [(name, _text(name, ticket.get(name)), _text(name, before.get(name))) for name in names if before.get(name) != ticket.get(name)]
    rated = {**UNRATED, **(ticket.get("satisfaction_rating") or {})}
    was = {**UNRATED, **(before.get("satisfaction_rating") or {})}
    found += [(f"satisfaction_{part}", rated[part], was[part]) for part in UNRATED if rated[part] != was[part]]
    old = {f["id"]: f["value"] for f in before["custom_fields"]}
    found += [
        (str(f["id"]), _custom(f["value"], old.get(f["id"])), _custom(old.get(f["id"]), f["value"]))
        for f in ticket["custom_fields"]
        if old.get(f["id"]) != f["value"]
    ]
    return [
        {"id": n, "type": "Change", "field_name": name, "value": value, "previous_value": previous}
        for n, (name, value, previous) in enumerate(found, 1)
    ]


def _text(name: str, value: Any) -> Any:
    return str(value) if name.endswith("_id") and value is not None else value


def _custom(value: Any, other: Any = None) -> str:
    """A custom field's value as a text: a checkbox is 1 or 0, several choices stand with blanks between. `other`: what it was or became."""
    if value in (None, "", []):
        return "0" if isinstance(other, bool) else ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def events_of(before: Mapping[str, Any] | None, ticket: Mapping[str, Any], occasion: rules.Occasion, own: bool) -> list[dict[str, Any]]:
    """What an audit lists of an update: what its author changed, then what each trigger did, which names itself in `via`."""
    met = [step for _, step in occasion.steps]
    events = audit_events(before, met[0] if met else ticket, own)
    for (trigger, found), left in zip(occasion.steps, (*met[1:], ticket), strict=False):
        source = {"from": {"id": trigger["id"], "title": trigger.get("title")}, "to": {}, "rel": "trigger"}
        events += [{**event, "via": {"channel": "rule", "source": source}} for event in audit_events(found, left, own)]
    return [{**event, "id": number} for number, event in enumerate(events, 1)]


def differences(before: Mapping[str, Any], ticket: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The events a change makes: kind and `event` object, as the ticket-events reference shapes them."""

    def upper(value: Any) -> Any:
        return None if value is None else str(value).upper()

    def id_(value: Any) -> Any:
        return None if value is None else str(value)

    kinds: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
        ("status", "status_changed", upper),
        ("priority", "priority_changed", upper),
        ("type", "type_changed", upper),
        ("subject", "subject_changed", lambda v: v),
        ("external_id", "external_id_changed", lambda v: v),
        ("group_id", "group_assignment_changed", id_),
        ("assignee_id", "agent_assignment_changed", id_),
        ("organization_id", "organization_changed", id_),
        ("requester_id", "requester_changed", id_),
        ("brand_id", "brand_changed", id_),
        ("ticket_form_id", "form_changed", id_),
        ("problem_id", "problem_link_changed", id_),
        ("due_at", "task_due_at_changed", lambda v: v),
    )
    told: list[tuple[str, dict[str, Any]]] = [
        (kind, {"current": shape(ticket.get(name)), "previous": shape(before.get(name))})
        for name, kind, shape in kinds
        if before.get(name) != ticket.get(name)
    ]
    added, removed = sorted(set(ticket["tags"]) - set(before["tags"])), sorted(set(before["tags"]) - set(ticket["tags"]))
    if added or removed:
        told.append(("tags_changed", {"tags_added": added, "tags_removed": removed}))
    old = {f["id"]: f["value"] for f in before["custom_fields"]}
    for custom in ticket["custom_fields"]:
        if old.get(custom["id"]) != custom["value"]:
            about = {"id": str(custom["id"]), "title": "", "type": "text"}
            told.append(
                (
                    "custom_field_changed",
                    {"custom_field": about, "current": {"value": custom["value"]}, "previous": {"value": old.get(custom["id"])}},
                )
            )
    if before.get("custom_status_id") != ticket.get("custom_status_id"):
        told.append(
            ("custom_status_changed", {"current": id_(ticket.get("custom_status_id")), "previous": id_(before.get("custom_status_id"))})
        )
    return told


def linked(comment: Mapping[str, Any], file: Mapping[str, Any]) -> dict[str, Any]:
    """The event of a file that came with a comment."""
    shown = {
        "id": str(file["id"]),
        "filename": file["file_name"],
        "content_type": file["content_type"],
        "content_url": file["content_url"],
        "is_public": comment["public"],
    }
    return {"id": str(comment["id"]), "attachment": shown}


def without(text: str, holders: list[dict[str, Any]]) -> None:
    """Put bars where the holders' bodies have the text."""
    for holder in holders:
        holder.update({k: holder[k].replace(text, BAR * len(text)) for k in BODIES if isinstance(holder.get(k), str)})
