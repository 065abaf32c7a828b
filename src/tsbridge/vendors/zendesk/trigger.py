"""The trigger body that an admin pastes into Zendesk (contract section 3). Placeholders are Zendesk's (help article 4408886858138)."""

from __future__ import annotations

from typing import Any


def trigger_body() -> dict[str, Any]:
    """The body with its placeholders, as JSON. `type` and `delivery` make each firing a delivery of its own."""
    return {
        "tsbridge": "1",
        "type": "ticket.updated",
        "delivery": "{{ticket.id}}-{{ticket.updated_at_with_timestamp}}",
        "ticket": {
            "id": "{{ticket.id}}",
            "subject": "{{ticket.title}}",
            "description": "{{ticket.description}}",
            "latest_comment": "{{ticket.latest_comment}}",
            "status": "{{ticket.status}}",
            "priority": "{{ticket.priority}}",
            "type": "{{ticket.ticket_type}}",
            "channel": "{{ticket.via}}",
            "tags": "{{ticket.tags}}",
            "group_id": "{{ticket.group.id}}",
            "assignee_id": "{{ticket.assignee.id}}",
            "brand_id": "{{ticket.brand.id}}",
            "form_id": "{{ticket.ticket_form_id}}",
            "external_id": "{{ticket.external_id}}",
            "created_at": "{{ticket.created_at_with_timestamp}}",
            "updated_at": "{{ticket.updated_at_with_timestamp}}",
            "requester": {
                "id": "{{ticket.requester.id}}",
                "name": "{{ticket.requester.name}}",
                "email": "{{ticket.requester.email}}",
                "phone": "{{ticket.requester.phone}}",
            },
        },
        "actor": {"id": "{{current_user.id}}", "email": "{{current_user.email}}"},
    }
