"""`/f/<token>.ics`: the duties of a person or a queue as a feed for calendar programs, and the links to them.

Nobody signs in to read a feed: its address is the proof.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tsbridge.acts import rostering
from tsbridge.core import feedlink
from tsbridge.core.feedlink import ENDING, FOLDER, FeedLink
from tsbridge.core.rota import Rota
from tsbridge.store import feed_links, feeds, rosters
from tsbridge.web.auth import Supervisor
from tsbridge.web.desk import Desk, Made
from tsbridge.web.etags import none_match
from tsbridge.web.inputs import Id
from tsbridge.web.problems import not_found
from tsbridge.web.route import DeskRoute

PATH: Final = FOLDER + "{token}"
MEDIA_TYPE: Final = "text/calendar; charset=utf-8"


async def show_feed(request: Request) -> Response:
    """The feed, by GET or HEAD; 304 when it is the one that is known; 404 for a link that is not ours or is void."""
    desk: Desk = request.app.state.desk
    token, now = str(request.path_params["token"]).removesuffix(ENDING), desk.clock.now()
    link = feedlink.claimed(token)
    rota = None if link is None else await desk.database.read(lambda conn: _open(conn, desk, token, link, now))
    if link is None or rota is None:
        raise not_found("feed")
    found = await desk.feeds.get(link, rota, now, lambda: desk.database.read(_last_learnt))
    headers = {"ETag": found.etag, "Cache-Control": "private, no-cache"}
    if none_match(request.headers.get("if-none-match"), found.etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(len(found.content))}, media_type=MEDIA_TYPE)
    return Response(found.content, headers=headers, media_type=MEDIA_TYPE)


routes = APIRouter(route_class=DeskRoute, prefix="/v1", tags=["roster"])
routes.routes.append(Route(PATH, show_feed, methods=["GET"], include_in_schema=False))


@routes.post("/agents/{key}/feed", status_code=201)
async def make_agent_feed(desk: Made, by: Supervisor, key: Id) -> dict[str, Any]:
    """A new secret link to the feed of an agent's duties, for their calendar program; earlier ones are void. 404 without such an agent."""
    return await _make(desk, by.name, FeedLink("agent", key))


@routes.delete("/agents/{key}/feed", status_code=204)
async def void_agent_feed(desk: Made, by: Supervisor, key: Id) -> None:
    """The link to an agent's feed leads nowhere from now on. 404 where there is none."""
    await _void(desk, by.name, FeedLink("agent", key))


@routes.post("/queues/{key}/feed", status_code=201)
async def make_queue_feed(desk: Made, by: Supervisor, key: Id) -> dict[str, Any]:
    """A new secret link to the feed of who is on call and at work for a queue; earlier ones are void. 404 without such a queue."""
    return await _make(desk, by.name, FeedLink("queue", key))


@routes.delete("/queues/{key}/feed", status_code=204)
async def void_queue_feed(desk: Made, by: Supervisor, key: Id) -> None:
    """The link to a queue's feed leads nowhere from now on. 404 where there is none."""
    await _void(desk, by.name, FeedLink("queue", key))


async def _make(desk: Desk, by: str, link: FeedLink) -> dict[str, Any]:
    entry = desk.entry(by)

    def write(conn: Connection) -> str | None:
        rota = desk.roster.now(conn, entry.at)
        if rota is None or not rostering.has_feed(link, rota.roster, rostering.rulebook_of(conn)):
            return None
        return rostering.make_feed_link(conn, link, desk.entropy, entry)

    token = await desk.database.write(write, urgent=True)
    if token is None:
        raise not_found(link.kind)
    return {"url": f"{desk.public_url or ''}{feedlink.path(token)}"}


async def _void(desk: Desk, by: str, link: FeedLink) -> None:
    entry = desk.entry(by)
    if not await desk.database.write(lambda conn: rostering.void_feed_link(conn, link, entry), urgent=True):
        raise not_found("link to a feed")


def _open(conn: Connection, desk: Desk, token: str, link: FeedLink, now: datetime) -> Rota | None:
    """The rota that the feed shows; None for a link that is not good, or of somebody who is gone."""
    secret = feed_links.secret(conn, link)
    if secret is None or not feedlink.proven(token, link, secret):
        return None
    rota = desk.roster.now(conn, now)
    return rota if rota is not None and rostering.has_feed(link, rota.roster, rostering.rulebook_of(conn)) else None


def _last_learnt(conn: Connection) -> datetime | None:
    known = (rosters.last_learnt(conn), feeds.last_learnt(conn))
    return max((at for at in known if at is not None), default=None)
