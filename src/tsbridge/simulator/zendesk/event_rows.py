"""Rows of the ticket-event export: one for each update, its differences under their own names, `via` as a title in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

TITLES: Final[Mapping[str, str]] = {"web": "Web form", "email": "Mail", "mail": "Mail", "api": "Web service", "rule": "Rule"}


def row(audit: Mapping[str, Any], at: int, *, spoken: bool, marked: bool) -> dict[str, Any]:
    """The row of an audit of second `at`. `spoken`: with what comments say; `marked`: with the update's metadata."""
    via = title(audit["via"]["channel"])
    created = [event for event in audit["events"] if event["type"] == "Create"]
    children = [_created(created, via)] if created else []
    children += [_child(event, via, spoken=spoken) for event in audit["events"] if event["type"] != "Create"]
    metadata = {"metadata": audit["metadata"]} if marked else {}
    return {
        "id": audit["id"],
        "ticket_id": audit["ticket_id"],
        "timestamp": at,
        "created_at": audit["created_at"],
        "updater_id": audit["author_id"],
        "via": via,
        "system": audit["metadata"]["system"],
        **metadata,
        "event_type": "Audit",
        "child_events": children,
    }


def title(channel: str) -> str:
    return TITLES.get(channel, channel.replace("_", " ").capitalize())


def _created(events: list[Any], via: str) -> dict[str, Any]:
    """A new ticket's properties, all in one."""
    found = {"id": events[0]["id"], "via": via, "via_reference_id": None, "event_type": "Create"}
    custom = {}
    for event in events:
        if event["field_name"].isdigit():
            custom[event["field_name"]] = event["value"]
        else:
            found[event["field_name"]] = event["value"]
    return {**found, "custom_ticket_fields": custom} if custom else found


def _child(event: Mapping[str, Any], via: str, *, spoken: bool) -> dict[str, Any]:
    kind = event["type"]
    if kind == "Comment":
        if spoken:
            return {**event, "via_reference_id": None, "event_type": kind}
        said = {"comment_present": True, "comment_public": event["public"]}
        return {"id": event["id"], "via": via, "via_reference_id": None, **said, "event_type": kind}
    if kind != "Change":
        return {**{k: v for k, v in event.items() if k != "type"}, "via": via, "event_type": kind}
    rule = event["via"]["source"]["from"]["id"] if "via" in event else None
    name, value, before = event["field_name"], event["value"], event["previous_value"]
    told = {name: value, "previous_value": before}
    if name.isdigit():
        told = {"custom_ticket_fields": {name: value}, "previous_value": before or None}  # nothing as recorded, where audits tell ""
    if name == "tags":
        told |= {"added_tags": sorted({*value} - {*before}), "removed_tags": sorted({*before} - {*value})}
    return {"id": event["id"], "via": via if rule is None else "Rule", "via_reference_id": rule, **told, "event_type": kind}
