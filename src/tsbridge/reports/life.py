"""What happened to a case that figures are made of: who was told what they need, out of its story, by the walk's own reading of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from tsbridge.core.casestate import CaseState
from tsbridge.core.heard import hear
from tsbridge.core.moments import UNJUDGED, Interaction, Moment, Value
from tsbridge.core.story import asks_anew
from tsbridge.core.track import DONE, EMPTY, Track, key_of

CREATED, REPLIED, ANSWERED, SOLVED, UNSOLVED = "created", "replied", "answered", "solved", "unsolved"
ACKNOWLEDGED, RESOLVED, REOPENED = "acknowledged", "resolved", "reopened"
UNTAGGED, MOVED = "untagged", "moved"


class Event(NamedTuple):
    """Something that happened: `of` an interaction (`source:id`), `by` somebody's id where it is known.

    `created`, `replied` (an agent in public), `solved`, `unsolved` tell of a ticket, `answered` of a call; `resolved` and `reopened` of
    the whole case; `acknowledged` of the thread `what_of`, of the whole case where that is empty; `untagged` (a person took the tag
    `what_of` off) and `moved` (to the group `what_of`) of a ticket.
    """

    at: datetime
    what: str
    of: str
    by: str | None = None
    what_of: str = ""


@dataclass(frozen=True, slots=True)
class Life:
    """The events of a case, oldest first; by `source:id` what is known of its interactions at the end of them, and when each was last
    heard of. `resolved_at`: when it was resolved for the last time; None while it is open."""

    events: tuple[Event, ...]
    tracks: Mapping[str, Track]
    heard: Mapping[str, datetime]
    resolved_at: datetime | None = None

    def first(self, *what: str) -> Event | None:
        for one in self.events:
            if one.what in what:
                return one
        return None

    def count(self, what: str) -> int:
        return sum(one.what == what for one in self.events)


NOTHING: Final = Life((), {}, {})


def lived(story: Iterable[tuple[str, Moment]], rests: Iterable[datetime] = (), joined: Mapping[str, str] = EMPTY) -> Life:
    """The life of a case by its story: moments by their places, in order. `rests`: when it came to rest by time alone; `joined`: as
    `CaseState.joined`."""
    state, found, heard = CaseState(joined=joined), list[Event](), dict[str, datetime]()
    resting = sorted(rests, reverse=True)
    for place, moment in story:
        while resting and resting[-1] <= moment.at:
            state = _rest(state, resting.pop(), found)
        subject = moment.subject
        before = state
        state, previous, changed = hear(state, moment, subject, place, asks_anew(moment))
        if moment.event not in UNJUDGED:
            heard[key_of(subject)] = moment.at
            found += _told(before, state, moment, subject, previous, changed)
    for at in reversed(resting):
        state = _rest(state, at, found)
    last = next((one for one in reversed(found) if one.what in (RESOLVED, REOPENED)), None)
    resolved_at = last.at if last is not None and last.what == RESOLVED else None
    return Life(tuple(found), state.tracks, heard, resolved_at)


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
            add(SOLVED)
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
    elif moment.source == "talkdesk" and moment.event == "call.answered":
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


def _speaks(moment: Moment) -> bool:
    """Whether an agent speaks in public."""
    return any(text.public and text.by == "agent" for text in moment.texts)
