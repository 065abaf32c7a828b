"""Which ways are known to reach whom. A way counts as proved for thirty days after somebody pressed a button that came by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tsbridge.core.roster import Agent, Roster
from tsbridge.core.whom import reach_of

PROVED_FOR: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Reach:
    """A way to a person, as far as it is proved. `proved_at`: when it last was, if ever; `good`: whether that still counts."""

    agent: str
    way: str
    proved_at: datetime | None
    good: bool


def reached(roster: Roster, proofs: Mapping[tuple[str, str], datetime], at: datetime) -> tuple[Reach, ...]:
    """Every way to everybody who works here at `at`, in the document's order."""
    found = []
    for agent in roster.agents:
        if works_here(agent, roster, at):
            for way in reach_of(roster, agent):
                proved_at = proofs.get((agent.key, way))
                found.append(Reach(agent.key, way, proved_at, proved_at is not None and at - proved_at <= PROVED_FOR))
    return tuple(found)


def unproved(roster: Roster, proofs: Mapping[tuple[str, str], datetime], at: datetime) -> tuple[Reach, ...]:
    """Those that do not count as proved."""
    return tuple(one for one in reached(roster, proofs, at) if not one.good)


def without_a_way(roster: Roster, at: datetime) -> tuple[str, ...]:
    """Who works here and cannot be told anything at all."""
    return tuple(agent.key for agent in roster.agents if works_here(agent, roster, at) and not reach_of(roster, agent))


def works_here(agent: Agent, roster: Roster, at: datetime) -> bool:
    """Whether their contract has begun and not ended."""
    today = at.astimezone(roster.zone).date()
    return (agent.since is None or agent.since <= today) and (agent.until is None or today <= agent.until)
