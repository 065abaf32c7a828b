"""The roster as a week: who has what when, where nobody is, and who steps in for whom, by two clicks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import oncall, overriding, rostering
from tsbridge.acts.errors import Conflict
from tsbridge.acts.oncall import CoverageShown
from tsbridge.acts.overriding import OverrideShown, Wanted
from tsbridge.console.forms import Table
from tsbridge.console.frame import NoPage, Visit
from tsbridge.console.render import address
from tsbridge.core.duties_as_known import Spell, duties
from tsbridge.core.rota import Duty, Rota
from tsbridge.core.rules.facts import YEARS
from tsbridge.core.times import time_text
from tsbridge.reports.groups import day_of, start_of
from tsbridge.store import rosters

DAYS: Final = 7
AHEAD: Final = timedelta(days=14)
MOST: Final = 50
WHY: Final = "swapped in the console"
KEYS: Final = ("agent", "source", "name", "from", "to")
DONE: Final = {"kept": "It is kept, and whoever it is about is told.", "removed": "It is taken away."}


@dataclass(frozen=True, slots=True)
class Piece:
    """What somebody has of a day, from when to when of it. `swap`: the address where somebody else takes it, while it is not over."""

    duty: Duty
    hours: str
    swap: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """An agent's week."""

    key: str
    name: str
    days: tuple[tuple[Piece, ...], ...]


async def page(visit: Visit) -> Response:
    """The week that the address names, else this one; the past as it was known then."""
    monday = _monday(visit)
    days = [monday + timedelta(days=number) for number in range(DAYS)]
    edges = [start_of(day, visit.console.zone) for day in [*days, days[-1] + timedelta(days=1)]]
    minute = visit.now.replace(second=0, microsecond=0)

    def read(conn: Connection) -> tuple[Rota | None, list[Spell], Any, list[OverrideShown]]:
        spells = visit.console.roster.over(conn, edges[0], edges[-1], visit.now)
        kept = [overriding.shown(one) for one in rosters.listed(conn, MOST, None, agent=None, since=visit.now, until=None)]
        return visit.console.roster.now(conn, visit.now), spells, rostering.rulebook_of(conn), kept

    rota, spells, book, overrides = await visit.console.database.read(read)

    def work_out() -> tuple[list[Line], CoverageShown]:
        return _lines(visit, rota, duties(spells), edges), oncall.coverage(rota, book, minute, minute + AHEAD)

    lines, covered = await asyncio.to_thread(work_out)
    return visit.show(
        "roster.html",
        here="roster",
        lines=lines,
        days=days,
        today=day_of(visit.now, visit.console.zone),
        holes=covered.holes,
        overrides=[one for one in overrides if one.removed_at is None],
        before=address("roster", week=monday - timedelta(days=7)),
        after=address("roster", week=monday + timedelta(days=7)),
        there_is=rota is not None,
        done=visit.done(DONE),
        query=visit.request.url.query,
    )


async def table(visit: Visit) -> Table:
    """The duties of the week, one after the other."""
    monday = _monday(visit)
    zone = visit.console.zone
    start, end = start_of(monday, zone), start_of(monday + timedelta(days=DAYS), zone)
    found = await visit.console.database.read(lambda conn: duties(visit.console.roster.over(conn, start, end, visit.now)))
    return Table("roster", KEYS, [[one.agent, one.source, one.name, one.start, one.end] for one in found])


async def swap(visit: Visit) -> Response:
    """Who takes a duty: everybody else, each with a button."""
    agent, start, end = _needed(visit, "agent"), _time(visit, "from"), _time(visit, "to")
    kind, name = _kind(visit), visit.word("name") or ""
    rota = await visit.console.database.read(lambda conn: visit.console.roster.now(conn, visit.now))
    if rota is None:
        raise NoPage(409, "There is no roster yet.")
    begins = max(start, visit.now.replace(second=0, microsecond=0))
    working = {one.agent for one in rota.at_work(begins)}
    others = [(one.key, one.name, one.key in working, rota.missing(one.key, begins)) for one in rota.roster.agents if one.key != agent]
    others.sort(key=lambda one: (one[3] is not None, not one[2]))
    mine = rota.agents.get(agent)
    return visit.show(
        "swap.html",
        here="roster",
        agent=agent,
        title=mine.name if mine else agent,
        start=begins,
        end=end,
        kind=kind,
        name=name,
        others=others,
    )


async def override(visit: Visit) -> Response:
    """Keep one: somebody takes what somebody else had, answers for a queue, works, or is off."""
    start, end = _sent_time(visit, "from"), _sent_time(visit, "to")
    kind = visit.needed("kind")
    if kind not in ("oncall", "shift", "off"):
        raise NoPage(422, "Expected oncall, shift or off.")
    chosen: Literal["oncall", "shift", "off"] = "oncall" if kind == "oncall" else "shift" if kind == "shift" else "off"
    more = [visit.sent(name, 200, lines=False) or None for name in ("instead_of", "rotation", "queue")]
    wanted = Wanted(chosen, visit.needed("agent"), start, end, visit.sent("why", 500, lines=False) or WHY, *more)
    console = visit.console
    try:
        await visit.act(overriding.make, console.roster, console.ids.new("ovr"), wanted)
    except rosters.Overlapping:
        raise Conflict("Another override says who has this at that time; take that one away first.") from None
    except rosters.TooMany:
        raise Conflict("There are too many overrides that are not over; what lasts belongs into the roster.") from None
    return visit.go(f"/roster?week={day_of(start, console.zone)}&done=kept")


async def remove(visit: Visit) -> Response:
    await visit.act(overriding.remove, visit.in_path("id"))
    return visit.go("/roster?done=removed")


def _lines(visit: Visit, rota: Rota | None, found: Sequence[Duty], edges: Sequence[datetime]) -> list[Line]:
    """Everybody of the roster, and whoever else had something of the week."""
    names = {} if rota is None else {agent.key: agent.name for agent in rota.roster.agents}
    names |= {one.agent: one.agent for one in found if one.agent not in names}
    return [
        Line(
            key,
            name,
            tuple(
                tuple(_piece(visit, one, start, end) for one in found if one.agent == key and one.start < end and one.end > start)
                for start, end in pairwise(edges)
            ),
        )
        for key, name in names.items()
    ]


def _piece(visit: Visit, duty: Duty, start: datetime, end: datetime) -> Piece:
    """Of the day from `start` to `end`."""
    zone = visit.console.zone
    begins = "" if duty.start <= start else f"{duty.start.astimezone(zone):%H:%M}"
    ends = "" if duty.end >= end else f"{duty.end.astimezone(zone):%H:%M}"
    hours = f"{begins}-{ends}" if begins and ends else f"from {begins}" if begins else f"until {ends}" if ends else "all day"
    asked = {"agent": duty.agent, "from": time_text(duty.start), "to": time_text(duty.end), "source": duty.source, "name": duty.name}
    may = duty.end > visit.now and visit.may("supervisor") and bool(duty.name)
    return Piece(duty, hours, address("roster/swap", **asked) if may else None)


def _monday(visit: Visit) -> date:
    text = visit.word("week")
    try:
        day = day_of(visit.now, visit.console.zone) if text is None else date.fromisoformat(text)
    except ValueError:
        raise NoPage(422, "Expected a day like 2026-11-23 for week.") from None
    if day.year not in YEARS[1:-1]:
        raise NoPage(422, f"Expected a day of the years {YEARS[1]} to {YEARS[-2]}.")
    return day - timedelta(days=day.weekday())


def _kind(visit: Visit) -> str:
    """What an override of a duty of this source is."""
    return "shift" if visit.word("source") == "shift" else "oncall"


def _needed(visit: Visit, name: str) -> str:
    value = visit.word(name)
    if value is None:
        raise NoPage(422, f"Expected {name} in the address.")
    return value


def _time(visit: Visit, name: str) -> datetime:
    return _instant(visit, _needed(visit, name))


def _sent_time(visit: Visit, name: str) -> datetime:
    return _instant(visit, visit.needed(name, 40))


def _instant(visit: Visit, text: str) -> datetime:
    try:
        found = visit.instant(text)
    except ValueError:
        raise NoPage(422, "Expected a time like 2026-11-23T09:00.") from None
    if found.year not in YEARS:
        raise NoPage(422, f"Expected a time in the years {YEARS[0]} to {YEARS[-1]}.")
    return found
