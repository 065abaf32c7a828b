"""What goes with what on a ticket: its status with its custom status, drop-downs with their tags, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tsbridge.simulator.zendesk.records import Store

Ticket = Mapping[str, Any]
FIRST_STATUS: Final = 81000020
LABELS: Final = (("new", "New"), ("open", "Open"), ("pending", "Pending"), ("hold", "On-hold"), ("solved", "Solved"))
TAGGED: Final = ("tagger", "multiselect", "checkbox")


def standard_statuses() -> dict[int, dict[str, Any]]:
    """The custom status that each status has from the beginning."""
    return {
        FIRST_STATUS + n: {
            "id": FIRST_STATUS + n,
            "status_category": word,
            "agent_label": label,
            "raw_agent_label": label,
            "end_user_label": label,
            "raw_end_user_label": label,
            "description": "",
            "active": True,
            "default": True,
        }
        for n, (word, label) in enumerate(LABELS)
    }


def settle(before: Ticket, ticket: dict[str, Any], store: Store) -> None:
    """After a change of the one side, change the other."""
    _settle_status(before, ticket, store)
    for field in store.fields.values():
        if field.get("type") in TAGGED and field.get("active", True):
            _settle_field(field, before, ticket)


def _settle_status(before: Ticket, ticket: dict[str, Any], store: Store) -> None:
    """A custom status brings its category; a status brings the default of its kind. A closed ticket keeps the one it had."""
    custom = store.statuses.get(ticket.get("custom_status_id") or 0)
    if custom is not None and custom["id"] != before.get("custom_status_id"):
        ticket["status"] = custom["status_category"]
    elif ticket["status"] != "closed" and (custom is None or custom["status_category"] != ticket["status"]):
        ticket["custom_status_id"] = default_status(ticket["status"], store)


def default_status(status: str, store: Store) -> int | None:
    return next((i for i, one in store.statuses.items() if one["default"] and one["status_category"] == status), None)


def _settle_field(field: Mapping[str, Any], before: Ticket, ticket: dict[str, Any]) -> None:
    """The field's value speaks where it has changed, the tags otherwise."""
    mine = next((f for f in ticket["custom_fields"] if f["id"] == field["id"]), None)
    if mine is None:
        return
    old, tags = _tags_of(field, _value(before, field["id"])), set(ticket["tags"])
    if _value(before, field["id"]) != mine["value"]:
        tags = (tags - old) | _tags_of(field, mine["value"])
    else:
        gained, lost = tags - set(before["tags"]), set(before["tags"]) - tags
        gained &= _all_tags(field)
        if gained or lost & old:
            mine["value"] = _value_of(field, gained, old - lost)
            tags -= old - _tags_of(field, mine["value"])
    if tags != set(ticket["tags"]):
        ticket["tags"] = sorted(tags)


def _value(ticket: Ticket, id_: int) -> Any:
    return next((f["value"] for f in ticket["custom_fields"] if f["id"] == id_), None)


def _tags_of(field: Mapping[str, Any], value: Any) -> set[str]:
    """The tags that stand for a value."""
    if field["type"] == "checkbox":
        return {str(field["tag"])} if field.get("tag") and value is True else set()
    return {str(one) for one in (value if isinstance(value, list) else [value]) if one not in (None, "", False)}


def _value_of(field: Mapping[str, Any], gained: set[str], kept: set[str]) -> Any:
    """The value that tags stand for: those that came and those that stayed."""
    if field["type"] == "checkbox":
        return bool(gained or kept)
    if field["type"] == "multiselect":
        return sorted(gained | kept)
    return next(iter(sorted(gained or kept)), None)


def options(field: Mapping[str, Any]) -> set[str]:
    """The values a drop-down offers; none listed: any."""
    listed = field.get("custom_field_options")
    return {str(o.get("value")) for o in listed if isinstance(o, Mapping)} if isinstance(listed, list) else set()


def _all_tags(field: Mapping[str, Any]) -> set[str]:
    return {str(field["tag"])} if field["type"] == "checkbox" and field.get("tag") else options(field)
