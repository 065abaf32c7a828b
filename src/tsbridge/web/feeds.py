"""The iCalendar feeds that the roster reads: how the last look at each went. A feed's address is never shown."""

from __future__ import annotations

from fastapi import APIRouter

from tsbridge.acts import duty_feeds
from tsbridge.acts.duty_feeds import FeedShown
from tsbridge.web.pages import Listed, Paged
from tsbridge.web.roles import Viewer
from tsbridge.web.route import ApiRoute, Made

routes = APIRouter(route_class=ApiRoute, prefix="/v1/feeds", tags=["roster"])


@routes.get("")
async def list_feeds(services: Made, by: Viewer, page: Paged) -> Listed[FeedShown]:
    """The feeds of the live roster by key: what each is, when it was looked at and read last, since when it cannot be read and why."""
    after = page.after_text("feeds")
    known = await services.ask(duty_feeds.listed, services.roster, services.clock.now())
    return page.of("feeds", [one for one in known if after is None or one.key > after][: page.limit + 1], lambda one: (one.key,))
