"""Who is to be told of a case, as its judging asks for it: one notice for each `notify` that takes effect.

A notice is told once. Judging a story again asks for the same ones again and these are known by what asked for them; where a
revision moves the asking to another moment, the notice that nobody asks for any more takes the new place.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from tsbridge.core.casestate import CaseState
from tsbridge.core.moments import Actor, Interaction
from tsbridge.core.quiet import is_quiet
from tsbridge.core.story import Judged
from tsbridge.core.track import DONE, key_of

ACKNOWLEDGED: Final = "acknowledged"
RESOLVED: Final = "resolved"
REVISED: Final = "revised"
"""Why a notice is over: somebody has the case, nothing is left to do, or, as we know now, nothing asks for it."""
OVER: Final = (ACKNOWLEDGED, "stopped", RESOLVED)
"""What a story may take back."""


class Asker(NamedTuple):
    """What asks that somebody is told: a rule, or a step of a policy, counted from 1."""

    rule: str | None
    policy: str | None
    step: int | None

    @classmethod
    def by(cls, name: str) -> Asker:
        """Out of `rule:<key>` or `policy:<name>/<step>`; nothing of nothing."""
        kind, _, key = name.partition(":")
        policy, _, step = key.rpartition("/")
        return cls(None, policy, int(step)) if kind == "policy" else cls(key or None, None, None)


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody is to be told. `asking`: names what asks for it. `by`: as `Asker.by` reads it.

    `target`: as in the rulebook. `at`: the time of the moment that asked. `in_hand`: somebody had the case already. `late`: found out
    by hearing late. `version`: the rulebook's.
    """

    asking: str
    interaction: Interaction
    by: str
    target: str
    at: datetime
    version: int
    severity: int | None = None
    category: str | None = None
    queue: str | None = None
    in_hand: bool = False
    late: bool = False

    @property
    def id(self) -> str:
        return f"ntc_{self.asking[:24]}"

    @property
    def rule(self) -> str | None:
        return Asker.by(self.by).rule

    @property
    def policy(self) -> str | None:
        return Asker.by(self.by).policy

    @property
    def step(self) -> int | None:
        return Asker.by(self.by).step


@dataclass(frozen=True, slots=True)
class Kept:
    """A notice as it is kept. `ahead`: told before its step came, and not asked for yet; `over`: why it is, if so."""

    id: str
    notice: Notice
    ahead: bool = False
    over: str | None = None


class Settled(NamedTuple):
    """What judging makes of the notices of a case: `fresh` ones, `moved` ones (id and what asks for it now), ids of `revised` ones."""

    fresh: tuple[Notice, ...]
    moved: tuple[tuple[str, Notice], ...]
    revised: tuple[str, ...]


class End(NamedTuple):
    """Why and when a notice is over. `by`: who acknowledged."""

    at: datetime
    because: str
    by: Actor | None = None


def asked(judged: Judged) -> tuple[Notice, ...]:
    """The notices that one decision asks for, each once."""
    found: dict[str, Notice] = {}
    for key, target in judged.judgement.notifications:
        by = key.rpartition("@")[0]
        asking = named(judged.moment, by, target)
        said = judged.outcome
        found.setdefault(
            asking,
            Notice(
                asking,
                judged.subject,
                by,
                target,
                judged.at,
                judged.version,
                said["severity"],
                said["category"],
                said["queue"],
                judged.seen.given.get("case.acknowledged") is True,
            ),
        )
    return tuple(found.values())


def named(moment: str, by: str, target: str) -> str:
    """The name of an asking: the same whenever its story is judged."""
    return hashlib.sha256("\n".join((moment, by, target)).encode()).hexdigest()


def settle(
    judged: Iterable[Judged],
    before: Mapping[str, Sequence[str]],
    newest: datetime | None,
    kept: Iterable[Kept],
    *,
    whole: bool,
) -> Settled:
    """Hold what decisions ask for against the notices that are kept.

    `before`: by moment, whom the decision that was in force told; `newest`: when the newest of these was. `whole`: the story was judged
    from its start, so that nothing asks for a notice which none of `judged` asks for. What was revised and is asked for again is fresh.
    """
    known = {one.notice.asking: one for one in kept if one.over != REVISED}
    asking: set[str] = set()
    hushed: set[str] = set()
    fresh: list[Notice] = []
    told_before: list[tuple[str, Notice]] = []
    for one in judged:
        told = Counter(before.get(one.moment, ()))
        late = one.moment in before or (newest is not None and newest > one.at)
        for notice in asked(one):
            asking.add(notice.asking)
            if notice.asking in known or told[notice.target]:
                told[notice.target] -= 1
                if notice.asking not in known:  # another rule asked the same then
                    told_before.append((one.moment, notice))
            else:
                fresh.append(replace(notice, late=late))
                if is_hushed(one, notice):
                    hushed.add(notice.asking)
    free = [one for name, one in known.items() if name not in asking and (one.ahead or whole)]
    new: list[Notice] = []
    moved: list[tuple[str, Notice]] = []
    for moment, notice in told_before:
        asked_then = (one for one in free if one.notice.asking == named(moment, one.notice.by, notice.target))
        if (place := next(asked_then, None)) is not None:
            free.remove(place)
            moved.append((place.id, notice))
    for notice in fresh:
        place = next((one for one in free if (one.notice.by, one.notice.target) == (notice.by, notice.target)), None)
        if place is None and notice.asking not in hushed:
            new.append(notice)
        elif place is not None:
            free.remove(place)
            moved.append((place.id, notice))
    return Settled(tuple(new), tuple(moved), tuple(one.id for one in free if not one.ahead))


def standing_again(
    kept: Iterable[Kept], moved: Mapping[str, Notice], before: CaseState | None, state: CaseState, judged: Sequence[Judged]
) -> tuple[str, ...]:
    """Ids of those notices that were over, once a story was judged again in which nothing has ended them: who acknowledged took it back,
    the moment that resolved the case was another ticket's. `moved`: what asks for them now; `before`: where judging began."""
    asking = {notice.asking: (one, notice) for one in judged for notice in asked(one)}
    found: list[str] = []
    for one in kept:
        place = asking.get(moved.get(one.id, one.notice).asking)
        if one.over not in OVER or place is None:
            continue
        by, notice = place
        if not is_hushed(by, notice) and not _has_ended(replace(one.notice, at=notice.at), before, state, judged):
            found.append(one.id)
    return tuple(found)


def _has_ended(notice: Notice, before: CaseState | None, state: CaseState, judged: Sequence[Judged]) -> bool:
    """Whether a story ends a notice anywhere, also if the case stands open by now."""
    if ended(notice, state, judged, {}, notice.at) is not None:
        return True
    name = state.thread_of(key_of(notice.interaction))
    statuses = {} if before is None else {key: track.status for key, track in before.tracks.items() if state.thread_of(key) == name}
    for one in judged:
        key = key_of(one.subject)
        if one.subject.source == "zendesk" and state.thread_of(key) == name:
            statuses[key] = one.seen.given.get("ticket.status")
        if one.at < notice.at:
            continue
        of_tickets = [status for key, status in statuses.items() if key.startswith("zendesk:")]
        done = bool(of_tickets) and all([status in DONE for status in of_tickets])
        if done or one.event == "case.resolved" or one.outcome.get("resolved"):
            return True
    return False


def is_hushed(judged: Judged, notice: Notice) -> bool:
    """Whether it was quiet (`core.quiet`) for what asks: it may ask for what was told before, and for nothing new."""
    standing = judged.seen.standing
    quiet = next((one.quiet for one in standing.armed if one.policy == notice.policy), standing.quiet)
    return is_quiet(quiet, judged.at)


def ended(notice: Notice, state: CaseState, judged: Iterable[Judged], actors: Mapping[str, Actor], now: datetime) -> End | None:
    """Whether nobody need be told any more. `actors`: who caused each moment, by digest; `now`: when we see it."""
    name = state.thread_of(key_of(notice.interaction))
    thread = state.thread(notice.interaction)
    for one in judged:
        if one.at < notice.at:
            continue
        again = one.event == "case.acknowledged" and one.at > notice.at
        theirs = one.event == "case.acknowledged" or state.thread_of(key_of(one.subject)) == name
        taken = theirs and not notice.in_hand and one.seen.given.get("case.acknowledged") is True
        if again or taken:
            return End(one.at, ACKNOWLEDGED, actors.get(one.moment))
    if not notice.in_hand and (state.acknowledged or thread.taken):
        return End(now, ACKNOWLEDGED)
    if notice.policy is not None:
        for over in state.ended:
            stops = over.status in ("acknowledged", "stopped") and over.policy == notice.policy and over.at >= notice.at
            if stops and state.thread_of(key_of(over.interaction)) == name:
                return End(over.at, over.status)
    if state.resolved or thread.resolved:
        return End(now, RESOLVED)
    return None
