"""Patterns: what is unusual by now, each with its sentence, its figures, its cases and, where one makes sense, a rule."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from sqlalchemy import Connection

from tsbridge.acts import patterns
from tsbridge.acts.patterns import Looked, Pattern, Refreshing
from tsbridge.acts.shape import like
from tsbridge.web.pages import Paged, instant_part
from tsbridge.web.roles import Supervisor
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1/patterns", tags=["patterns"])


@dataclass(frozen=True, slots=True)
class PatternsShown(Looked):
    items: tuple[Pattern, ...]
    next_cursor: str | None


@routes.get("")
async def list_patterns(services: Made, by: Supervisor, page: Paged) -> PatternsShown:
    """What stands out, what began last first. At most one of them a month is chance; `power` says how much is found."""
    now, before = services.clock.now(), page.after_instant("patterns")

    def read(conn: Connection) -> tuple[list[Pattern], Looked]:
        return patterns.listed(conn, now, page.limit + 1, before), patterns.looked(conn)

    found, looked = await services.ask(read)
    here = page.of("patterns", found, lambda one: (instant_part(one.since), one.id))
    return like(PatternsShown, looked, items=tuple(here.items), next_cursor=here.next_cursor)


@routes.post("/refresh", status_code=202)
async def refresh_patterns(services: Made, by: Supervisor) -> Refreshing:
    """Have it looked at again now; it takes a moment."""
    now = services.clock.now()
    made = await services.database.write(lambda conn: patterns.refresh(conn, now))
    services.wake_replay()
    return made
