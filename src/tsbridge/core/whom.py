"""Whom a notice means, at the instant at which they are told: with the reasons, for them and for everybody else.

The answer is kept as it was given. "Why was I told at 03:12, why not she?" reads it, and later edits of the roster change nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from tsbridge.core.calendar import Calendar
from tsbridge.core.moments import instant_text, read_instant
from tsbridge.core.roster import Agent, Override, Roster
from tsbridge.core.rota import Because, Person, Rota
from tsbridge.core.rotation_turns import DAY

ONCALL: Final = "oncall"
BACKUP: Final = "a backup: told when those before cannot be reached, else at the next step"


class To(NamedTuple):
    """Somebody to tell and the ways to them, the first tried first. `agent` is None for a way that is told itself."""

    agent: str | None
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """`first`: told at once; `backups`: one after the other when none of them can be reached. `because`: by agent, or way, why them;
    `others`: why not the others. `gap`: why nobody is there, if so."""

    at: datetime
    target: str
    queue: str | None
    severity: int | None
    again: bool
    first: tuple[To, ...] = ()
    backups: tuple[To, ...] = ()
    because: tuple[tuple[str, tuple[Because, ...]], ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    gap: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `from_json` gives an equal answer back."""
        return {
            "at": instant_text(self.at),
            "target": self.target,
            "queue": self.queue,
            "severity": self.severity,
            "again": self.again,
            "first": [[to.agent, list(to.ways)] for to in self.first],
            "backups": [[to.agent, list(to.ways)] for to in self.backups],
            "because": [[who, [[one.step, one.says] for one in why]] for who, why in self.because],
            "others": [list(one) for one in self.others],
            "gap": self.gap,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Answer:
        return cls(
            read_instant(data["at"]),
            data["target"],
            data["queue"],
            data["severity"],
            data["again"],
            tuple(To(agent, tuple(ways)) for agent, ways in data["first"]),
            tuple(To(agent, tuple(ways)) for agent, ways in data["backups"]),
            tuple((who, tuple(Because(*one) for one in why)) for who, why in data["because"]),
            tuple((agent, says) for agent, says in data["others"]),
            data["gap"],
        )


_Meant = tuple[str, tuple[Because, ...]]
"""An agent or a way, and why they."""


class _Found(NamedTuple):
    """Who is meant first and who after them; why nobody is."""

    first: tuple[_Meant, ...] = ()
    then: tuple[_Meant, ...] = ()
    gap: str | None = None


def whom(rota: Rota | None, target: str, at: datetime, queue: str | None, severity: int | None, *, again: bool) -> Answer:
    """Whom `target` means now. `again`: an earlier step of the same escalation told somebody already, so the backups are told, too."""
    if rota is None:
        return Answer(at, target, queue, severity, again, gap="there is no roster")
    found = _meant(rota, target, at, queue, severity)
    first, then = found.first, found.then
    if target == ONCALL:
        first, then = (first + then, ()) if again else (first[:1], first[1:] + then)
    first = _once(first)
    meant = _once((*first, *then))
    backups, told = meant[len(first) :], {who for who, _ in meant}
    return Answer(
        at,
        target,
        queue,
        severity,
        again,
        tuple(_to(rota, who) for who, _ in first),
        tuple(_to(rota, who) for who, _ in backups),
        meant,
        tuple((agent.key, _why_not(rota, agent, at)) for agent in rota.roster.agents if agent.key not in told),
        found.gap,
    )


def supposed(rota: Rota | None, away: str | None, at: datetime) -> Rota | None:
    """The rota as if somebody were away from this instant on."""
    if rota is None or away is None or away not in rota.agents:
        return rota
    return rota.supposing(Override("", "off", away, at, at + DAY, "supposed to be away"))


def _meant(rota: Rota, target: str, at: datetime, queue: str | None, severity: int | None) -> _Found:
    roster = rota.roster
    kind, _, key = target.partition(":") if ":" in target else ("", "", target)
    chain = _chain(rota, at, queue, severity)
    if target == ONCALL:
        return chain
    then = (*chain.first, *chain.then)
    if kind == "queue":
        there = [one for one in rota.at_work(at, key) if not one.shadow]
        if there:
            return _Found(tuple((one.agent, one.because) for one in there), then)
        on_call = _chain(rota, at, key, severity)
        return _Found(on_call.first[:1], (*on_call.first[1:], *on_call.then), on_call.gap)
    if kind == "rotation":
        kept_elsewhere = {feed.key for feed in roster.feeds if feed.means == "rotation"}
        if key not in {one.key for one in roster.rotations} | kept_elsewhere:
            return _Found((), then, f"there is no rotation {key}")
        people = rota.holding(key, at)
        return _Found(_people(people), then, None if people else f"nobody of the rotation {key} is there")
    if kind == "list":
        listed = dict(roster.lists).get(key)
        if listed is None:
            return _Found((), then, f"there is no list {key}")
        entries = tuple(one for name in listed for one in _entry(rota, name, at, f"in the list {key}"))
        return _Found(entries, then, None if entries else f"nobody of the list {key} is there")
    entries = tuple(_entry(rota, target, at, "named by the rule"))
    return _Found(entries, then, None if entries else f"nobody is known as {target}, or they are gone")


def _chain(rota: Rota, at: datetime, queue: str | None, severity: int | None) -> _Found:
    """Who is on call, then whom the cover names after them."""
    on_call = rota.on_call(at, queue, severity)
    then = tuple(one for name in on_call.then for one in _entry(rota, name, at, BACKUP))
    return _Found(_people(on_call.people), then, None if on_call.gap is None else on_call.gap.why)


def _entry(rota: Rota, name: str, at: datetime, says: str) -> Iterator[_Meant]:
    """An agent (whom the rule or the list names, at work or not, as long as they work here), a way, or who has a rotation or shift."""
    roster = rota.roster
    why = Because("named", says)
    if any(one.key == name for one in roster.ways):
        yield name, (why,)
    elif name in rota.agents:
        missing = rota.missing(name, at)
        if missing is None or missing.step not in ("contract", "shadow"):
            yield name, (why,)
    elif name in {one.key for one in roster.rotations} | {one.key for one in roster.shifts}:
        yield from ((person.agent, (why, *person.because)) for person in rota.holding(name, at))


def _people(people: Sequence[Person]) -> tuple[_Meant, ...]:
    return tuple((person.agent, person.because) for person in people)


def _once(found: Iterable[_Meant]) -> tuple[_Meant, ...]:
    """Each where they are named first."""
    once: dict[str, tuple[Because, ...]] = {}
    for who, why in found:
        once.setdefault(who, why)
    return tuple(once.items())


def _to(rota: Rota, who: str) -> To:
    agent = rota.agents.get(who)
    return To(None, (who,)) if agent is None else To(who, reach_of(rota.roster, agent))


def reach_of(roster: Roster, agent: Agent) -> tuple[str, ...]:
    """The ways to somebody, the first tried first: as they say, else by mail where they have an address."""
    known = {way.key: way for way in roster.ways}
    reach = tuple(way for way in agent.reach if way in known)
    if not reach and agent.email is not None:
        reach = tuple(way.key for way in roster.ways if way.kind == "smtp")[:1]
    return reach


def _why_not(rota: Rota, agent: Agent, at: datetime) -> str:
    missing = rota.missing(agent.key, at)
    if missing is not None:
        return missing.says
    return "there, but not whom this asks for: neither on call by the line of cover that answers nor named"


def quiet_until(agent: Agent, at: datetime) -> datetime | None:
    """When the quiet hours end that somebody has now, in their own zone; None outside them.

    Those around the clock have no end until they are edited: a day later it is asked again.
    """
    if not agent.quiet:
        return None
    quiet = Calendar("quiet", agent.zone, (agent.quiet,) * 7)
    return (quiet.next_change(at) or at + DAY) if quiet.is_open(at) else None
