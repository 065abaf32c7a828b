"""Talkdesk deliveries into moments (fields: reference/talkdesk.md sections 2 and 6; every value may be text)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from tsbridge.core import strict_json
from tsbridge.core.errors import Malformed
from tsbridge.core.moments import Actor, Handle, Moment, Text, Value, canonical
from tsbridge.vendors import reading
from tsbridge.vendors.reading import Normalized, blank, flag, id_text, person_facts, seconds, token, whole_id, word
from tsbridge.vendors.talkdesk.mapping import BodyMapping, mapped
from tsbridge.vendors.talkdesk.payload import flat

EVENTS: Final[Mapping[str, str]] = {
    "call.started": "call.started",
    "call.created": "call.started",
    "call.ringing": "call.started",
    "call.queued": "call.started",
    "call.answered": "call.answered",
    "call.ended": "call.ended",
    "call.dequeued": "call.started",  # out of the queue is not over: an agent may have it now
    "call.missed": "call.missed",
    "call.abandoned": "call.abandoned",
    "call.voicemail": "call.voicemail",
    "voicemail.left": "call.voicemail",
    "voicemail.assigned": "call.voicemail",
    "voicemail.transcribed": "call.voicemail",
    "call.transferred": "call.transferred",
    "call.transfer_answered": "call.transferred",
    "disposition.set": "call.disposition",
    "call.disposition": "call.disposition",
    "call.disposition_set": "call.disposition",
    "note.created": "call.note",
    "call.note": "call.note",
    "contact.note_created": "call.note",
    # Talkdesk's internal names, for bodies without our literal (reference 2.1: unsure, so only as a fallback)
    "call_initiated": "call.started",
    "call_answered": "call.answered",
    "call_missed": "call.missed",
    "call_abandoned": "call.abandoned",
    "call_finished": "call.ended",
    "call_voicemail": "call.voicemail",
    "inboundcallreachescontactcenter": "call.started",
    "inboundcallstarts": "call.answered",
    "inboundcallends": "call.ended",
    "outboundcallends": "call.ended",
    "notecreated": "call.note",
}

SILENT: Final = frozenset(
    {
        "agent.login",
        "agent.logout",
        "agent.status_changed",
        "contact.created",
        "contact.updated",
        "call.csat_received",
        "call.recording_ready",
        "agentlogin",
        "agentlogout",
        "contactcreated",
        "contactupdated",
    }
)
"""Events of Talkdesk's that say nothing about a case: kept, and finished as ignored."""

OUTCOMES: Final[Mapping[str, str]] = {
    "call.answered": "answered",
    "call.missed": "missed",
    "call.abandoned": "abandoned",
    "call.voicemail": "voicemail",
    "call.transferred": "answered",
}

DIRECTIONS: Final[Mapping[str, str]] = {
    "in": "inbound",
    "inbound": "inbound",
    "missed": "inbound",
    "abandoned": "inbound",
    "short_abandoned": "inbound",
    "voicemail": "inbound",
    "out": "outbound",
    "outbound": "outbound",
    "outbound_missed": "outbound",
    "agent": "internal",
    "internal": "internal",
}

HELD: Final = frozenset({"hold", "transfer"})
"""Causes of hanging up that mean an agent was on the line. "Handled" does not: missed calls and voicemails end with it, too."""

TIMES: Final[Mapping[str, tuple[str, ...]]] = {
    "call.started": ("timestamp", "start_time", "start_at", "started_at"),
    "call.answered": ("timestamp", "answered_at", "start_time", "start_at", "started_at"),
}
LATER_TIMES: Final = ("timestamp", "end_time", "end_at", "finished_at", "occurred_at", "created_at")


def normalize(
    data: Any, *, received_at: datetime, phone_region: str = "US", zone: tzinfo = UTC, mappings: Sequence[BodyMapping] = ()
) -> Normalized:
    """The moments of one delivery. `zone`: of times that name none, unless the mapping has its own.

    Raises `Malformed` when it names no event, or one that nobody knows, and when it names no call and is no note either.
    """
    body, own_zone = mapped(data, mappings)
    fields = flat(body)
    kind, event = _event(fields)
    if event is None:
        return Normalized(kind, ignored="not_about_a_case")
    call_id, interaction_id = token(fields.get("call_id")), token(fields.get("interaction_id"))
    interaction = interaction_id or call_id
    if interaction is None:
        if event != "call.note":
            raise Malformed("missing_call_id", "/call_id")
        # A contact's note names no call (reference 2.6): it stands for itself, and joins the person's case by a guess.
        interaction = "note-" + hashlib.sha256(canonical({k: str(v) for k, v in fields.items()})).hexdigest()[:24]
    internal = _direction(fields) == "internal"
    about, people = ({}, ()) if internal else _person(fields, phone_region)
    when = reading.time_among(fields, TIMES.get(event, LATER_TIMES))
    at, at_known, doubted = reading.when(fields.get(when or ""), received_at, own_zone or zone)
    moment = Moment(
        "talkdesk",
        interaction,
        event,
        at,
        at_known,
        tuple(sorted({**_facts(event, fields, phone_region), **about}.items())),
        (),
        _texts(fields),
        _names(fields, call_id, interaction_id),
        people,
        Actor("agent", id_text(fields.get("agent_id")), reading.email(fields.get("agent_email")))
        if not blank(fields.get("agent_email"))
        else Actor("unknown"),
    )
    warnings = [f"placeholder:{k}" for k, v in fields.items() if reading.unfilled(v)]
    if when is not None and own_zone is None and reading.zoneless(fields[when]):
        warnings.append(f"zoneless:{when}")
    return Normalized(kind, (moment,), warnings=tuple(sorted([*warnings, *doubted])))


def _event(fields: Mapping[str, Any]) -> tuple[str, str | None]:
    """What the body calls it, and our name, None for what is none of ours.

    A name that nobody knows is a slip of whoever typed it: ignored it would take a whole kind of call away in silence.
    """
    at = next((key for key in ("tsbridge_event", "event") if not blank(fields.get(key))), None)
    if at is None:
        raise Malformed("missing_event", "/tsbridge_event")
    kind = word(fields[at]) or ""
    plain = kind if kind in EVENTS or kind in SILENT else kind.replace(" ", "")
    if plain not in EVENTS and plain not in SILENT:
        raise Malformed("unknown_event", f"/{at}")
    return kind, EVENTS.get(plain)


def groups(value: Any) -> tuple[str, ...]:
    """Ring groups in any of the formats seen: a list, a JSON-like list as text, joined by comma or by +, or one name."""
    if isinstance(value, list):
        parts: list[Any] = value
    else:
        text = reading.label(value)
        if text is None:
            return ()
        parts = _listed(text)
    found = {
        t for part in parts[: reading.LIST_LENGTH] if isinstance(part, str) and (t := reading.label(part, reading.TAG_LENGTH)) is not None
    }
    return tuple(sorted(found))


def _listed(text: str) -> list[Any]:
    if text.startswith("[") and text.endswith("]"):
        try:
            read = strict_json.read(text.replace("'", '"').encode())  # text within text: as hostile as the body itself
            if isinstance(read, list):
                return read
        except Malformed:
            pass
        text = text[1:-1].replace('"', "").replace("'", "")
    return re.split(r"\s*[,+]\s*", text)


def _had_an_agent(fields: Mapping[str, Any]) -> bool:
    """Whether a call that is over was talked through with an agent; talk time without one may be a voicemail's."""
    if word(fields.get("hangup")) in HELD:
        return True
    return bool(seconds(_first(fields, "talk_time", "duration"))) and _first(fields, "agent_id", "agent_email", "user_email") is not None


def _direction(fields: Mapping[str, Any]) -> str | None:
    """As the body says it, else as the trigger's own name does (outboundCallEnds)."""
    for key in ("direction", "type", "call_type"):
        if (said := DIRECTIONS.get(word(fields.get(key)) or "")) is not None:
            return said
    names = [word(fields.get(key)) or "" for key in ("tsbridge_event", "event")]
    return next((way for name in names for way in ("inbound", "outbound") if name.startswith(way)), None)


def _facts(event: str, fields: Mapping[str, Any], region: str) -> dict[str, Value]:
    facts: dict[str, Value] = {"channel": "voice"}
    direction = _direction(fields)
    if direction is None and event in ("call.missed", "call.abandoned", "call.voicemail"):
        direction = "inbound"
    if direction is not None:
        facts["call.direction"] = direction
    outcome = OUTCOMES.get(event)
    if event == "call.abandoned" and (word(fields.get("abandon_kind")) == "short" or word(fields.get("type")) == "short_abandoned"):
        outcome = "short_abandoned"
    if event == "call.ended" and _had_an_agent(fields):
        outcome = "answered"
    if outcome is not None:
        facts["call.outcome"] = outcome
    for name, keys in (("call.wait_seconds", ("waiting_time", "wait_time")), ("call.talk_seconds", ("talk_time", "duration"))):
        if (number := seconds(_first(fields, *keys))) is not None:
            facts[name] = number
    if ring := groups(_first(fields, "tags", "ring_groups", "ring_group")):
        facts["call.ring_group"] = ring
    if (disposition := reading.label(_first(fields, "call_disposition", "disposition", "disposition_set"), 200)) is not None:
        facts["call.disposition"] = disposition
    if event == "call.voicemail":
        facts["call.voicemail"] = True
    transferred = flag(_first(fields, "is_transfer", "transferred"))
    if event == "call.transferred" or transferred is not None:
        facts["call.transferred"] = event == "call.transferred" or bool(transferred)
    if (agent := reading.email(_first(fields, "agent_email", "user_email", "handling_user_email"))) is not None:
        facts["call.agent_email"] = agent
    ours = _first(fields, "talkdesk_phone_number", "company_number", "talkdesk_number")
    if (line := reading.phone(ours, region) or reading.label(ours, 60)) is not None:
        facts["call.talkdesk_number"] = line
    return facts


def _person(fields: Mapping[str, Any], region: str) -> tuple[dict[str, Value], tuple[Handle, ...]]:
    """The caller. `contact_id` is the person in automations (but a leg in the contacts report, reference 2.3)."""
    name = _name(fields.get("contact_name"), 200) or " ".join(
        part for key in ("contact_first_name", "contact_last_name") if (part := _name(fields.get(key), 100))
    )
    number = _first(
        fields, "contact_phone_number", "contact_phone", "customer_phone_number", "contact_person_number", "external_phone_number"
    )
    facts, handles = person_facts(fields.get("meta.contact_external_id"), name, fields.get("contact_email"), number, region)
    contact = token(fields.get("contact_id"))
    return facts, tuple(sorted((*handles, Handle("talkdesk_contact", contact)) if contact else handles))


def _name(value: Any, limit: int) -> str | None:
    """A person may be called Null, but nobody is written as a program writes that it has nothing."""
    found = reading.text(value, limit)
    return None if found in ("null", "undefined", "None") else found


def _names(fields: Mapping[str, Any], call_id: str | None, interaction_id: str | None) -> tuple[Handle, ...]:
    names = {Handle("call", id_) for id_ in (call_id, interaction_id) if id_ is not None}
    for key in ("zendesk_ticket_id", "external_id", "meta.external_id", "ticket_id"):
        found = id_text(fields.get(key))
        plain = whole_id(found.lower().removeprefix("zendesk:").removeprefix("#")) if found else None
        if plain is not None:
            names.add(Handle("ticket", plain))
            break
    return tuple(sorted(names))


def _texts(fields: Mapping[str, Any]) -> tuple[Text, ...]:
    found: list[Text] = []
    for role, keys in (
        ("note", ("title", "content", "notes", "note", "description")),
        ("disposition", ("call_disposition", "disposition")),
        ("transcription", ("voicemail_transcription", "transcription", "transcript")),
    ):
        read = reading.label if role == "disposition" else reading.text
        found += [Text(role, t) for key in keys if (t := read(fields.get(key))) is not None]  # type: ignore[arg-type]
    return tuple(found)


def _first(fields: Mapping[str, Any], *keys: str) -> Any:
    return next((fields[key] for key in keys if not blank(fields.get(key))), None)
