"""Who is there: agents, their duties, who is on call at any instant and why, and the holes to come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from tsbridge.acts import oncall, rostering
from tsbridge.acts.oncall import AgentShown, CoverageShown
from tsbridge.core.duties_as_known import duties
from tsbridge.core.rota import Duty, OnCall, Rota
from tsbridge.core.rules.facts import YEARS
from tsbridge.roster.document import SEVERITIES
from tsbridge.store import proved_ways, rosters
from tsbridge.web.admission import aside
from tsbridge.web.inputs import NumberQuery, TimeQuery, Word, query_time, whole_number
from tsbridge.web.pages import Listed, Paged, instant_part
from tsbridge.web.problems import invalid
from tsbridge.web.roles import Viewer
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["roster"])

WEEK: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=92)
"""Of a time whose duties are asked for at once."""
MOST_DAYS: Final = 366


@routes.get("/agents")
async def list_agents(services: Made, by: Viewer, page: Paged) -> Listed[AgentShown]:
    """The agents of the live roster by key, whether each is on shift and on call just now, and how each is reached."""
    after = page.after_text("agents")
    now = services.clock.now()
    rota, proved = await services.database.read(lambda conn: (services.roster.now(conn, now), proved_ways.proofs(conn)))
    found = [] if rota is None else await aside(oncall.agents, rota, proved, now)
    return page.of("agents", [one for one in found if after is None or one.id > after][: page.limit + 1], lambda one: (one.id,))


@routes.get("/shifts")
async def list_shifts(
    services: Made,
    by: Viewer,
    page: Paged,
    since: Annotated[TimeQuery, Query(alias="from", description="Without it now.")] = None,
    until: Annotated[TimeQuery, Query(alias="to", description="Without it a week after `from`.")] = None,
    agent: Word = None,
) -> Listed[Duty]:
    """Duties that hold some time of it, by their start: shifts worked, turns had, overrides; the past as it was known then."""
    after = page.after_instant("shifts")
    now = services.clock.now()
    start = _known_year("from", query_time("from", since) or now)
    end = _known_year("to", query_time("to", until) or start + WEEK)
    if not start < end <= start + LONGEST:
        raise invalid("query", "to", f"Expected a time behind `from`, within {LONGEST.days} days.")
    spells = await services.database.read(lambda conn: services.roster.over(conn, start, end, now))
    found = await aside(duties, spells)
    rows = [one for one in found if agent in (None, one.agent) and (after is None or (one.start, one.id) > after)]
    return page.of("shifts", rows[: page.limit + 1], lambda one: (instant_part(one.start), one.id))


@routes.get("/oncall")
async def show_on_call(services: Made, by: Viewer, at: TimeQuery = None, queue: Word = None, severity: NumberQuery = None) -> OnCall:
    """Who is on call at an instant (without one: now), and why: the one to be told first in front. The past as it was known then."""
    now = services.clock.now()
    instant = _known_year("at", query_time("at", at) or now)
    number = None if severity is None else whole_number("query", "severity", severity, SEVERITIES[0], SEVERITIES[-1])

    def known(conn: Connection) -> tuple[Rota | None, datetime | None]:
        rota = services.roster.now(conn, now) if instant >= now else services.roster.then(conn, instant)
        return rota, None if rota is not None else rosters.first_published(conn)

    rota, first = await services.database.read(known)
    if rota is None:
        return oncall.nobody(instant, first)
    found: OnCall = await aside(rota.on_call, instant, queue, number)
    return found


@routes.get("/coverage")
async def show_coverage(services: Made, by: Viewer, days: NumberQuery = None) -> CoverageShown:
    """Every hole from this minute on: when nobody is on call for a queue, for which severity (null: all), why, and who could be."""
    span = timedelta(days=90 if days is None else whole_number("query", "days", days, 1, MOST_DAYS))
    now = services.clock.now().replace(second=0, microsecond=0)
    known = await services.database.read(lambda conn: (services.roster.now(conn, now), rostering.rulebook_of(conn)))
    return await aside(oncall.coverage, *known, now, now + span)


def _known_year(name: str, at: datetime) -> datetime:
    if at.year not in YEARS:
        raise invalid("query", name, f"Expected a time in the years {YEARS[0]} to {YEARS[-1]}.", code="time")
    return at
