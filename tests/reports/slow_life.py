"""The life of a case by the walk's own reading of its story: what the reports' reading is held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from tsbridge.core.casestate import CaseState
from tsbridge.core.heard import asks_anew, hear
from tsbridge.core.moments import UNJUDGED, Interaction, Moment, Value
from tsbridge.core.track import DONE, EMPTY, key_of
from tsbridge.reports.life import (
    ACKNOWLEDGED,
    ANSWERED,
    CREATED,
    MOVED,
    REOPENED,
    REPLIED,
    RESOLVED,
    SOLVED,
    UNSOLVED,
    UNTAGGED,
    Event,
)


def lived(story: Sequence[Moment], rests: Iterable[datetime] = (), joined: Mapping[str, str] = EMPTY) -> tuple[list[Event], CaseState]:
    state, found = CaseState(joined=joined), list[Event]()
    resting = sorted(rests, reverse=True)
    for moment in story:
        while resting and resting[-1] <= moment.at:
            state = _rest(state, resting.pop(), found)
        subject = moment.subject
        before = state
        state, previous, changed = hear(state, moment, subject, moment.place, asks_anew(moment))
        if moment.event not in UNJUDGED:
            found += _told(before, state, moment, subject, previous, changed)
    for at in reversed(resting):
        state = _rest(state, at, found)
    return found, state


def _rest(state: CaseState, at: datetime, found: list[Event]) -> CaseState:
    if state.resolved or not state.threads:
        return state
    found.append(Event(at, RESOLVED, state.latest))
    return state.at_rest()


def _told(
    before: CaseState, state: CaseState, moment: Moment, subject: Interaction, previous: Mapping[str, Value], changed: Sequence[str]
) -> list[Event]:
    key, by, at = key_of(subject), moment.actor.id, moment.at
    found: list[Event] = []

    def add(what: str, what_of: str = "") -> None:
        found.append(Event(at, what, key, by, what_of))

    if moment.source == "zendesk":
        was = before.tracks[key].status if key in before.tracks else None
        now = state.tracks[key].status
        if moment.event == "ticket.created":
            add(CREATED, "agent" if _speaks(moment) else "")
        elif _speaks(moment):
            add(REPLIED)
        if now in DONE and was not in DONE:
            tags = state.tracks[key].facts.get("tags")
            add(SOLVED, "ticket.merged" if isinstance(tags, tuple) and "closed_by_merge" in tags else moment.event)
        elif was in DONE and now not in DONE:
            add(UNSOLVED)
        if moment.actor.kind == "agent":
            if "tags" in changed:
                had, has = previous.get("tags"), state.tracks[key].facts.get("tags")
                gone = set(had if isinstance(had, tuple) else ()) - set(has if isinstance(has, tuple) else ())
                for tag in sorted(gone):
                    add(UNTAGGED, tag)
            if "ticket.group_id" in changed and previous.get("ticket.group_id") is not None:
                add(MOVED, str(state.tracks[key].facts.get("ticket.group_id") or ""))
    elif moment.event == "call.answered" or (_outcome(before, key) != "answered" and _outcome(state, key) == "answered"):
        add(ANSWERED)
    if state.acknowledged is not None and before.acknowledged is None:
        add(ACKNOWLEDGED)
    name = state.thread_of(key)
    was_taken = before.threads[name].taken if name in before.threads else None
    if state.threads[name].taken is not None and was_taken is None:
        add(ACKNOWLEDGED, name)
    if before.resolved and not state.resolved:
        add(REOPENED)
    elif state.resolved and not before.resolved:
        add(RESOLVED)
    return found


def _outcome(state: CaseState, key: str) -> Value:
    return state.tracks[key].facts.get("call.outcome") if key in state.tracks else None


def _speaks(moment: Moment) -> bool:
    """Whether an agent speaks in public."""
    return any(text.public and text.by == "agent" for text in moment.texts)
