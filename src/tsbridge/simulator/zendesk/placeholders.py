"""The body of a webhook that a trigger calls, with its placeholders filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsbridge.simulator.zendesk import rules
from tsbridge.simulator.zendesk.display import Display
from tsbridge.simulator.zendesk.records import Store


def filled(body: str, ticket: Mapping[str, Any], actor: Mapping[str, Any], store: Store, display: Display) -> str:
    """A trigger's body with its placeholders filled in, as the account displays things."""
    requester = store.users.get(ticket["requester_id"], {})
    newest = store.comments[ticket["id"]]
    group = store.groups.get(ticket["group_id"] or 0, {})
    assignee = store.users.get(ticket["assignee_id"] or 0, {})

    def look(name: str) -> Any:
        plain: dict[str, Any] = {
            "ticket.id": ticket["id"],
            "ticket.external_id": ticket["external_id"],
            "ticket.title": ticket["subject"],
            "ticket.description": ticket["description"],
            "ticket.latest_comment": newest[-1]["body"] if newest else None,
            "ticket.latest_public_comment": next((c["body"] for c in reversed(newest) if c["public"]), None),
            "ticket.account": display.account,
            "ticket.status": display.word(ticket["status"]),
            "ticket.priority": display.word(ticket["priority"]),
            "ticket.ticket_type": display.word(ticket["type"]),
            "ticket.tags": " ".join(ticket["tags"]),
            "ticket.via": display.word(ticket["via"]["channel"]),
            "ticket.group.name": group.get("name"),
            "ticket.group.id": ticket["group_id"],
            "ticket.assignee.id": ticket["assignee_id"],
            "ticket.assignee.name": assignee.get("name"),
            "ticket.assignee.email": assignee.get("email"),
            "ticket.brand.id": ticket["brand_id"],
            "ticket.ticket_form_id": ticket["ticket_form_id"],
            "ticket.created_at_with_timestamp": display.time(ticket["created_at"]),
            "ticket.updated_at_with_timestamp": display.time(ticket["updated_at"]),
            "ticket.requester.id": requester.get("id"),
            "ticket.requester.name": requester.get("name"),
            "ticket.requester.email": requester.get("email"),
            "ticket.requester.phone": requester.get("phone"),
            "ticket.requester.external_id": requester.get("external_id"),
            "current_user.id": actor["id"],
            "current_user.name": actor.get("name"),
            "current_user.email": actor.get("email"),
        }
        if name.startswith("ticket.ticket_field_"):
            id_ = name.removeprefix("ticket.ticket_field_")
            return next((f["value"] for f in ticket["custom_fields"] if str(f["id"]) == id_), None)
        value = plain.get(name)
        return None if value is None else display.text(str(value))

    return rules.render(body, look)
