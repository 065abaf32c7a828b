"""Whom a notice means: who is told first, and in which order the backups."""

from __future__ import annotations

from datetime import UTC, datetime

from tsbridge.core.roster import Agent, Cover, Roster, Shift
from tsbridge.core.rota import Rota
from tsbridge.core.whom import To, whom

AGENTS = tuple(Agent(key, key.title(), UTC, queues=("safety",)) for key in ("ana", "ben", "cleo"))
DAY = Shift("day", (0, 1, 2, 3, 4, 5, 6), ((0, 1440),), ("cleo", "ben"), UTC)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def told(target: str, *, then: tuple[str, ...] = (), again: bool = False, **lists: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The keys of whom it means first, and of the backups."""
    roster = Roster(UTC, AGENTS, shifts=(DAY,), cover=(Cover(None, None, "ana", then),), lists=tuple(lists.items()))
    answer = whom(Rota(roster), target, NOON, "safety", 1, again=again)
    return keys(answer.first), keys(answer.backups)


def keys(people: tuple[To, ...]) -> list[str]:
    return [str(to.agent) for to in people]


def test_a_backup_who_is_named_twice_is_told_where_they_are_named_first() -> None:
    assert told("oncall", then=("ben", "day")) == (["ana"], ["ben", "cleo"])
    assert told("oncall", then=("day", "ben")) == (["ana"], ["cleo", "ben"])
    assert told("oncall", then=("ben", "day", "ana"), again=True) == (["ana", "ben", "cleo"], [])


def test_somebody_who_is_in_a_list_twice_stands_where_they_are_named_first() -> None:
    assert told("list:leads", leads=("ben", "day"), then=("cleo",)) == (["ben", "cleo"], ["ana"])
