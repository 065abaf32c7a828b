"""The shadow: what another rulebook would do with everything that comes, beside the live one and without consequences."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import documents, replaying, shadowing
from tsbridge.acts.replaying import Move
from tsbridge.acts.shadowing import NoShadow, ShadowShown
from tsbridge.console.forms import MOST_ROWS, Table
from tsbridge.console.frame import Visit
from tsbridge.core.rules.language import content_hash
from tsbridge.store import rulebooks, shadow

MOVES: Final = 60
DONE: Final = {
    "started": "It is asked about everything that is decided from now on; this page says what it would have done when it is loaded again.",
    "stopped": "It is switched off; what it would have done is forgotten.",
}


async def page(visit: Visit) -> Response:
    """What it would have done otherwise since it was switched on, or how to switch one on."""
    console = visit.console

    def read(conn: Connection) -> tuple[ShadowShown | NoShadow, list[Move], str]:
        rows = shadow.moves(conn, MOVES + 1, 0)
        return shadowing.show(conn, console.zone), [replaying.move_of(row) for row in rows], content_hash(rulebooks.draft(conn).document)

    async with visit.turn():
        found, moves, draft = await console.database.read(read)
    same = found.on and found.hash == draft
    return visit.show(
        "shadow.html", here="rulebook", shadow=found, same=same, moves=moves[:MOVES], more=len(moves) > MOVES, done=visit.done(DONE)
    )


async def moves(visit: Visit) -> Table:
    """Decisions that it would have made otherwise, one on each line."""
    rows = await visit.console.database.read(lambda conn: shadow.moves(conn, MOST_ROWS, 0))
    return Table("shadow", replaying.COLUMNS, [replaying.record_of(replaying.move_of(row)) for row in rows])


async def start(visit: Visit) -> Response:
    """With the draft as it is now."""
    console = visit.console
    draft = await console.database.read(rulebooks.draft)
    async with visit.turn():
        await console.aside(documents.refuse_faulty, console.apart, draft.document)
        digest = await console.aside(content_hash, draft.document)
    await visit.act(shadowing.start, draft.document, digest)
    return visit.go("/rulebook/shadow?done=started")


async def stop(visit: Visit) -> Response:
    await visit.act(shadowing.stop)
    return visit.go("/rulebook/shadow?done=stopped")
