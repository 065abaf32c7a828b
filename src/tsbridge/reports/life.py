"""What happened to a case that figures are made of, out of its story as it is kept.

A report reads thousands of stories and judges nothing, so this reads only what it needs of each moment. That it sees the same as the
walk does (`core.heard`) is held by a test against the walk's own reading.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from tsbridge.core.drift import MERGED
from tsbridge.core.moments import FACTS, UNJUDGED, read_instant
from tsbridge.core.track import ASSIGNEE, DONE, EMPTY, HANDLED

CREATED, REPLIED, ANSWERED, SOLVED, UNSOLVED = "created", "replied", "answered", "solved", "unsolved"
ACKNOWLEDGED, RESOLVED, REOPENED = "acknowledged", "resolved", "reopened"
UNTAGGED, MOVED = "untagged", "moved"
STATUS: Final = "ticket.status"
GROUP: Final = "ticket.group_id"
KEPT: Final = (STATUS, ASSIGNEE, GROUP, "tags")
"""What is remembered of a ticket. Of a call it is everything."""
Body = Mapping[str, Any]
"""A moment as it is kept (`core.moments.to_json`)."""


class Event(NamedTuple):
    """Something that happened: `of` an interaction (`source:id`), `by` somebody's id where it is known.

    `created`, `replied` (an agent in public), `solved` (done; `what_of`: the event it was by), `unsolved` tell of a ticket, `answered` of a
    call (by what tells it first); `resolved` and `reopened` of the whole case; `acknowledged` of the thread `what_of`, of the whole case
    where that is empty; `untagged` (a person took the tag `what_of` off) and `moved` (to the group `what_of`) of a ticket.
    """

    at: datetime
    what: str
    of: str
    by: str | None = None
    what_of: str = ""


@dataclass(slots=True)
class Known:
    """What is known of an interaction at the end: when it was first and last heard of, and its facts."""

    opened_at: datetime
    heard_at: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> Any:
        return self.facts.get(STATUS)


@dataclass(frozen=True, slots=True)
class Life:
    """The events of a case, oldest first, and what is known of its interactions by `source:id`. `resolved_at`: when it was resolved for
    the last time; None while it is open."""

    events: tuple[Event, ...]
    tracks: Mapping[str, Known]
    resolved_at: datetime | None = None

    def first(self, *what: str) -> Event | None:
        for one in self.events:
            if one.what in what:
                return one
        return None

    def count(self, what: str) -> int:
        return sum(one.what == what for one in self.events)


NOTHING: Final = Life((), {})


def place_of(body: Body, digest: str) -> str:
    """The moment's place in a story, as text: `Moment.place`."""
    first = 0 if body["event"] in ("ticket.created", "call.started") else 1
    order = body.get("vendor_order", "")
    return f"{body['at']}:{0 if body['event'] == FACTS else 1}{first}:{order}{digest[:16]}"


def lived(story: Iterable[Body], rests: Collection[datetime] = (), joined: Mapping[str, str] = EMPTY) -> Life:
    """The life of a case by its moments in order. `rests`: when it came to rest by time alone; `joined`: as `CaseState.joined`."""
    telling = _Telling(joined)
    resting = sorted(rests, reverse=True)
    for body in story:
        at = read_instant(body["at"])
        while resting and resting[-1] <= at:
            telling.rest(resting.pop())
        telling.tell(body, at)
    for rest in reversed(resting):
        telling.rest(rest)
    last = next((one for one in reversed(telling.events) if one.what in (RESOLVED, REOPENED)), None)
    return Life(tuple(telling.events), telling.tracks, last.at if last is not None and last.what == RESOLVED else None)


class _Telling:
    """A story being told. `over`: by thread whether it is resolved; `taken`: threads that somebody has in hand; `asked`: by thread the
    assignee that the desk asked for, of the whole case under an empty name."""

    def __init__(self, joined: Mapping[str, str]) -> None:
        self.events: list[Event] = []
        self.tracks: dict[str, Known] = {}
        self._joined = joined
        self._over: dict[str, bool] = {}
        self._taken: set[str] = set()
        self._asked: dict[str, Any] = {}
        self._acknowledged = False
        self._latest = ""

    def rest(self, at: datetime) -> None:
        if self._over and not self._is_over():
            self.events.append(Event(at, RESOLVED, self._latest))
            self._over = dict.fromkeys(self._over, True)

    def tell(self, body: Body, at: datetime) -> None:
        source, event = body["source"], body["event"]
        key = body["interaction"] if source == "desk" else f"{source}:{body['interaction']}"
        name = self._joined.get(key, key)
        if source == "desk":
            self._latest = self._latest or key
            self._at_desk(body, at, key, name)
            return
        stood = (self._is_over(), self._is_done(name), self._is_live(name))
        track = self.tracks.get(key)
        if track is None:
            track = self.tracks[key] = Known(at)
        changes = {field: (previous, current) for field, previous, current in body["changes"]}
        if event in UNJUDGED:
            self._latest = self._latest or key
            self._learn(track, source, body["facts"], changes)
            return
        self._latest = key
        track.heard_at = at
        was, outcome = track.status, track.facts.get("call.outcome")
        way = None if name in self._taken else _taken_by(body, track, changes)
        before = {field: changes[field][0] if field in changes else track.facts.get(field) for field in ("tags", GROUP)}
        self._learn(track, source, body["facts"], changes)
        actor, by = body["actor"][0], body["actor"][1]
        if source == "zendesk":
            self._of_ticket(body, at, key, by, was, track)
            if actor == "agent":
                self._undone(body, at, key, by, before, track, changes)
        elif event == "call.answered" or outcome != "answered" == track.facts.get("call.outcome"):
            self.events.append(Event(at, ANSWERED, key, by))
        if way == "assignment" and body.get("impression") and self._is_as_asked(name, track):
            way = None  # a snapshot does not tell who wrote it
        self._settle(body, at, key, name, by, stood, took=way is not None)

    def _at_desk(self, body: Body, at: datetime, key: str, name: str) -> None:
        event, by, was_over = body["event"], body["actor"][1], self._is_over()
        self._over.setdefault(name, False)
        if event == "case.acknowledged" and not self._acknowledged:
            self._acknowledged = True
            self.events.append(Event(at, ACKNOWLEDGED, key, by))
        elif event == "case.resolved":
            self._over = dict.fromkeys(self._over, True)
        elif event == "case.given":
            self._asked[name] = body["facts"].get("case.assignee")
        elif event == "case.assigned":
            self._asked[""] = body["facts"].get("case.assignee")
        if self._is_over() and not was_over:
            self.events.append(Event(at, RESOLVED, key, by))
        elif was_over and not self._is_over():
            self.events.append(Event(at, REOPENED, key, by))

    @staticmethod
    def _learn(track: Known, source: str, facts: Mapping[str, Any], changes: Mapping[str, tuple[Any, Any]]) -> None:
        if source == "talkdesk":
            track.facts.update(facts)
        else:
            track.facts.update((name, facts[name]) for name in KEPT if name in facts)
        track.facts.update((name, current) for name, (_, current) in changes.items() if source == "talkdesk" or name in KEPT)

    def _of_ticket(self, body: Body, at: datetime, key: str, by: str | None, was: Any, track: Known) -> None:
        event = body["event"]
        if event == "ticket.created":
            self.events.append(Event(at, CREATED, key, by, "agent" if _speaks(body) else ""))
        elif _speaks(body):
            self.events.append(Event(at, REPLIED, key, by))
        if track.status in DONE and was not in DONE:
            merged = MERGED in (track.facts.get("tags") or ())
            self.events.append(Event(at, SOLVED, key, by, "ticket.merged" if merged else event))
        elif was in DONE and track.status not in DONE:
            self.events.append(Event(at, UNSOLVED, key, by))

    def _undone(
        self,
        body: Body,
        at: datetime,
        key: str,
        by: str | None,
        before: Mapping[str, Any],
        track: Known,
        changes: Mapping[str, tuple[Any, Any]],
    ) -> None:
        """What an agent took off or away."""
        told = body["facts"]
        if "tags" in changes or "tags" in told:
            for tag in sorted({*(before["tags"] or ())} - {*(track.facts["tags"] or ())}):
                self.events.append(Event(at, UNTAGGED, key, by, tag))
        if (GROUP in changes or GROUP in told) and before[GROUP] is not None and before[GROUP] != track.facts[GROUP]:
            self.events.append(Event(at, MOVED, key, by, str(track.facts[GROUP] or "")))

    def _settle(self, body: Body, at: datetime, key: str, name: str, by: str | None, was: tuple[bool, bool, bool], *, took: bool) -> None:
        """What is resolved by it or opened again, and who has it in hand then."""
        was_over, was_done, was_live = was
        thread_was_over = self._over.setdefault(name, False)
        reset = False
        if (done := self._is_done(name)) and not was_done:
            self._over[name] = True
            if self._is_done(None):
                self._over = dict.fromkeys(self._over, True)
        elif thread_was_over or was_over:
            stirred = _asks_anew(body) and not (done and body["source"] == "zendesk")
            if stirred or (not was_live and self._is_live(name)):
                self._over[name] = False
                reset = True  # whoever had it has it no more
                if was_over:
                    self._acknowledged = False
        if reset:
            self._taken.discard(name)
        elif took:
            self._taken.add(name)
            self.events.append(Event(at, ACKNOWLEDGED, key, by, name))
        is_over = self._is_over()
        if was_over and not is_over:
            self.events.append(Event(at, REOPENED, key, by))
        elif is_over and not was_over:
            self.events.append(Event(at, RESOLVED, key, by))

    def _is_over(self) -> bool:
        return bool(self._over) and all(self._over.values())

    def _is_done(self, name: str | None) -> bool:
        """Whether all tickets, of a thread or of the case, are done."""
        found = False
        for key, track in self.tracks.items():
            if key[0] == "z" and (name is None or self._joined.get(key, key) == name):
                if track.status not in DONE:
                    return False
                found = True
        return found

    def _is_live(self, name: str) -> bool:
        """Whether any ticket of a thread is not done."""
        tickets = ((key, track) for key, track in self.tracks.items() if key[0] == "z" and track.status not in DONE)
        return any(self._joined.get(key, key) == name for key, _ in tickets)

    def _is_as_asked(self, name: str, track: Known) -> bool:
        asked = self._asked.get(name, self._asked.get(""))
        return asked is not None and asked == track.facts.get(ASSIGNEE)


def _taken_by(body: Body, track: Known, changes: Mapping[str, tuple[Any, Any]]) -> str | None:
    """By which way somebody took the ticket: `core.track.Track.taken_by`."""
    actor = body["actor"][0]
    if actor in ("us", "system"):
        return None
    created = body["event"] == "ticket.created"
    if ASSIGNEE in changes:
        assigned = changes[ASSIGNEE][1] is not None
    else:
        told = body["facts"].get(ASSIGNEE)
        assigned = told is not None and (told != track.facts.get(ASSIGNEE) or created)
    if assigned:
        return "assignment"
    if actor != "agent" or created:
        return None
    if any(text[0] == "comment" and _is_public_agents(text) and len(text) < 5 for text in body["texts"]):
        return "reply"
    return "status" if STATUS in changes and changes[STATUS][1] in HANDLED else None


def _speaks(body: Body) -> bool:
    """Whether an agent speaks in public."""
    return any(_is_public_agents(text) for text in body["texts"])


def _is_public_agents(text: list[Any]) -> bool:
    return len(text) > 3 and bool(text[3]) and text[2] == "agent"


def _asks_anew(body: Body) -> bool:
    """`core.heard.asks_anew`."""
    if body["source"] == "talkdesk" or body["event"] == "ticket.created":
        return True
    if body["actor"][0] != "requester":
        return False
    if body["changes"]:
        return all(change[0] != "tags" for change in body["changes"])
    return not (body["event"] == "ticket.updated" and not body["texts"] and "tags" in body["facts"])
