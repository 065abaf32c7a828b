"""What is known of one ticket or call: its facts, whose it is, and what people undid on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from tsbridge.core import stale
from tsbridge.core.moments import ASSIGNED_BY_US, FACTS, WRITTEN, Interaction, Moment, Value
from tsbridge.core.stale import Overwrote

DONE = ("solved", "closed", "deleted", "merged")
FROZEN = ("closed", "deleted", "merged")
HANDLED: Final = ("pending", "hold", "solved")
"""What an agent sets once somebody has looked after the ticket."""
EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})
ASSIGNEE: Final = "ticket.assignee_id"
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
class Track:
    """What is known of one interaction.

    `declined`: what a person undid -> the place in the story where. `others`: by their ids, what is known of people who were
    the requester before, or are going to be: facts about a person are theirs, not the ticket's. `overwrote`: by our newest writes,
    no further apart than a stale list may come.
    """

    opened_at: datetime
    facts: Mapping[str, Value] = field(default_factory=dict)
    declined: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    overwrote: tuple[Overwrote, ...] = ()

    @property
    def status(self) -> Value:
        return self.facts.get("ticket.status")

    def stands(self, kind: str, tags: Mapping[str, str]) -> list[tuple[str, str]]:
        """Those of the tags that were asked for (`tag`) or asked off (`absent`) that nobody undid since, with when that was asked."""
        return [(tag, by) for tag, by in tags.items() if by > self.declined.get(f"{kind}:{tag}", "")]

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
            track = Track(self.opened_at, {**known, **told}, self.declined, self.others, self.overwrote)
        elif moment.event == FACTS:  # looked up later, of whoever was the requester then
            theirs = {name: told.pop(name) for name in sorted(told) if _is_theirs(name)}
            others = {**self.others, str(now): {**self.others.get(str(now), {}), **theirs}}
            track = replace(self, facts={**known, **told}, others=others)
        else:
            told = {**self.others.get(str(now), {}), **told}
            track = self._passed_on(known, str(was), str(now), told)
        changed = tuple(sorted([name for name, value in told.items() if previous.get(name, value) != value]))
        return track._assigned(moment, known.get(ASSIGNEE))._noting_ours(moment, previous, changed), previous, changed

    def _noting_ours(self, moment: Moment, previous: Mapping[str, Value], changed: Collection[str]) -> Track:
        """The track with the list of tags that a write of ours found."""
        if moment.event != WRITTEN or "tags" not in changed:
            return self
        recent = [one for one in self.overwrote if moment.at - one.at <= stale.WITHIN]
        return replace(self, overwrote=(*recent, Overwrote(moment.at, tuple(sorted(tag_set(previous.get("tags")))))))

    def is_outdated_by(self, moment: Moment, changed: Collection[str]) -> bool:
        """Whether somebody's list of tags is one they read before a write of ours and sent after it: within a minute, and it only
        restates the list that our write found."""
        if (
            not self.overwrote
            or "tags" not in changed
            or moment.actor.kind in ("us", "system")
            or (moment.impression and not moment.changes)
        ):
            return False
        told = next((change.current for change in moment.changes if change.field == "tags"), dict(moment.facts).get("tags"))
        return stale.restates(moment.at, tag_set(told), self.overwrote)

    def _assigned(self, moment: Moment, was: Value) -> Track:
        """The track with whether its assignee is one that we wrote."""
        now = self.facts.get(ASSIGNEE)
        if now == was:
            return self
        facts = {name: value for name, value in self.facts.items() if name != ASSIGNED_BY_US}
        return replace(self, facts={**facts, ASSIGNED_BY_US: True} if now and moment.actor.kind == "us" else facts)

    def taken_by(self, moment: Moment) -> str | None:
        """By which way somebody took the ticket with this moment: a person assigned it, an agent answered in public or put it in a
        status that says so; not we and not a rule of Zendesk's. `self` is what was known before.
        """
        if moment.actor.kind in ("us", "system") or moment.event in (FACTS, WRITTEN):
            return None
        if self._is_assigned_by(moment):
            return "assignment"
        if moment.actor.kind != "agent" or moment.event == "ticket.created":
            return None
        if any([text.role == "comment" and text.public and text.by == "agent" and text.author is None for text in moment.texts]):
            return "reply"
        handled = any([change.field == "ticket.status" and change.current in HANDLED for change in moment.changes])
        return "status" if handled else None

    def _is_assigned_by(self, moment: Moment) -> bool:
        """A snapshot that restates an assignee assigns nobody."""
        for change in moment.changes:
            if change.field == ASSIGNEE:
                return change.current is not None
        told, known = dict(moment.facts).get(ASSIGNEE), self.facts.get(ASSIGNEE)
        return told is not None and (told != known or moment.event == "ticket.created")

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
        found["call.ring_groups"] = tuple(sorted({*ring, *tag_set(known.get("call.ring_groups"))}))
    if (outcome := told.get("call.outcome")) is not None:
        found["call.short_abandon"] = outcome == "short_abandoned"
    return found


def tag_set(value: Value) -> set[str]:
    return set(value) if isinstance(value, tuple) else set()
