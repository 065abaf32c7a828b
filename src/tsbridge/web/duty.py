"""Who is there: agents, their duties, who is on call at any instant and why, and the holes to come."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from tsbridge.acts import rostering
from tsbridge.core.coverage import Hole, holes
from tsbridge.core.duties_as_known import duties
from tsbridge.core.roster import Agent
from tsbridge.core.rota import OnCall, Rota
from tsbridge.core.rules.facts import YEARS
from tsbridge.core.times import time_text
from tsbridge.core.whom import reach_of
from tsbridge.roster.check import queues_of
from tsbridge.roster.document import SEVERITIES
from tsbridge.store import proofs, rosters
from tsbridge.web.asked import aside
from tsbridge.web.auth import Viewer
from tsbridge.web.desk import Made
from tsbridge.web.duty_shapes import agent_item, duty_item, hole_item, on_call_item
from tsbridge.web.inputs import NumberQuery, TimeQuery, Word, query_time, whole_number
from tsbridge.web.pages import Paged, instant_part
from tsbridge.web.problems import invalid
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1", tags=["roster"])

WEEK: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=92)
"""Of a time whose duties are asked for at once."""
MOST_DAYS: Final = 366


@routes.get("/agents")
async def list_agents(desk: Made, by: Viewer, page: Paged) -> dict[str, Any]:
    """The agents of the live roster by key, whether each is on shift and on call just now, and how each is reached."""
    after = page.after_text("agents")
    now = desk.clock.now()
    rota, proved = await desk.database.read(lambda conn: (desk.roster.now(conn, now), proofs.proofs(conn)))
    if rota is None:
        return page.answer("agents", [], lambda row: (row.key,), dict)
    working = {one.agent for one in rota.at_work(now)}
    answering = await aside(on_call_now, rota, now)
    agents = [one for one in rota.roster.agents if after is None or one.key > after][: page.limit + 1]

    def shown(one: Agent) -> dict[str, Any]:
        return agent_item(
            one, one.key in working, one.key in answering, {way: proved.get((one.key, way)) for way in reach_of(rota.roster, one)}
        )

    return page.answer("agents", agents, lambda one: (one.key,), shown)


@routes.get("/shifts")
async def list_shifts(
    desk: Made,
    by: Viewer,
    page: Paged,
    since: Annotated[TimeQuery, Query(alias="from", description="Without it now.")] = None,
    until: Annotated[TimeQuery, Query(alias="to", description="Without it a week after `from`.")] = None,
    agent: Word = None,
) -> dict[str, Any]:
    """Duties that hold some time of it, by their start: shifts worked, turns had, overrides; the past as it was known then."""
    after = page.after_instant("shifts")
    now = desk.clock.now()
    start = _known_year("from", query_time("from", since) or now)
    end = _known_year("to", query_time("to", until) or start + WEEK)
    if not start < end <= start + LONGEST:
        raise invalid("query", "to", f"Expected a time behind `from`, within {LONGEST.days} days.")
    spells = await desk.database.read(lambda conn: desk.roster.over(conn, start, end, now))
    found = await aside(duties, spells)
    rows = [one for one in found if agent in (None, one.agent) and (after is None or (one.start, one.id) > after)]
    return page.answer("shifts", rows[: page.limit + 1], lambda one: (instant_part(one.start), one.id), duty_item)


@routes.get("/oncall")
async def show_on_call(desk: Made, by: Viewer, at: TimeQuery = None, queue: Word = None, severity: NumberQuery = None) -> dict[str, Any]:
    """Who is on call at an instant (without one: now), and why: the one to be told first in front. The past as it was known then."""
    now = desk.clock.now()
    instant = _known_year("at", query_time("at", at) or now)
    number = None if severity is None else whole_number("query", "severity", severity, SEVERITIES[0], SEVERITIES[-1])

    def known(conn: Connection) -> tuple[Rota | None, datetime | None]:
        rota = desk.roster.now(conn, now) if instant >= now else desk.roster.then(conn, instant)
        return rota, None if rota is not None else rosters.first_published(conn)

    rota, first = await desk.database.read(known)
    if rota is None:
        ahead = first if first is not None and first > instant else None
        gap = {"from": time_text(instant), "to": time_text(ahead), "why": "there was no roster yet" if ahead else "there is no roster"}
        return {"at": time_text(instant), "people": [], "then": [], "gap": gap}
    found: OnCall = await aside(rota.on_call, instant, queue, number)
    return on_call_item(found)


@routes.get("/coverage")
async def show_coverage(desk: Made, by: Viewer, days: NumberQuery = None) -> dict[str, Any]:
    """Every hole from this minute on: when nobody is on call for a queue, for which severity (null: all), why, and who could be."""
    span = timedelta(days=90 if days is None else whole_number("query", "days", days, 1, MOST_DAYS))
    now = desk.clock.now().replace(second=0, microsecond=0)

    def known(conn: Connection) -> tuple[Rota | None, Any]:
        return desk.roster.now(conn, now), rostering.rulebook_of(conn)

    rota, book = await desk.database.read(known)
    if rota is None:
        queues = sorted((book or {}).get("queues", {}))
        found = tuple(Hole(queue, None, now, now + span, "there is no roster", "publish a roster", None) for queue in queues)
    else:
        found = await aside(_holes, rota, tuple(queues_of(rota.roster, book)), now, now + span)
    return {"from": time_text(now), "to": time_text(now + span), "holes": [hole_item(one) for one in found]}


@lru_cache(maxsize=8)
def _holes(rota: Rota, queues: tuple[str, ...], start: datetime, end: datetime) -> tuple[Hole, ...]:
    """Asked for again within the minute, as pages do, it is known already."""
    return holes(rota, queues, SEVERITIES, start, end)


def on_call_now(rota: Rota, at: datetime) -> frozenset[str]:
    """Whoever is on call for anything."""
    asked = {(line.queue, severity) for line in rota.roster.cover for severity in line.severities or (None,)}
    named = {queue for agent in rota.roster.agents for queue in agent.queues}
    asked |= {(queue, None) for queue in named}
    return frozenset(person.agent for queue, severity in asked for person in rota.on_call(at, queue, severity).people)


def _known_year(name: str, at: datetime) -> datetime:
    if at.year not in YEARS:
        raise invalid("query", name, f"Expected a time in the years {YEARS[0]} to {YEARS[-1]}.", code="time")
    return at
