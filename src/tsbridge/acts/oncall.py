"""Who is there by the roster in force: agents, who is on call and why, and the holes to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field

from tsbridge.acts.shape import From, To
from tsbridge.core.coverage import Hole, holes
from tsbridge.core.rota import Gap, OnCall, Rota
from tsbridge.core.whom import reach_of
from tsbridge.roster.check import queues_of
from tsbridge.roster.document import SEVERITIES


@dataclass(frozen=True, slots=True)
class WayShown:
    """`proved_at`: when it was last seen to reach them."""

    way: str
    proved_at: datetime | None


@dataclass(frozen=True, slots=True)
class AgentShown:
    id: str
    name: str
    zendesk_user_id: int | None
    queues: Sequence[str]
    skills: dict[str, int]
    on_shift: bool
    on_call: bool
    ways: Sequence[WayShown]
    since: Annotated[date | None, Field(alias="from")]
    until: date | None
    shadow: bool


@dataclass(frozen=True, slots=True)
class CoverageShown:
    start: From
    end: To
    holes: Sequence[Hole]


def agents(rota: Rota, proved: Mapping[tuple[str, str], datetime], now: datetime) -> list[AgentShown]:
    """Everybody of the roster by key. `proved`: by agent and way. Takes its time."""
    working, answering = {one.agent for one in rota.at_work(now)}, on_call_now(rota, now)
    return [
        AgentShown(
            *(one.key, one.name, one.zendesk_user_id, one.queues, dict(one.skills)),
            on_shift=one.key in working,
            on_call=one.key in answering,
            ways=[WayShown(way, proved.get((one.key, way))) for way in reach_of(rota.roster, one)],
            since=one.since,
            until=one.until,
            shadow=one.shadow,
        )
        for one in rota.roster.agents
    ]


def on_call_now(rota: Rota, at: datetime) -> frozenset[str]:
    """Whoever is on call for anything."""
    asked = {(line.queue, severity) for line in rota.roster.cover for severity in line.severities or (None,)}
    named = {queue for agent in rota.roster.agents for queue in agent.queues}
    asked |= {(queue, None) for queue in named}
    return frozenset(person.agent for queue, severity in asked for person in rota.on_call(at, queue, severity).people)


def nobody(at: datetime, first: datetime | None) -> OnCall:
    """Who is on call where no roster was in force. `first`: when the first one became live."""
    ahead = first if first is not None and first > at else None
    return OnCall(at, (), (), Gap(at, ahead, "there was no roster yet" if ahead else "there is no roster"))


def coverage(rota: Rota | None, book: Any, start: datetime, end: datetime) -> CoverageShown:
    """Every hole of that time. `book`: the live rulebook's document. Takes its time."""
    if rota is not None:
        return CoverageShown(start, end, _holes(rota, tuple(queues_of(rota.roster, book)), start, end))
    queues = sorted((book or {}).get("queues", {}))
    found = [Hole(queue, None, start, end, "there is no roster", "publish a roster", None) for queue in queues]
    return CoverageShown(start, end, found)


@lru_cache(maxsize=8)
def _holes(rota: Rota, queues: tuple[str, ...], start: datetime, end: datetime) -> tuple[Hole, ...]:
    """Asked for again within the minute, as pages do, it is known already."""
    return holes(rota, queues, SEVERITIES, start, end)
