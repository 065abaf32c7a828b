"""The iCalendar feeds that the roster reads: how the last look at each went. A feed's address is never shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection

from tsbridge.core.roster import Feed
from tsbridge.core.times import time_text
from tsbridge.store import feeds as store
from tsbridge.store.feeds import Look
from tsbridge.web.auth import Viewer
from tsbridge.web.desk import Made, Rotas
from tsbridge.web.pages import Paged
from tsbridge.web.route import DeskRoute

routes = APIRouter(route_class=DeskRoute, prefix="/v1/feeds", tags=["roster"])


@routes.get("")
async def list_feeds(desk: Made, by: Viewer, page: Paged) -> dict[str, Any]:
    """The feeds of the live roster by key: what each is, when it was looked at and read last, since when it cannot be read and why."""
    after = page.after_text("feeds")
    known = await desk.database.read(lambda conn: looked_at(conn, desk.roster, desk.clock.now()))
    rows = [one for one in known if after is None or one[0].key > after]
    return page.answer("feeds", rows[: page.limit + 1], lambda row: (row[0].key,), _item)


def looked_at(conn: Connection, roster: Rotas, now: datetime) -> list[tuple[Feed, Look | None]]:
    """Each feed of the live roster by key, and how the last look at it went; None before the first."""
    rota = roster.now(conn, now)
    if rota is None or not rota.roster.feeds:
        return []
    looks = store.looks(conn)
    return [(feed, looks.get(feed.key)) for feed in rota.roster.feeds]


def failing(conn: Connection, roster: Rotas, now: datetime) -> int:
    """How many feeds of the live roster cannot be read."""
    return sum(look is not None and look.failing_since is not None for _, look in looked_at(conn, roster, now))


def _item(row: tuple[Feed, Look | None]) -> dict[str, Any]:
    feed, look = row
    return {
        "id": feed.key,
        "key": feed.key,
        "agent": feed.agent,
        "means": feed.means,
        "looked_at": None if look is None else time_text(look.looked_at),
        "read_at": None if look is None else time_text(look.read_at),
        "failing_since": None if look is None else time_text(look.failing_since),
        "failure": None if look is None else look.failure,
        "warnings": {} if look is None else {code: int(count) for code, _, count in (one.partition(":") for one in look.warnings)},
    }
