"""The bodies of our two triggers (contract section 3). Placeholders are Zendesk's (help article 4408886858138)."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

Event = Literal["created", "updated"]
EVENTS: Final[tuple[Event, ...]] = get_args(Event)
VERSION: Final = "2"


def trigger_body(event: Event = "updated") -> dict[str, Any]:
    """The body with its placeholders, as JSON. The order of its members is part of it: ids, then facts, then `texts`, which people type.

    Zendesk fills texts in as they are, so a quote in one breaks the JSON from there on; what stands before is still read.
    """
    return {
        "tsbridge": VERSION,
        "type": f"ticket.{event}",
        "ticket_id": "{{ticket.id}}",
        "account": "{{ticket.account}}",
        "delivery": "{{ticket.id}}-{{ticket.updated_at_with_timestamp}}",
        "ticket": {
            "status": "{{ticket.status}}",
            "priority": "{{ticket.priority}}",
            "type": "{{ticket.ticket_type}}",
            "channel": "{{ticket.via}}",
            "tags": "{{ticket.tags}}",
            "group_id": "{{ticket.group.id}}",
            "assignee_id": "{{ticket.assignee.id}}",
            "brand_id": "{{ticket.brand.id}}",
            "form_id": "{{ticket.ticket_form_id}}",
            "organization_id": "{{ticket.organization.id}}",
            "external_id": "{{ticket.external_id}}",
            "created_at": "{{ticket.created_at_with_timestamp}}",
            "updated_at": "{{ticket.updated_at_with_timestamp}}",
            "requester_id": "{{ticket.requester.id}}",
        },
        "actor": {"id": "{{current_user.id}}"},
        "texts": {
            "subject": "{{ticket.title}}",
            "latest_comment": "{{ticket.latest_comment}}",
            "description": "{{ticket.description}}",
            "requester_name": "{{ticket.requester.name}}",
            "requester_email": "{{ticket.requester.email}}",
            "requester_phone": "{{ticket.requester.phone}}",
        },
    }
