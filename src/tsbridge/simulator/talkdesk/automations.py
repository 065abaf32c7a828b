"""What the account's automations send: flat bodies, all text, as Talkdesk's own templates have them.

Shapes: the stock property names of Talkdesk's Power Automate and Workato templates. `literal` adds the literals that
tsbridge asks an admin to type (`tsbridge_schema`, `tsbridge_event`, `direction`); `stock` is the template untouched, where only
`event` tells what happened; `classic` wraps the same data in the old bridge's `{auth, data, meta}`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from tsbridge.simulator.talkdesk.world import Firing

Style = Literal["literal", "stock", "classic"]

EVENT_WORDS = {
    "call.started": "call_initiated",
    "call.answered": "call_answered",
    "call.ended": "call_finished",
    "call.missed": "call_missed",
    "call.abandoned": "call_abandoned",
    "voicemail.left": "call_voicemail",
    "call.transferred": "call_answered",
    "disposition.set": "",
    "note.created": "",
}
"""Event -> what `{{event}}` renders to. Nobody knows for sure: these are the internal names seen in public."""


def body(firing: Firing, style: Style = "literal") -> dict[str, Any]:
    """The JSON body of one delivery. Every value is text, except the classic envelope's own objects."""
    flat = {"event": EVENT_WORDS[firing.event], **_SHAPES[firing.event](firing)}
    if style == "stock":
        return flat
    direction = "" if firing.event == "note.created" else firing.call["direction"]
    named = {"tsbridge_schema": "1", "tsbridge_event": firing.event, "direction": direction, **flat}
    ticket = firing.call["ticket_id"]
    if style == "classic":
        data = {**named, **({"external_id": ticket} if ticket else {})}
        meta = {
            "contact_external_id": (firing.contact or {}).get("zendesk_user_id", ""),
            "agent_external_id": (firing.agent or {}).get("zendesk_user_id", ""),
        }
        return {"auth": {"account": firing.call["account"]}, "data": data, "meta": {k: v for k, v in meta.items() if v}}
    return {**named, **({"zendesk_ticket_id": ticket} if ticket else {})}


def instant(at: datetime) -> str:
    """The assumed form of `start_time` and `timestamp`: whole seconds, Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _ids(firing: Firing) -> dict[str, str]:
    call = firing.call
    return {"account_id": call["account_id"], "call_id": call["id"], "interaction_id": call["interaction_id"]}


def _phones(firing: Firing) -> dict[str, str]:
    return {"contact_phone_number": firing.call["phone"], "talkdesk_phone_number": firing.call["line"]}


def _contact(firing: Firing) -> dict[str, str]:
    """Empty for an unknown caller, as the real templates leave it."""
    known = firing.contact or {}
    return {"contact_id": known.get("id", ""), "contact_name": known.get("name", ""), "contact_email": known.get("email", "")}


def _agent(firing: Firing) -> dict[str, str]:
    known = firing.agent or {}
    return {"agent_id": known.get("id", ""), "agent_name": known.get("name", ""), "agent_email": known.get("email", "")}


def _tags(firing: Firing) -> dict[str, str]:
    """The call's ring groups, comma and space."""
    return {"tags": ", ".join(firing.call["ring_groups"])}


def _agent_tags(firing: Firing) -> dict[str, str]:
    """The agent's ring groups: like a list, but text."""
    groups = ", ".join(f'"{name}"' for name in (firing.agent or {}).get("ring_groups", ()))
    return {"agent_tags": f"[{groups}]"}


def _started(firing: Firing) -> dict[str, str]:
    return {
        **_ids(firing),
        "account_name": firing.call["account"],
        "interaction_context_id": f"ctx-{firing.call['id'][:6]}",
        **_contact(firing),
        **_phones(firing),
        "interaction_type": "",
        "phone_vip": "false",
        "phone_ivr": "false",
    }


def _answered(firing: Firing) -> dict[str, str]:
    return {
        **_started(firing),
        **_agent(firing),
        **_agent_tags(firing),
        **_tags(firing),
        "waiting_time": str(firing.call["wait_s"]),
        "is_transfer": "false",
    }


def _transferred(firing: Firing) -> dict[str, str]:
    return {
        **_ids(firing),
        **_contact(firing),
        **_phones(firing),
        **_agent(firing),
        **_tags(firing),
        "is_transfer": "true",
        "previous_agent_id": firing.call["previous_agent_id"],
        "waiting_time": str(firing.call["wait_s"]),
    }


def _ended(firing: Firing) -> dict[str, str]:
    call = firing.call
    return {
        **_ids(firing),
        **_contact(firing),
        **_phones(firing),
        **_agent(firing),
        **_tags(firing),
        "start_time": instant(call["started_at"]),
        "timestamp": instant(call["ended_at"] or firing.at),
        "total_duration": str(call["total_s"]),
        "duration": str(call["talk_s"]),
        "waiting_time": str(call["wait_s"]),
        "hold_time": str(call["hold_s"]),
        "in_business_hours": _yes(call["in_business_hours"]),
        "hangup": call["hangup"],
        "recording_url": f"https://{call['account']}.mytalkdesk.com/recordings/{call['id']}",
        "proactive_outbound": "false",
    }


def _unanswered(firing: Firing) -> dict[str, str]:
    call = firing.call
    return {
        **_ids(firing),
        "contact_id": (firing.contact or {}).get("id", ""),
        **_phones(firing),
        **_tags(firing),
        "waiting_time": str(call["wait_s"]),
        "hangup": call["hangup"],
        "timestamp": instant(call["ended_at"] or firing.at),
        "in_business_hours": _yes(call["in_business_hours"]),
    }


def _voicemail(firing: Firing) -> dict[str, str]:
    call = firing.call
    return {
        **_ids(firing),
        **_contact(firing),
        **_phones(firing),
        **_tags(firing),
        "timestamp": instant(call["ended_at"] or firing.at),
        "duration": str(call["voicemail_s"]),
        "recording_url": f"https://{call['account']}.mytalkdesk.com/recordings/{call['id']}-vm",
        "voicemail_transcription": call["transcription"],
    }


def _disposition(firing: Firing) -> dict[str, str]:
    return {
        **_ids(firing),
        "call_type": firing.call["direction"],
        "call_disposition": firing.call["disposition"],
        "agent_email": (firing.agent or {}).get("email", ""),
        **_phones(firing),
    }


def _note(firing: Firing) -> dict[str, str]:
    """Has no call id in the stock template: contact and time are all there is."""
    return {
        "account_id": firing.call["account_id"],
        "contact_id": (firing.contact or {}).get("id", ""),
        "contact_phone": firing.call["phone"],
        "title": firing.title,
        "content": firing.content,
    }


_SHAPES = {
    "call.started": _started,
    "call.answered": _answered,
    "call.ended": _ended,
    "call.missed": _unanswered,
    "call.abandoned": _unanswered,
    "voicemail.left": _voicemail,
    "call.transferred": _transferred,
    "disposition.set": _disposition,
    "note.created": _note,
}
