"""The state of a case as it is kept: plain JSON values, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from tsbridge.core.casestate import NAMED, NO_THREAD, CaseState, Escalation
from tsbridge.core.escalation import Armed, rests_from, rests_json
from tsbridge.core.helpdesk import Asked
from tsbridge.core.moments import Interaction, Value, canonical_text, instant_text, read_instant, value_from
from tsbridge.core.stale import Overwrote
from tsbridge.core.thread import NOTHING, Given, Own, Taken, Thread
from tsbridge.core.track import Track
from tsbridge.core.unreadable import NO_SUCH, Unreadable


def text(state: CaseState) -> str:
    """The state in canonical text."""
    numbers: list[Value] = []
    for track in state.tracks.values():
        for facts in (track.facts, *track.others.values()):
            numbers += facts.values()
    for thread in (*state.threads.values(), state.whole):
        for own in thread.own.values():
            numbers += [asked.value for asked in own.custom_fields.values()]
    return canonical_text(to_json(state), numbers)


def to_json(state: CaseState) -> dict[str, Any]:
    """The state as JSON values, tuples for lists; `from_json` gives an equal state back from their text."""

    def at(value: datetime | None) -> str | None:
        return None if value is None else instant_text(value)

    def asked(value: Asked | None) -> list[Any] | None:
        return None if value is None else [value.value, value.by]

    def taken(value: Taken | None) -> list[Any] | None:
        return None if value is None else [at(value.at), value.by, value.way]

    def own(one: Own) -> dict[str, Any]:
        return {
            "severity": one.severity,
            "category": asked(one.category),
            "queue": asked(one.queue),
            "priority": asked(one.priority),
            "custom_fields": {name: asked(value) for name, value in one.custom_fields.items()},
            "firing": list(one.firing),
            "turns_at": at(one.turns_at),
            **({} if one.quiet is None else {"quiet": at(one.quiet)}),
            **({"escalates": [[policy, at(armed_at)] for policy, armed_at in one.escalates]} if one.escalates else {}),
        }

    def thread(one: Thread) -> dict[str, Any]:
        return {
            "latest": one.latest,
            "own": {key: own(has) for key, has in one.own.items()},
            "level": one.level,
            "tags": dict(one.tags),
            "absent": dict(one.absent),
            "assign": asked(one.assign),
            "resolved": one.resolved,
            "taken": taken(one.taken),
            "armed": [a.to_json() for a in one.armed],
            "step_due": at(one.step_due),
            **({"given": list(one.given)} if one.given is not None else {}),
            **({"stirred": one.stirred} if one.stirred else {}),
        }

    return {
        "opened_at": at(state.opened_at),
        "last_at": at(state.last_at),
        "judged_to": state.judged_to,
        "latest": state.latest,
        "tracks": {
            key: {
                "opened_at": at(track.opened_at),
                "facts": track.facts,
                "declined": dict(track.declined),
                **({"others": track.others} if track.others else {}),
                **({"overwrote": [[at(one.at), list(one.tags)] for one in track.overwrote]} if track.overwrote else {}),
            }
            for key, track in state.tracks.items()
        },
        "joined": dict(state.joined),
        "threads": {name: thread(one) for name, one in state.threads.items()},
        "whole": _BARE if state.whole is NO_THREAD else thread(state.whole),
        "assignee": state.assignee,
        **({"agent": state.agent} if state.agent is not None else {}),
        **({"assigned_because": state.assigned_because} if state.assigned_because != NAMED else {}),
        "acknowledged": taken(state.acknowledged),
        "reopened": state.reopened,
        "notes": [list(note) for note in state.notes],
        "ended": [_over(e) for e in state.ended],
        "rests_at": at(state.rests_at),
        "steps": state.steps,
    }


def from_json(data: Mapping[str, Any]) -> CaseState:
    """The state that `to_json` told. Raises Unreadable."""
    try:
        return _state(data)
    except NO_SUCH:
        raise Unreadable("cases.state: expected the state of a case, came something else") from None


def _state(data: Mapping[str, Any]) -> CaseState:
    def at(value: str | None) -> datetime | None:
        return None if value is None else read_instant(value)

    def asked(value: list[Any] | None) -> Asked | None:
        return None if value is None else Asked(*value)

    def taken(value: list[Any] | None) -> Taken | None:
        return None if value is None else Taken(read_instant(value[0]), value[1], value[2])

    def own(one: Mapping[str, Any]) -> Own:
        return Own(
            severity=one["severity"],
            category=asked(one["category"]),
            queue=asked(one["queue"]),
            priority=asked(one["priority"]),
            custom_fields={name: Asked(*value) for name, value in one["custom_fields"].items()},
            firing=tuple(one["firing"]),
            turns_at=at(one["turns_at"]),
            quiet=at(one.get("quiet")),
            escalates=tuple((policy, read_instant(armed_at)) for policy, armed_at in one.get("escalates", ())),
        )

    def thread(one: Mapping[str, Any]) -> Thread:
        return Thread(
            latest=one["latest"],
            own={key: own(has) for key, has in one["own"].items()} if "own" in one else _of_one(one, own),
            level=one["level"],
            tags=one["tags"],
            absent=one["absent"],
            assign=asked(one["assign"]),
            resolved=one["resolved"],
            taken=taken(one["taken"]),
            armed=tuple(Armed.from_json(a) for a in one["armed"]),
            step_due=at(one["step_due"] if "own" in one else one["next_due"] if one["armed"] else None),
            given=Given(*one["given"]) if "given" in one else None,
            stirred=one.get("stirred", ""),
        )

    return CaseState(
        opened_at=at(data["opened_at"]),
        last_at=at(data["last_at"]),
        judged_to=data["judged_to"],
        latest=data["latest"],
        tracks={
            key: Track(
                read_instant(track["opened_at"]),
                _facts_from(track["facts"]),
                track["declined"],
                {id_: _facts_from(known) for id_, known in track.get("others", {}).items()},
                tuple(Overwrote(read_instant(when), tuple(tags)) for when, tags in track.get("overwrote", ())),
            )
            for key, track in data["tracks"].items()
        },
        joined=data["joined"],
        threads={name: thread(one) for name, one in data["threads"].items()},
        whole=NO_THREAD if data["whole"] == _BARE else thread(data["whole"]),
        assignee=data["assignee"],
        agent=data.get("agent"),
        assigned_because=data.get("assigned_because", NAMED),
        acknowledged=taken(data["acknowledged"]),
        reopened=data["reopened"],
        notes=tuple((key, text, place) for key, text, place in data["notes"]),
        ended=tuple(_over_from(e) for e in data["ended"]),
        rests_at=at(data["rests_at"]),
        steps=data.get("steps", 0),
    )


def _facts_from(facts: Mapping[str, Any]) -> dict[str, Value]:
    return {name: value_from(value) for name, value in facts.items()}


def _over(one: Escalation) -> list[Any]:
    told = [one.policy, one.step, instant_text(one.armed_at), one.status, instant_text(one.at), list(one.interaction)]
    return [*told, rests_json(one.rests), one.version] if one.rests or one.version else told


def _over_from(data: list[Any]) -> Escalation:
    policy, step, armed_at, status, at, interaction, *more = data
    rests, version = rests_from(more[0]) if more else (), more[1] if len(more) > 1 else 0
    return Escalation(policy, step, read_instant(armed_at), status, read_instant(at), Interaction(*interaction), rests, version)


def _of_one(thread: Mapping[str, Any], own: Callable[[Mapping[str, Any]], Own]) -> dict[str, Own]:
    """What the interaction of a thread has that has only one, as it was kept before it was kept of each."""

    def asked(value: str | None, by: str) -> list[str] | None:
        return None if value is None else [value, by]

    category, queue = asked(thread["category"], ""), asked(thread["queue"], thread["queue_by"])
    found = own({**thread, "category": category, "queue": queue, "turns_at": thread["next_due"]})
    return {thread["latest"]: found} if found != NOTHING else {}


_BARE: Final = to_json(CaseState(whole=Thread()))["whole"]
