"""The JSON schemas an admin pastes into Talkdesk's custom actions: flat, all text, placeholders as defaults.

A published action cannot be edited (reference/talkdesk.md section 1.1), so these only ever grow.
"""

from __future__ import annotations

from typing import Any, Final

TRIGGERS: Final = (
    "call.started",
    "call.answered",
    "call.ended",
    "call.missed",
    "call.abandoned",
    "voicemail.left",
    "call.transferred",
    "disposition.set",
    "note.created",
)

COMMON: Final = {
    "account_id": "{{account_id}}",
    "account_name": "{{account.name}}",
    "contact_id": "{{contact.id}}",
    "contact_name": "{{contact.name}}",
    "contact_email": "{{contact.email}}",
    "contact_phone_number": "{{contact_phone_number}}",
    "zendesk_ticket_id": "",
    "direction": "",
}
CALL: Final = {
    "event": "{{event}}",
    "call_id": "{{call_id}}",
    "interaction_id": "{{interaction_id}}",
    "interaction_context_id": "{{interaction_context_id}}",
    "talkdesk_phone_number": "{{talkdesk_phone_number}}",
    "tags": "{{tags}}",
}
AGENT: Final = {
    "agent_id": "{{agent_id}}",
    "agent_name": "{{agent.name}}",
    "agent_email": "{{agent.email}}",
    "agent_tags": "{{agent.tags_list}}",
    "waiting_time": "{{waiting_time}}",
    "is_transfer": "{{is_transfer}}",
}
END: Final = {
    "waiting_time": "{{waiting_time}}",
    "total_duration": "{{total_duration}}",
    "duration": "{{duration}}",
    "hold_time": "{{hold_time}}",
    "hangup": "{{hangup}}",
    "start_time": "{{start_time}}",
    "timestamp": "{{timestamp}}",
    "in_business_hours": "{{in_business_hours}}",
}
WAITED: Final = {
    "waiting_time": "{{waiting_time}}",
    "hangup": "{{hangup}}",
    "timestamp": "{{timestamp}}",
    "in_business_hours": "{{in_business_hours}}",
}

INBOUND: Final = frozenset({"call.started", "call.missed", "call.abandoned", "voicemail.left"})
"""Triggers that Talkdesk has for calls that come in only; no placeholder tells which way a call went, the automation's trigger does."""
DESCRIBED: Final = {
    "tsbridge_event": "What happened: leave it as it is.",
    "direction": "Which way calls of this automation's trigger go: type inbound or outbound.",
    "zendesk_ticket_id": "The Zendesk ticket this call is about, where your flow knows it.",
    "abandon_kind": "Type short in the automation for short-abandoned calls.",
}

FIELDS: Final[dict[str, dict[str, str]]] = {
    "call.started": CALL,
    "call.answered": {**CALL, **AGENT},
    "call.ended": {**CALL, **AGENT, **END},
    "call.missed": {**CALL, **WAITED},
    "call.abandoned": {**CALL, **WAITED, "abandon_kind": ""},
    "voicemail.left": {
        **CALL,
        "timestamp": "{{timestamp}}",
        "duration": "{{duration}}",
        "voicemail_transcription": "{{voicemail_transcription}}",
    },
    "call.transferred": {**CALL, **AGENT, "previous_agent_id": "{{previous_agent_id}}"},
    "disposition.set": {
        **CALL,
        "call_type": "{{call_type}}",
        "call_disposition": "{{call_disposition}}",
        "agent_email": "{{agent.email}}",
    },
    "note.created": {"title": "{{title}}", "content": "{{content}}"},
}


def schema(trigger: str) -> dict[str, Any]:
    """The draft-07 schema of one trigger; KeyError for one that is not in `TRIGGERS`."""
    fields = {**COMMON, **FIELDS[trigger], **({"direction": "inbound"} if trigger in INBOUND else {})}
    literals = {"tsbridge_schema": "1", "tsbridge_event": trigger}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"tsbridge {trigger}",
        "type": "object",
        "additionalProperties": True,
        "required": ["tsbridge_event"],
        "properties": {
            **{name: {**_described(name), "default": value, "const": value} for name, value in literals.items()},
            **{name: {**_described(name), "default": value} for name, value in fields.items()},
        },
    }


def _described(name: str) -> dict[str, str]:
    return {"type": "string", **({"description": DESCRIBED[name]} if name in DESCRIBED else {})}
