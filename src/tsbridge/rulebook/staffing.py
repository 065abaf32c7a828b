"""A rulebook's queues held against the roster: what gives work out and cannot, for want of people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import Finding, RulebookError, escape
from tsbridge.core.rules.language import Queue

CODES: Final = {
    "gives_without_roster": "A queue gives work out and there is no roster: nobody ever gets any.",
    "gives_to_nobody": "A queue gives work out and no agent of the roster works it, or none that a ticket could be assigned to.",
    "skill_of_nobody": "A queue asks for a skill, at a level, that nobody who works it has.",
}


def staffing(document: Any, roster: Mapping[str, Any] | None) -> tuple[Finding, ...]:
    """What cannot work of the `assign` and `skills` of a rulebook's queues beside the roster's document; None: there is no roster.

    Nothing about a document that is no rulebook.
    """
    try:
        book = read(document)
    except RulebookError:
        return ()
    giving = [queue for queue in book.queues.values() if queue.gives]
    if roster is None:
        words = "gives work out, and there is no roster: nobody gets any"
        return tuple(Finding("warning", "gives_without_roster", words, f"/queues/{escape(queue.name)}/assign") for queue in giving)
    return tuple(finding for queue in giving for finding in _lacking(queue, roster))


def _lacking(queue: Queue, roster: Mapping[str, Any]) -> Iterator[Finding]:
    by_shift = {key for shift in _parts(roster, "shifts") if queue.name in (shift.get("queues") or ()) for key in shift.get("agents") or ()}
    agents = roster.get("agents") or {}
    theirs = [told for key, told in agents.items() if queue.name in (told.get("queues") or ()) or key in by_shift]
    path = f"/queues/{escape(queue.name)}"
    if not any(told.get("zendesk_user_id") for told in theirs):
        why = "no agent of the roster works it" if not theirs else "no agent who works it has a zendesk_user_id"
        yield Finding("warning", "gives_to_nobody", f"gives work out, and {why}: nobody gets any", f"{path}/assign")
        return
    for skill, level in queue.skills:
        if not any((told.get("skills") or {}).get(skill, 0) >= level for told in theirs):
            words = f"nobody of the roster who works it has {skill} at level {level}: nobody gets anything"
            yield Finding("warning", "skill_of_nobody", words, f"{path}/skills")


def _parts(roster: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return list((roster.get(name) or {}).values())
