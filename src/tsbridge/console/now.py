"""The page somebody has open all shift."""

from __future__ import annotations

from starlette.responses import Response

from tsbridge.acts import now
from tsbridge.console.cases import DONE
from tsbridge.console.frame import Visit
from tsbridge.console.live import mark_of


async def page(visit: Visit) -> Response:
    console = visit.console
    look = await console.database.read(lambda conn: now.look(conn, console.roster, console.writeback, visit.now, console.restricted))
    return visit.show("now.html", here="now", now=look, mark=mark_of(look), done=visit.done(DONE))
