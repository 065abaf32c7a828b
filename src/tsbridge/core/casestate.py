"""What a case carries from one moment to the next, and what it wishes of its tickets.

Values in, values out: each method returns a new state. The state holds no texts (they stay with their moments) and no
database ids, so that it is small to keep and the same on every machine.

People win, told by order: everything asked for remembers the newest moment that asked (`by`), everything a person undid
remembers when (`declined`). What was asked before it was undone stays undone; a later asking by the requester, a call
or the clock brings it back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from tsbridge.core.escalation import Armed
from tsbridge.core.helpdesk import Asked, Wish
from tsbridge.core.moments import FACTS, UNJUDGED, Interaction, Moment, Value, instant_text
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.rules.language import Policy

CASE_FIELDS: Final = (
    *("case.id", "case.severity", "case.category", "case.queue", "case.interactions", "case.channels"),
    *("case.reopened", "case.acknowledged", "case.escalation_level"),
)
"""What a view tells of the case itself."""
FOLLOWED: Final = {"case.followed_severity": "case.severity", "case.followed_category": "case.category"}
"""What a follow-up tells of the ticket it follows, by the field it is read from."""
DONE = ("solved", "closed", "deleted", "merged")
FROZEN = ("closed", "deleted", "merged")
EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


REQUESTER: Final = "requester.id"


def _is_theirs(name: str) -> bool:
    """Whether a fact is about the person, not about the ticket."""
    return name.startswith("requester.")


def key_of(subject: Interaction) -> str:
    return f"{subject.source}:{subject.id}"


def subject_of(key: str) -> Interaction:
    source, _, id_ = key.partition(":")
    return Interaction(source, id_)  # type: ignore[arg-type]  # written by key_of alone


@dataclass(frozen=True, slots=True)
class Escalation:
    """A step that is over. `status`: fired, acknowledged (somebody moved first) or stopped. `step` counts from 1."""

    policy: str
    step: int
    armed_at: datetime
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Track:
    """What is known of one interaction.

    `declined`: what a person undid -> the place in the story where. `others`: by their ids, what is known of people who were
    the requester before, or are going to be: facts about a person are theirs, not the ticket's.
    """

    opened_at: datetime
    facts: Mapping[str, Value] = field(default_factory=dict)
    declined: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    @property
    def status(self) -> Value:
        return self.facts.get("ticket.status")

    def hear(self, moment: Moment) -> tuple[Track, dict[str, Value], tuple[str, ...]]:
        """The track with the moment's facts, the values before it, and the fields it changed.

        The vendor's own difference outranks what we happened to know.
        """
        known = self.facts
        if moment.event == "ticket.created" and moment.vendor_order:
            # Its audit lists all that was set. Background facts, looked up later, may tell what custom fields became since.
            known = {name: value for name, value in known.items() if not name.startswith("ticket.custom.")}
        previous, told = dict(known), dict(moment.facts)
        for change in moment.changes:
            previous[change.field], told[change.field] = change.previous, change.current
        told |= follows_from(told, previous)
        was, now = known.get(REQUESTER), told.get(REQUESTER)
        if now is None or was is None or now == was:
            track = replace(self, facts={**known, **told})
        elif moment.event == FACTS:  # looked up later, of whoever was the requester then
            theirs = {name: told.pop(name) for name in sorted(told) if _is_theirs(name)}
            others = {**self.others, str(now): {**self.others.get(str(now), {}), **theirs}}
            track = replace(self, facts={**known, **told}, others=others)
        else:
            told = {**self.others.get(str(now), {}), **told}
            track = self._passed_on(known, str(was), str(now), told)
        changed = tuple(sorted([name for name, value in told.items() if previous.get(name, value) != value]))
        return track, previous, changed

    def _passed_on(self, known: Mapping[str, Value], was: str, now: str, told: Mapping[str, Value]) -> Track:
        """The ticket is somebody else's: what was known of the one before goes with them."""
        theirs = {name: value for name, value in known.items() if _is_theirs(name)}
        rest = {name: value for name, value in known.items() if name not in theirs}
        others = {id_: facts for id_, facts in self.others.items() if id_ != now}
        return replace(self, facts={**rest, **told}, others={**others, was: theirs})


def follows_from(told: Mapping[str, Value], known: Mapping[str, Value]) -> dict[str, Value]:
    """Facts of a call that others make sure, with what was known of it before."""
    found: dict[str, Value] = {}
    if isinstance(ring := told.get("call.ring_group"), tuple):
        found["call.ring_groups"] = tuple(sorted({*ring, *_tag_set(known.get("call.ring_groups"))}))
    if (outcome := told.get("call.outcome")) is not None:
        found["call.short_abandon"] = outcome == "short_abandoned"
    return found


class CaseState(NamedTuple):
    """A case after some moment of its story. `judged_to` is that moment's place; places compare as text."""

    opened_at: datetime | None = None
    last_at: datetime | None = None
    judged_to: str = ""
    latest: str = ""
    tracks: Mapping[str, Track] = EMPTY
    severity: int | None = None
    category: str | None = None
    queue: str | None = None
    queue_by: str = ""
    assignee: str | None = None
    acknowledged: bool = False
    resolved: bool = False
    reopened: bool = False
    level: int = 0
    tags: Mapping[str, str] = EMPTY
    absent: Mapping[str, str] = EMPTY
    priority: Asked | None = None
    assign: Asked | None = None
    custom_fields: Mapping[str, Asked] = EMPTY
    notes: tuple[tuple[str, str, str], ...] = ()
    firing: tuple[str, ...] = ()
    armed: tuple[Armed, ...] = ()
    ended: tuple[Escalation, ...] = ()
    next_due: datetime | None = None
    rests_at: datetime | None = None

    # -- what a moment tells ---------------------------------------------------------------------------------

    def hear(self, moment: Moment, subject: Interaction, place: str, anew: bool) -> tuple[CaseState, dict[str, Value], tuple[str, ...]]:
        """The state after a subject's moment was told and before it is judged; the values before it; the fields it changed."""
        key = key_of(subject)
        before = self.tracks.get(key) or Track(moment.at)
        told: dict[str, Any]
        if moment.source == "desk":
            told, previous = self._heard_at_desk(moment), dict(before.facts)
            changed: tuple[str, ...] = ()
        else:
            track, previous, changed = before.hear(moment)
            undone = self._undone(moment, previous, track.facts, changed)
            if undone:  # before the requester spoke: what this very moment asks for comes after it
                at = f"{instant_text(moment.at)}:" if anew else place
                track = replace(track, declined={**track.declined, **dict.fromkeys(undone, at)})
            track = self._follow(track)
            told = {"tracks": {**self.tracks, key: track}, "latest": key, "tags": self._defended(moment, track, place)}
        if moment.event in UNJUDGED:  # known of old, heard only now: the case is as old as what happened in it
            return self._replace(**{**told, "latest": self.latest or key, "judged_to": place}), previous, changed
        heard = self._replace(**told, opened_at=self.opened_at or moment.at, last_at=moment.at, judged_to=place, rests_at=None)
        return heard._settle_status(self, moment, anew), previous, changed

    @staticmethod
    def _heard_at_desk(moment: Moment) -> dict[str, Any]:
        """What a moment of the desk makes different."""
        if moment.event == "case.acknowledged":
            return {"acknowledged": True}
        if moment.event == "case.assigned":
            value = dict(moment.facts).get("case.assignee")
            return {"assignee": None if value is None else str(value)}
        return {}

    def _follow(self, track: Track) -> Track:
        """A follow-up remembers what the ticket it follows was when it was made: what becomes of that later is its own."""
        followed = track.facts.get("ticket.follows")
        if followed is None or FOLLOWED.keys() <= track.facts.keys():
            return track
        was = self.view(Interaction("zendesk", str(followed)), "") if f"zendesk:{followed}" in self.tracks else {}
        return replace(track, facts={**track.facts, **{name: was.get(of) for name, of in FOLLOWED.items()}})

    def _undone(self, moment: Moment, previous: Mapping[str, Value], now: Mapping[str, Value], changed: Collection[str]) -> list[str]:
        """What somebody other than us changed that we had asked for; a person's move of the group counts from the start."""
        if not changed or moment.actor.kind in ("us", "system"):
            return []
        if moment.impression and not moment.changes:
            return []  # a snapshot of unsure age undoes nothing: what people did stands in the audits
        undone: list[str] = []
        if "tags" in changed:
            had, has = _tag_set(previous["tags"]), _tag_set(now["tags"])
            undone += [f"tag:{tag}" for tag in sorted(had - has) if tag in self.tags]
            undone += [f"absent:{tag}" for tag in sorted(has - had) if tag in self.absent]
        if moment.actor.kind in ("agent", "unknown") and "ticket.group_id" in changed:
            undone.append("ticket.group_id")
        undone += [name for name, asked in self._asked_singles() if name in changed and now[name] != asked.value]
        return undone

    def _asked_singles(self) -> Iterator[tuple[str, Asked]]:
        """The single values that rules asked for, by the field they are read back in."""
        if self.priority is not None:
            yield "ticket.priority", self.priority
        if self.assign is not None:
            yield "ticket.assignee_id", self.assign
        for name, asked in self.custom_fields.items():
            yield f"ticket.custom.{name}", asked

    def _defended(self, moment: Moment, track: Track, place: str) -> Mapping[str, str]:
        """Tags that something other than a person took off again (a trigger inside our own update) are asked for anew.

        The writer's budget ends such a fight and says so.
        """
        if moment.actor.kind not in ("us", "system") or moment.event in UNJUDGED or moment.impression or "tags" not in dict(moment.facts):
            return self.tags
        has = _tag_set(track.facts["tags"])
        lost = {tag: place for tag, by in self.tags.items() if tag not in has and by > track.declined.get(f"tag:{tag}", "")}
        return {**self.tags, **lost}

    def _settle_status(self, before: CaseState, moment: Moment, anew: bool) -> CaseState:
        """Resolved by a supervisor, or when every ticket is done; stirred again by the requester, a call or a reopened ticket."""
        if moment.event == "case.resolved":
            return self._stopped(moment.at, resolved=True)
        done = self._all_done()
        if not done and not self.resolved:
            return self
        was_done = before._all_done()
        if done and not was_done:
            return self._stopped(moment.at, resolved=True)
        opens = not before._any_open() and self._any_open()
        if self.resolved and (opens or (anew and moment.source != "desk" and not (done and moment.source == "zendesk"))):
            # A fresh start: what fired before the case was resolved fires again.
            return self._replace(resolved=False, reopened=True, acknowledged=False, firing=())
        return self

    def _all_done(self) -> bool:
        statuses = [track.status for key, track in self.tracks.items() if key.startswith("zendesk:")]
        return bool(statuses) and all([status in DONE for status in statuses])

    def _any_open(self) -> bool:
        return any([key.startswith("zendesk:") and track.status not in DONE for key, track in self.tracks.items()])

    def at_rest(self) -> CaseState:
        """The state once its calls have come to rest (`core.rest`)."""
        return self._replace(resolved=True, rests_at=None)

    def _stopped(self, at: datetime, *, resolved: bool) -> CaseState:
        over = tuple(Escalation(a.policy, a.next_step + 1, a.armed_at, "stopped", at) for a in self.armed)
        return self._replace(resolved=resolved, armed=(), ended=self.ended + over)

    # -- what the judge sees -----------------------------------------------------------------------------------

    def view(self, subject: Interaction, case_id: str) -> dict[str, Value]:
        """The facts of one interaction and the case, by the field names of contract section 5."""
        track = self.tracks.get(key_of(subject))
        given = {} if track is None else dict(track.facts)
        if track is not None and subject.source == "zendesk":
            given["tags"] = self._tags_on(track)
        given["case.id"] = case_id
        given["case.interactions"] = len(self.tracks)
        given["case.channels"] = tuple(sorted({str(c) for t in self.tracks.values() if (c := t.facts.get("channel"))}))
        given["case.reopened"] = self.reopened
        given["case.acknowledged"] = self.acknowledged
        given["case.escalation_level"] = self.level
        for name, value in (("case.severity", self.severity), ("case.category", self.category), ("case.queue", self.queue)):
            if value is not None:
                given[name] = value
        return given

    def _tags_on(self, track: Track) -> tuple[str, ...]:
        """The ticket's tags as they will be: as last heard, with what we asked for, without what we asked off."""
        asked = {tag for tag, by in self.tags.items() if by > track.declined.get(f"tag:{tag}", "")}
        off = {tag for tag, by in self.absent.items() if by > track.declined.get(f"absent:{tag}", "")}
        return tuple(sorted((_tag_set(track.facts.get("tags")) | asked) - off))

    # -- what the judgement leaves -----------------------------------------------------------------------------

    def conclude(
        self, judgement: Judgement, subject: Interaction, place: str, at: datetime, anew: bool, policies: Mapping[str, Policy]
    ) -> CaseState:
        """The state after a judgement. `anew`: the moment may bring back what a person undid."""
        tags, absent = dict(self.tags), dict(self.absent)
        for tag in judgement.tags_added:
            tags[tag] = place if anew else tags.get(tag, place)
            absent.pop(tag, None)
        for tag in judgement.tags_removed:
            absent[tag] = place if anew else absent.get(tag, place)
            tags.pop(tag, None)
        rerouted = judgement.queue is not None and judgement.queue != self.queue
        assign = _asked(self.assign, judgement.assign, place, anew)
        return self._replace(
            severity=self.severity if judgement.severity is None else judgement.severity,
            category=judgement.category or self.category,
            queue=judgement.queue or self.queue,
            queue_by=place if rerouted else self.queue_by,
            assignee=str(assign.value) if assign is not None and assign is not self.assign else self.assignee,
            level=max(self.level, judgement.level),
            tags=tags,
            absent=absent,
            priority=_asked(self.priority, judgement.priority, place, anew),
            assign=assign,
            custom_fields={
                **self.custom_fields,
                **{
                    name: asked
                    for name, value in judgement.custom_fields
                    if (asked := _asked(self.custom_fields.get(name), value, place, anew)) is not None
                },
            },
            notes=self.notes + tuple(self._numbered(judgement, key_of(subject))) if judgement.notes else self.notes,
            firing=judgement.firing,
            armed=() if self.resolved else judgement.armed,
            ended=self.ended + self._ended(judgement, at, policies),
            next_due=judgement.next_due,
            judged_to=max(place, self.judged_to),
        )

    def _numbered(self, judgement: Judgement, place: str) -> Iterator[tuple[str, str, str]]:
        """The notes of this judgement, named by rule and count of firings: a name that a late moment does not change."""
        told = Counter(key.partition("#")[0] for key, _, _ in self.notes)
        for note in judgement.notes:
            name = note.key.partition("@")[0]
            told[name] += 1
            yield f"{name}#{told[name]}", note.text, place

    def _ended(self, judgement: Judgement, at: datetime, policies: Mapping[str, Policy]) -> tuple[Escalation, ...]:
        if not self.armed and not judgement.steps:
            return ()
        armed_at = {a.policy: a.armed_at for a in self.armed}
        fired = tuple(Escalation(s.policy, s.index + 1, armed_at.get(s.policy, at), "fired", at) for s in judgement.steps)
        still = {a.policy for a in judgement.armed}
        word = "acknowledged" if self.acknowledged else "stopped"
        ran = {(s.policy, s.index) for s in judgement.steps}
        over = tuple(
            Escalation(a.policy, step + 1, a.armed_at, word, at)
            for a in self.armed
            if a.policy not in still and a.policy in policies
            for step in range(a.next_step, len(policies[a.policy].steps))
            if (a.policy, step) not in ran
        )
        return fired + over

    def stands_like(self, other: CaseState) -> bool:
        """Whether the same stands: two states that agree here differ only in what was heard."""
        return (
            _STANDS(self) == _STANDS(other)
            and self.tags.keys() == other.tags.keys()
            and self.absent.keys() == other.absent.keys()
            and _values(self.custom_fields) == _values(other.custom_fields)
            and (None if self.priority is None else self.priority.value) == (None if other.priority is None else other.priority.value)
        )

    # -- what the case wishes of a ticket ----------------------------------------------------------------------

    def tickets(self) -> tuple[str, ...]:
        """Ids of the tickets that can still be written to, oldest first."""
        live = [(t.opened_at, key) for key, t in self.tracks.items() if key.startswith("zendesk:") and t.status not in FROZEN]
        return tuple(key.removeprefix("zendesk:") for _, key in sorted(live))

    def wish(self, ticket: str, groups: Mapping[str, str]) -> Wish:
        """What `ticket` should look like. `groups`: queue name -> Zendesk group id.

        Notes of a call go to the case's oldest live ticket, those of a ticket to that ticket.
        """
        key = f"zendesk:{ticket}"
        track = self.tracks[key]
        live = self.tickets()
        first = live[0] if live else ticket

        def stands(name: str, asked: Asked | None) -> Asked | None:
            return asked if asked is not None and asked.by > track.declined.get(name, "") else None

        def belongs(place: str) -> bool:
            return place == key or (ticket == first and place.removeprefix("zendesk:") not in live)

        group = groups.get(self.queue or "")
        return Wish(
            tags=tuple(sorted((tag, by) for tag, by in self.tags.items() if by > track.declined.get(f"tag:{tag}", ""))),
            absent=tuple(sorted((tag, by) for tag, by in self.absent.items() if by > track.declined.get(f"absent:{tag}", ""))),
            priority=stands("ticket.priority", self.priority),
            group_id=stands("ticket.group_id", Asked(group, self.queue_by) if group else None),
            assignee_id=stands("ticket.assignee_id", self.assign),
            custom_fields=tuple(
                (name, asked) for name, asked in sorted(self.custom_fields.items()) if stands(f"ticket.custom.{name}", asked)
            ),
            notes=tuple(sorted((note, text) for note, text, place in self.notes if belongs(place))),
        )


_STANDS: Final = attrgetter("severity", "category", "queue", "assignee", "level", "armed")


def _values(asked: Mapping[str, Asked]) -> dict[str, Value]:
    return {name: one.value for name, one in asked.items()}


def _asked(standing: Asked | None, value: Value, place: str, anew: bool) -> Asked | None:
    if value is None:
        return standing
    if standing is not None and standing.value == value and not anew:
        return standing
    return Asked(value, place)


def _tag_set(value: Value) -> set[str]:
    return set(value) if isinstance(value, tuple) else set()
