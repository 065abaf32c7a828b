"""The state of a case as it is kept: plain JSON values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tsbridge.core.casestate import CaseState, Escalation, Track
from tsbridge.core.escalation import Armed
from tsbridge.core.helpdesk import Asked
from tsbridge.core.moments import Value, instant_text, read_instant


def to_json(state: CaseState) -> dict[str, Any]:
    """The state as plain JSON values; `from_json` gives an equal state back."""

    def at(value: datetime | None) -> str | None:
        return None if value is None else instant_text(value)

    def asked(value: Asked | None) -> list[Any] | None:
        return None if value is None else [value.value, value.by]

    return {
        "opened_at": at(state.opened_at),
        "last_at": at(state.last_at),
        "judged_to": state.judged_to,
        "latest": state.latest,
        "tracks": {
            key: {
                "opened_at": at(track.opened_at),
                "facts": _plain(track.facts),
                "declined": dict(track.declined),
                **({"others": {id_: _plain(known) for id_, known in track.others.items()}} if track.others else {}),
            }
            for key, track in state.tracks.items()
        },
        "severity": state.severity,
        "category": state.category,
        "queue": state.queue,
        "queue_by": state.queue_by,
        "assignee": state.assignee,
        "acknowledged": state.acknowledged,
        "resolved": state.resolved,
        "reopened": state.reopened,
        "level": state.level,
        "tags": dict(state.tags),
        "absent": dict(state.absent),
        "priority": asked(state.priority),
        "assign": asked(state.assign),
        "custom_fields": {name: asked(value) for name, value in state.custom_fields.items()},
        "notes": [list(note) for note in state.notes],
        "firing": list(state.firing),
        "armed": [a.to_json() for a in state.armed],
        "ended": [[e.policy, e.step, at(e.armed_at), e.status, at(e.at)] for e in state.ended],
        "next_due": at(state.next_due),
        "rests_at": at(state.rests_at),
    }


def from_json(data: Mapping[str, Any]) -> CaseState:
    def at(value: str | None) -> datetime | None:
        return None if value is None else read_instant(value)

    def asked(value: list[Any] | None) -> Asked | None:
        return None if value is None else Asked(*value)

    return CaseState(
        opened_at=at(data["opened_at"]),
        last_at=at(data["last_at"]),
        judged_to=data["judged_to"],
        latest=data["latest"],
        tracks={
            key: Track(
                read_instant(track["opened_at"]),
                _frozen(track["facts"]),
                track["declined"],
                {id_: _frozen(known) for id_, known in track.get("others", {}).items()},
            )
            for key, track in data["tracks"].items()
        },
        severity=data["severity"],
        category=data["category"],
        queue=data["queue"],
        queue_by=data["queue_by"],
        assignee=data["assignee"],
        acknowledged=data["acknowledged"],
        resolved=data["resolved"],
        reopened=data["reopened"],
        level=data["level"],
        tags=data["tags"],
        absent=data["absent"],
        priority=asked(data["priority"]),
        assign=asked(data["assign"]),
        custom_fields={name: Asked(*value) for name, value in data["custom_fields"].items()},
        notes=tuple((key, text, place) for key, text, place in data["notes"]),
        firing=tuple(data["firing"]),
        armed=tuple(Armed.from_json(a) for a in data["armed"]),
        ended=tuple(Escalation(p, s, read_instant(a), w, read_instant(t)) for p, s, a, w, t in data["ended"]),
        next_due=at(data["next_due"]),
        rests_at=at(data.get("rests_at")),
    )


def _plain(facts: Mapping[str, Value]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}


def _frozen(facts: Mapping[str, Any]) -> dict[str, Value]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
