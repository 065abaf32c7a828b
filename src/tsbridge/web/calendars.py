"""`/f/<token>.ics`: the duties of a person or a queue as a feed for calendar programs, and the links to them.

Nobody signs in to read a feed: its address is the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tsbridge.acts import duty_feeds
from tsbridge.acts.callers import Caller
from tsbridge.core import feedlink
from tsbridge.core.feedlink import ENDING, FOLDER, FeedLink
from tsbridge.web.etags import none_match
from tsbridge.web.inputs import Id
from tsbridge.web.problems import not_found
from tsbridge.web.roles import Supervisor
from tsbridge.web.route import ApiRoute, Made
from tsbridge.web.services import Services

PATH: Final = FOLDER + "{token}"
MEDIA_TYPE: Final = "text/calendar; charset=utf-8"


async def show_feed(request: Request) -> Response:
    """The feed, by GET or HEAD; 304 when it is the one that is known; 404 for a link that is not ours or is void."""
    services: Services = request.app.state.services
    token, now = str(request.path_params["token"]).removesuffix(ENDING), services.clock.now()
    link = feedlink.claimed(token)
    rota = None if link is None else await services.ask(duty_feeds.opened, services.roster, token, link, now)
    if link is None or rota is None:
        services.gate.security.saw("link_refused")
        raise not_found("feed")
    found = await services.feeds.get(link, rota, now, lambda: services.ask(duty_feeds.last_learnt))
    headers = {"ETag": found.etag, "Cache-Control": "private, no-cache"}
    if none_match(request.headers.get("if-none-match"), found.etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(len(found.content))}, media_type=MEDIA_TYPE)
    return Response(found.content, headers=headers, media_type=MEDIA_TYPE)


routes = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["roster"])
routes.routes.append(Route(PATH, show_feed, methods=["GET"], include_in_schema=False))


@dataclass(frozen=True, slots=True)
class FeedLinkMade:
    """`url`: whole where TSBRIDGE_PUBLIC_URL says how people reach this service, else from its first slash on."""

    url: str


@routes.post("/agents/{key}/feed", status_code=201)
async def make_agent_feed(services: Made, by: Supervisor, key: Id) -> FeedLinkMade:
    """A new secret link to the feed of an agent's duties, for their calendar program; earlier ones are void. 404 without such an agent."""
    return await _make(services, by, FeedLink("agent", key))


@routes.delete("/agents/{key}/feed", status_code=204)
async def void_agent_feed(services: Made, by: Supervisor, key: Id) -> None:
    """The link to an agent's feed leads nowhere from now on. 404 where there is none."""
    await services.act(by, duty_feeds.void_link, FeedLink("agent", key))


@routes.post("/queues/{key}/feed", status_code=201)
async def make_queue_feed(services: Made, by: Supervisor, key: Id) -> FeedLinkMade:
    """A new secret link to the feed of who is on call and at work for a queue; earlier ones are void. 404 without such a queue."""
    return await _make(services, by, FeedLink("queue", key))


@routes.delete("/queues/{key}/feed", status_code=204)
async def void_queue_feed(services: Made, by: Supervisor, key: Id) -> None:
    """The link to a queue's feed leads nowhere from now on. 404 where there is none."""
    await services.act(by, duty_feeds.void_link, FeedLink("queue", key))


async def _make(services: Services, by: Caller, link: FeedLink) -> FeedLinkMade:
    path = await services.act(by, duty_feeds.make_link, services.roster, link, services.entropy)
    return FeedLinkMade(f"{services.public_url or ''}{path}")
