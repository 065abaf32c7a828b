"""Who gets the next case: everybody of the roster, ranked, each with a score and in plain words why they were chosen or not.

Pure and deterministic: how people stand comes in (`Colleague`), nothing is asked. What gives work out and what previews it
call the same `rank`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tsbridge.core.roster import Limit, Pairs

MODES: Final = ("none", "least_loaded", "round_robin", "sticky")
HANDOVERS: Final = ("keep", "offer")
"""What becomes of work that was given out when the shift of whoever has it ends."""

HALVES: Final[Mapping[int, int]] = {1: 4, 2: 3}
HALVES_USUALLY: Final = 2
"""Places of an agent's capacity that a case takes, in halves: two for severity 1, one and a half for severity 2, one else."""
ROOM_USUALLY: Final = 8
"""Places that a channel without a capacity is reckoned with when loads are compared; it is never full."""
LIKE: Final[Mapping[str, str]] = {"web": "email", "api": "email", "messaging": "chat", "sms": "chat", "social": "chat"}
"""The channel whose capacity counts where an agent's names none for the channel itself."""
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of why. `step`: shift, shadow, user, refused, skills, capacity, limit, knows, alone, load, turn, fairness, key or mode."""

    step: str
    says: str


REFUSED: Final = Reason("refused", "Zendesk does not take them for this ticket")


@dataclass(frozen=True, slots=True)
class Terms:
    """How a queue gives work out. `skills`: each with the least level."""

    queue: str
    mode: str
    skills: Pairs = ()
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be given. `knows`: agents who had cases of this person, the latest first; `held_by`: who has it now; `refused`: whom
    Zendesk did not take for it."""

    severity: int | None = None
    category: str | None = None
    channel: str = "email"
    knows: tuple[str, ...] = ()
    held_by: str | None = None
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Colleague:
    """How an agent stands.

    `here`: at work for the queue; `absent`: else why not. `load`: by channel, the halves of places that their open cases take;
    `got`: by limit, how many cases of its categories they got in this shift; `burden`: points (`core.burden`).
    """

    agent: str
    here: bool
    absent: str = "is not on shift now"
    shadow: bool = False
    zendesk_user_id: str | None = None
    skills: Pairs = ()
    capacity: Pairs = ()
    load: Pairs = ()
    got: Pairs = ()
    burden: int = 0
    last_given: datetime | None = None


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What is supposed when it is asked who would be next: a piece of work in place of what waits, somebody who is away."""

    work: Work | None = None
    away: str | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """`score`: the higher, the sooner asked; of those who do not fit 0. `fits`: could get it now."""

    agent: str
    score: int
    chosen: bool
    fits: bool
    because: tuple[Reason, ...]


def halves(severity: int | None) -> int:
    return HALVES_USUALLY if severity is None else HALVES.get(severity, HALVES_USUALLY)


def channel_of(capacity: Pairs, channel: str) -> str:
    """The channel as whose the agent's capacity counts a case."""
    named = dict(capacity)
    return LIKE[channel] if channel not in named and LIKE.get(channel) in named else channel


def load_of(capacity: Pairs, cases: Iterable[tuple[str, int | None]]) -> Pairs:
    """The load that open cases make, given by channel and severity."""
    taken: dict[str, int] = {}
    for channel, severity in cases:
        name = channel_of(capacity, channel)
        taken[name] = taken.get(name, 0) + halves(severity)
    return tuple(sorted(taken.items()))


def limits_on(terms: Terms, category: str | None) -> tuple[Limit, ...]:
    return tuple(limit for limit in terms.limits if category in limit.categories)


def rank(terms: Terms, work: Work, people: Sequence[Colleague]) -> tuple[Ranked, ...]:
    """Everybody, whoever would be asked first in front, then who cannot get it, by key. At most one is chosen."""
    unfit = {one.agent: reasons for one in people if (reasons := tuple(_against(terms, work, one)))}
    order = _ordered(terms, work, [one for one in people if one.agent not in unfit])
    known = next((agent for agent in work.knows if any(one.agent == agent for one in order)), None)
    if terms.mode == "sticky" and known is not None:
        order.sort(key=lambda one: one.agent != known)
    found = []
    for place, one in enumerate(order):
        chosen = place == 0 and terms.mode != "none"
        because = tuple(_for(terms, work, one, order, known)) if chosen or terms.mode == "none" else _behind(terms, one, order[0], known)
        found.append(Ranked(one.agent, _score(terms, one, place, known), chosen, fits=True, because=because))
    behind = [Ranked(agent, 0, chosen=False, fits=False, because=reasons) for agent, reasons in sorted(unfit.items())]
    return (*found, *behind)


def chosen(ranked: Iterable[Ranked]) -> Ranked | None:
    return next((one for one in ranked if one.chosen), None)


def share(one: Colleague) -> int:
    """How full somebody is, over all channels: thousandths of the places they have."""
    named = dict(one.capacity)
    return sum(1000 * taken // (2 * max(1, named.get(channel, ROOM_USUALLY))) for channel, taken in one.load)


def _against(terms: Terms, work: Work, one: Colleague) -> Iterator[Reason]:
    """Everything that keeps somebody from getting it."""
    if not one.here:
        yield Reason("shift", one.absent)
    if one.shadow:
        yield Reason("shadow", "is on shift to learn")
    if one.zendesk_user_id is None:
        yield Reason("user", "has no Zendesk user that a ticket could be assigned to")
    if one.agent in work.refused:
        yield REFUSED
    elif one.agent == work.held_by:
        yield Reason("shift", "has it now and their shift is over")
    levels = dict(one.skills)
    for skill, level in terms.skills:
        if (has := levels.get(skill, 0)) < level:
            yield Reason("skills", f"has {skill} at level {has}, the queue asks for {level}" if has else f"does not have the skill {skill}")
    channel = channel_of(one.capacity, work.channel)
    room, taken, more = dict(one.capacity).get(channel), dict(one.load).get(channel, 0), halves(work.severity)
    # One who has nothing to do takes whatever comes, so that what is heavier than somebody's whole capacity is not left lying.
    if room is not None and (room == 0 or (taken and taken + more > 2 * room)):
        yield Reason("capacity", f"has {_places(taken)} of {room} places for {channel} taken, this one takes {_places(more)}")
    got = dict(one.got)
    for limit in limits_on(terms, work.category):
        if got.get(limit.key, 0) >= limit.per_shift:
            yield Reason(
                "limit", f"had {got.get(limit.key, 0)} cases under the limit {limit.key} in this shift, {limit.per_shift} are allowed"
            )


def _ordered(terms: Terms, work: Work, fit: list[Colleague]) -> list[Colleague]:
    if terms.mode == "round_robin":
        return sorted(fit, key=lambda one: (one.last_given or NEVER, one.agent))
    if limits_on(terms, work.category):  # what weighs on people goes by what weighs on them already; who is full does not fit anyway
        return sorted(fit, key=lambda one: (one.burden, share(one), one.last_given or NEVER, one.agent))
    return sorted(fit, key=lambda one: (share(one), one.burden, one.last_given or NEVER, one.agent))


def _score(terms: Terms, one: Colleague, place: int, known: str | None) -> int:
    if terms.mode == "round_robin":
        return max(1, 1000 - place)
    return max(1, 1000 - share(one)) + (1000 if terms.mode == "sticky" and one.agent == known else 0)


def _for(terms: Terms, work: Work, one: Colleague, order: Sequence[Colleague], known: str | None) -> Iterator[Reason]:
    if terms.mode == "none":
        yield Reason("mode", "the queue gives nothing out by itself")
        return
    if terms.mode == "sticky":
        if one.agent == known:
            yield Reason("knows", "had a case of this person before and is at work")
            return
        if work.knows:
            yield Reason("knows", f"{work.knows[0]} knows this person and cannot get it now")
    if len(order) == 1:
        yield Reason("alone", "is the only one who can get it now")
        return
    yield _apart(terms, one, order[1], work)


def _apart(terms: Terms, one: Colleague, other: Colleague, work: Work) -> Reason:
    """Why one comes before another."""
    if terms.mode == "round_robin":
        if one.last_given != other.last_given:
            return Reason(
                "turn", "got nothing from this queue yet" if one.last_given is None else "got something from this queue longest ago"
            )
        return Reason("key", "comes first by key, all else being equal")
    by_load = Reason("load", f"has the most room: {share(one)} of 1000 taken")
    by_burden = Reason("fairness", f"carries the least: {one.burden} points against {other.burden}")
    different = {"load": share(one) != share(other), "fairness": one.burden != other.burden}
    first = (by_burden, by_load) if limits_on(terms, work.category) else (by_load, by_burden)
    for reason in first:
        if different[reason.step]:
            return reason
    if one.last_given != other.last_given:
        return Reason("turn", "is as free and carries as much as others, and got something longest ago")
    return Reason("key", "comes first by key, all else being equal")


def _behind(terms: Terms, one: Colleague, first: Colleague, known: str | None) -> tuple[Reason, ...]:
    """Why somebody who could get it does not."""
    if terms.mode == "sticky" and first.agent == known:
        return (Reason("knows", f"{first.agent} knows this person"),)
    if terms.mode == "round_robin":
        if one.last_given != first.last_given:
            return (Reason("turn", f"got something from this queue later than {first.agent}"),)
    elif share(one) > share(first):
        return (Reason("load", f"has less room than {first.agent}: {share(one)} of 1000 taken against {share(first)}"),)
    elif one.burden > first.burden:
        return (Reason("fairness", f"carries more than {first.agent}: {one.burden} points against {first.burden}"),)
    elif one.last_given != first.last_given:
        return (Reason("turn", f"got something later than {first.agent}"),)
    return (Reason("key", f"comes behind {first.agent} by key, all else being equal"),)


def _places(taken: int) -> str:
    return f"{taken // 2}.5" if taken % 2 else f"{taken // 2}"
