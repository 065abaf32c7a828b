"""Triggers that really fire: conditions and actions of Zendesk's business rules (reference/zendesk.md section 8.1).

They run top to bottom on each create and update, later ones see earlier changes; one that changes the ticket starts the
pass again, each fires at most once per update.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import ge, gt, le, lt
from typing import Any, Final

STATUSES: Final = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES: Final = (None, "low", "normal", "high", "urgent")
TYPES: Final = (None, "question", "incident", "problem", "task")
WORDS: Final[Mapping[str, Sequence[str | None]]] = {"status": STATUSES, "priority": PRIORITIES, "type": TYPES}
SCALES: Final = {"status": STATUSES, "priority": PRIORITIES}
SIZES: Final = {"less_than": lt, "less_than_equal": le, "greater_than": gt, "greater_than_equal": ge}
VIA: Final = {
    "web": 0,
    "web_form": 0,
    "email": 4,
    "mail": 4,
    "api": 5,
    "web_service": 5,
    "rule": 8,
    "chat": 29,
    "sms": 57,
    "native_messaging": 49,
}
DIRECT: Final = {
    "status": "status",
    "type": "type",
    "priority": "priority",
    "group_id": "group_id",
    "assignee_id": "assignee_id",
    "requester_id": "requester_id",
    "organization_id": "organization_id",
    "brand_id": "brand_id",
    "ticket_form_id": "ticket_form_id",
    "custom_status_id": "custom_status_id",
}

CONDITIONS: Final = (
    *DIRECT,
    "update_type",
    "current_tags",
    "via_id",
    "current_via_id",
    "role",
    "comment_is_public",
    "comment_includes_word",
    "subject_includes_word",
    "ticket_is_public",
)
ACTIONS: Final = (
    "status",
    "type",
    "priority",
    "group_id",
    "assignee_id",
    "brand_id",
    "ticket_form_id",
    "organization_id",
    "custom_status_id",
    "set_tags",
    "current_tags",
    "remove_tags",
    "notification_webhook",
)


@dataclass(slots=True)
class Occasion:
    """An update that triggers look at. `before` is None on creation; `comment` the one it added.

    `settle` brings in line what goes together after a trigger's actions.
    `steps`: the triggers that changed something, each with the ticket as it met it.
    """

    before: Mapping[str, Any] | None
    ticket: dict[str, Any]
    comment: Mapping[str, Any] | None
    actor: Mapping[str, Any]
    via: str
    settle: Callable[[Mapping[str, Any], dict[str, Any]], None] = lambda before, ticket: None
    webhooks: list[tuple[str, str]] = field(default_factory=list)
    fired: list[Mapping[str, Any]] = field(default_factory=list)
    steps: list[tuple[Mapping[str, Any], dict[str, Any]]] = field(default_factory=list)


def run(triggers: Sequence[Mapping[str, Any]], occasion: Occasion) -> None:
    """Fire every active trigger whose conditions hold, changing the ticket in place."""
    done: set[Any] = set()
    again = True
    while again:
        again = False
        for trigger in triggers:
            if not trigger.get("active", True) or trigger["id"] in done or not holds(trigger, occasion):
                continue
            done.add(trigger["id"])
            occasion.fired.append(trigger)
            met = copy.deepcopy(occasion.ticket)
            if _act(trigger, occasion):
                occasion.steps.append((trigger, met))
                again = True
                break


def holds(trigger: Mapping[str, Any], occasion: Occasion) -> bool:
    conditions = trigger.get("conditions") or {}
    every, some = conditions.get("all") or [], conditions.get("any") or []
    return all(_true(c, occasion) for c in every) and (not some or any(_true(c, occasion) for c in some))


def _true(condition: Mapping[str, Any], occasion: Occasion) -> bool:
    name, operator, value = str(condition.get("field")), str(condition.get("operator") or "is"), condition.get("value")
    ticket, before = occasion.ticket, occasion.before
    if name == "update_type":
        return str(value).lower() == ("create" if before is None else "change")
    if name == "current_tags":
        hit = bool(set(_listed(value)) & set(ticket["tags"]))
        return hit if operator == "includes" else not hit
    if name in ("via_id", "current_via_id"):
        channel = ticket["via"]["channel"] if name == "via_id" else occasion.via
        return (str(VIA.get(channel, -1)) in _listed(value)) == (operator not in ("is_not", "not_includes"))
    if name == "role":
        is_agent = occasion.actor.get("role") in ("agent", "admin")
        return (str(value) in ("agent", "Agent")) == is_agent if operator == "is" else (str(value) in ("agent", "Agent")) != is_agent
    if name == "comment_is_public":
        if occasion.comment is None:
            return False
        return value in ("not_relevant", "requester_can_see_comment") or (str(value).lower() == "true") == bool(occasion.comment["public"])
    if name in ("comment_includes_word", "subject_includes_word"):
        text = (occasion.comment or {}).get("body", "") if name.startswith("comment") else ticket.get("subject") or ""
        return _words(str(text), operator, str(value or ""))
    if name == "ticket_is_public":
        return (bool(ticket["is_public"]) == (str(value).lower() in ("true", "public"))) == (operator != "is_not")
    if name.startswith("custom_fields_"):
        id_ = name.removeprefix("custom_fields_")
        now, old = _custom(ticket, id_), None if before is None else _custom(before, id_)
        return _compare(now, old, operator, value)
    if name in DIRECT:
        key = DIRECT[name]
        if value == "current_user":
            value = occasion.actor.get("id")
        if operator in ("less_than", "greater_than"):
            return _ordered(SCALES.get(key, ()), ticket[key], operator, value)
        return _compare(ticket.get(key), None if before is None else before.get(key), operator, value)
    return False


def _ordered(scale: Sequence[str | None], now: Any, operator: str, value: Any) -> bool:
    """What is not on the scale is neither more nor less than anything."""
    bound = _word(value)
    if now not in scale or bound not in scale:
        return False
    return scale.index(now) < scale.index(bound) if operator == "less_than" else scale.index(now) > scale.index(bound)


def _word(value: Any) -> str | None:
    return str(value or "").lower() or None


def _listed(value: Any) -> list[str]:
    """The words of a value that is written as one text or as a list."""
    return [str(one).lower() for one in value] if isinstance(value, list) else str("" if value is None else value).lower().split()


def _compare(now: Any, old: Any, operator: str, value: Any) -> bool:
    """`old`: None on creation. A value that a ticket is created with has changed, from none (the vendor's page on conditions says so)."""

    def same(a: Any, b: Any) -> bool:
        return ("" if a is None else str(a).lower()) == ("" if b is None else str(b).lower())

    changed = not same(now, old)
    if operator == "is":
        return same(now, value)
    if operator == "is_not":
        return not same(now, value)
    if operator == "present":
        return now not in (None, "")
    if operator == "not_present":
        return now in (None, "")
    if operator in ("includes", "not_includes"):
        return bool(set(_listed(value)) & set(now if isinstance(now, list) else [str(now).lower()])) == (operator == "includes")
    if operator == "changed":
        return changed
    if operator == "not_changed":
        return not changed
    if operator == "value":
        return changed and same(now, value)
    if operator == "not_value":
        return not (changed and same(now, value))
    if operator == "value_previous":
        return changed and same(old, value)
    if operator == "not_value_previous":
        return not (changed and same(old, value))
    if operator in SIZES:
        try:
            return bool(SIZES[operator](float(now), float(value)))
        except (TypeError, ValueError):
            return False
    return False


def _words(text: str, operator: str, value: str) -> bool:
    text, wanted = text.lower(), value.lower()
    if operator in ("is", "is_not"):
        return (wanted in text) == (operator == "is")
    hit = any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in wanted.split())
    return hit == (operator == "includes")


def _custom(ticket: Mapping[str, Any], id_: str) -> Any:
    return next((f["value"] for f in ticket["custom_fields"] if str(f["id"]) == id_), None)


def _act(trigger: Mapping[str, Any], occasion: Occasion) -> bool:
    """Do a trigger's actions; True when the ticket changed."""
    ticket = occasion.ticket
    before = {**ticket, "tags": list(ticket["tags"]), "custom_fields": [dict(f) for f in ticket["custom_fields"]]}
    for action in trigger.get("actions") or []:
        name, value = str(action.get("field")), action.get("value")
        if name == "set_tags":
            ticket["tags"] = sorted(set(str(value or "").lower().split()))
        elif name == "current_tags":
            ticket["tags"] = sorted(set(ticket["tags"]) | set(str(value or "").lower().split()))
        elif name == "remove_tags":
            ticket["tags"] = sorted(set(ticket["tags"]) - set(str(value or "").lower().split()))
        elif name in ("group_id", "assignee_id", "brand_id", "ticket_form_id", "organization_id", "custom_status_id"):
            ticket[name] = int(value) if str(value).isdigit() else (occasion.actor.get("id") if value == "current_user" else None)
        elif name in WORDS and (word := _word(value)) in WORDS[name]:
            ticket[name] = word
        elif name.startswith("custom_fields_") and (id_ := name.removeprefix("custom_fields_")).isdecimal():
            set_custom(ticket, int(id_), value)
        elif name == "notification_webhook" and isinstance(value, list) and len(value) == 2:
            occasion.webhooks.append((str(value[0]), str(value[1])))
    occasion.settle(before, ticket)
    return any(ticket[k] != before[k] for k in before)


def set_custom(ticket: dict[str, Any], id_: int, value: Any) -> None:
    for known in ticket["custom_fields"]:
        if known["id"] == id_:
            known["value"] = value
            return
    ticket["custom_fields"].append({"id": id_, "value": value})


def render(body: str, look: Callable[[str], Any]) -> str:
    """Fill in placeholders as plain text, without any quoting, as Zendesk does; unknown ones become nothing."""
    return re.sub(r"\{\{\s*([\w.]+)\s*\}\}", lambda hit: "" if (value := look(hit[1])) is None else str(value), body)
