"""What webhooks did not tell of a call, as the bodies that would have told it: from its row in the calls report.

A row does not say when notes were written and a contact's note names no call, so notes are not among them. That a call
reached the voicemail step proves no message (reference/talkdesk.md section 2.4): only a recording does. Before May 2026
durations were fractions of a day and times named no zone; we ask for reports in UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tsbridge.core.moments import instant_text
from tsbridge.vendors import reading
from tsbridge.vendors.reading import blank, flag, seconds, token, word

UNANSWERED: Final[Mapping[str, str]] = {
    "missed": "call.missed",
    "outbound_missed": "call.missed",
    "abandoned": "call.abandoned",
    "short_abandoned": "call.abandoned",
}
VOICEMAIL: Final = "voicemail"
DAY: Final = timedelta(days=1)
OLD: Final[Mapping[str, tuple[str, ...]]] = {
    "type": ("type", "call_type"),
    "start_at": ("start_at", "start_time"),
    "end_at": ("end_at", "end_time"),
    "contact_phone_number": ("contact_phone_number", "customer_phone_number"),
    "wait_time": ("wait_time", "waiting_time"),
    "hold_time": ("hold_time", "holding_time"),
    "ring_groups": ("ring_groups", "tags"),
    "user_name": ("user_name", "agent_name"),
    "disposition_code": ("disposition_code", "disposition_set", "disposition"),
    "is_transfer": ("is_transfer", "transfer?"),
}
"""Columns and what they were called before May 2026, the newer name first."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the story has of a call: its events, the dispositions told, and the interactions that go by one of its names."""

    events: frozenset[str] = frozenset()
    dispositions: frozenset[str] = frozenset()
    interactions: frozenset[str] = frozenset()


def together(parts: Sequence[Heard]) -> Heard:
    """What several of them have."""
    return Heard(
        frozenset().union(*(part.events for part in parts)),
        frozenset().union(*(part.dispositions for part in parts)),
        frozenset().union(*(part.interactions for part in parts)),
    )


def ids_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The names a call goes by; its deliveries may carry either. The reports of before May 2026 have the first only."""
    return tuple(dict.fromkeys(id_ for name in ("interaction_id", "call_id") if (id_ := token(row.get(name))) is not None))


def unproven(row: Mapping[str, Any], heard: Heard) -> tuple[str, dict[str, Any]] | None:
    """The delivery, with its key, that tells of a message that was left, for when a recording proves that one was."""
    names, ended = ids_of(row), reading.time(_of(row, "end_at"))
    if word(_of(row, "type")) != VOICEMAIL or "call.voicemail" in heard.events or not names or ended is None:
        return None
    return f"report:{names[0]}:voicemail.left", _body(row, "voicemail.left", VOICEMAIL, ended, heard)


def proves_message(recordings: Iterable[Mapping[str, Any]]) -> bool:
    return any(word(recording.get("type")) == VOICEMAIL for recording in recordings)


def missed(row: Mapping[str, Any], heard: Heard) -> list[tuple[str, dict[str, Any]]]:
    """Deliveries that tell what is not heard yet of one call that is over, each with its key: the same row gives the same ones."""
    names = ids_of(row)
    started, ended = reading.time(_of(row, "start_at")), reading.time(_of(row, "end_at"))
    if not names or started is None or ended is None:
        return []
    kind, waited = word(_of(row, "type")) or "", _lasted(row, "wait_time") or 0
    told: list[tuple[str, str, datetime]] = [("call.started", "call.started", started)]
    if (unanswered := UNANSWERED.get(kind)) is not None:
        told.append((unanswered, unanswered, ended))
    elif kind != VOICEMAIL:
        if _lasted(row, "talk_time"):
            told.append(("call.answered", "call.answered", min(started + timedelta(seconds=waited), ended)))
        if flag(_of(row, "is_transfer")):
            told.append(("call.transferred", "call.transferred", ended))
        told.append(("call.ended", "call.ended", ended))
    found = [(f"report:{names[0]}:{event}", _body(row, event, kind, at, heard)) for event, is_, at in told if is_ not in heard.events]
    disposition = reading.label(_of(row, "disposition_code"), 200)
    if disposition is not None and disposition not in heard.dispositions:
        which = hashlib.sha256(disposition.encode()).hexdigest()[:16]
        body = {**_body(row, "disposition.set", kind, ended, heard), "call_disposition": disposition}
        found.append((f"report:{names[0]}:disposition.set:{which}", body))
    return found


def _body(row: Mapping[str, Any], event: str, kind: str, at: datetime, heard: Heard) -> dict[str, Any]:
    """In the shape our own schema asks for; under the name that the call's story has already, where it has one."""
    names = ids_of(row)
    interaction = names[0] if len(heard.interactions) != 1 else min(heard.interactions)
    answered = event not in ("call.started", *UNANSWERED.values(), "voicemail.left")
    body: dict[str, Any] = {
        "tsbridge_schema": "1",
        "tsbridge_event": event,
        "call_id": next((name for name in names if name != interaction), interaction),
        "interaction_id": interaction,
        "call_type": row.get("direction") or kind,
        "contact_phone_number": _of(row, "contact_phone_number"),
        "talkdesk_phone_number": row.get("talkdesk_phone_number"),
        "tags": _of(row, "ring_groups"),
        "timestamp": instant_text(at),
    }
    if event != "call.started":
        body["waiting_time"] = _lasted(row, "wait_time")
    if kind == "short_abandoned":
        body["abandon_kind"] = "short"
    if answered:
        body |= {"agent_id": row.get("user_id"), "agent_name": _of(row, "user_name"), "agent_email": row.get("user_email")}
    if event == "call.ended":
        body |= {"duration": _lasted(row, "talk_time"), "hold_time": _lasted(row, "hold_time"), "is_transfer": _of(row, "is_transfer")}
        body["hangup"] = row.get("hangup")
    return {name: value for name, value in body.items() if value is not None}


def _of(row: Mapping[str, Any], name: str) -> Any:
    return next((row[key] for key in OLD.get(name, (name,)) if not blank(row.get(key))), None)


def _lasted(row: Mapping[str, Any], name: str) -> int | float | None:
    """Seconds. A part of one is a part of a day, as far as the call was that long: today's reports count whole seconds."""
    found = seconds(_of(row, name))
    started, ended = reading.time(_of(row, "start_at")), reading.time(_of(row, "end_at"))
    if found is None or not 0 < found < 1 or started is None or ended is None:
        return found
    of_a_day = found * DAY
    return round(of_a_day.total_seconds()) if of_a_day <= ended - started + timedelta(seconds=1) else found
