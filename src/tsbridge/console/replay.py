"""What would have been: the draft over everything on record, as a job; how far it is, and what would move."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import documents, replaying
from tsbridge.acts.replaying import Move, ReplayWhole
from tsbridge.console.forms import MOST_ROWS, Table
from tsbridge.console.frame import Visit
from tsbridge.core.rules.language import content_hash
from tsbridge.store import replays, rulebooks

MOST: Final = 30
MOVES: Final = 60
OPEN: Final = ("queued", "running")
DONE: Final = {
    "started": "It is queued; this page says how far it is when it is loaded again.",
    "cancelled": "It was stopped; what it found stays.",
}


async def page(visit: Visit) -> Response:
    """Those that were asked for, the newest first."""
    found = await visit.console.database.read(lambda conn: replaying.listed(conn, MOST))
    return visit.show("replays.html", here="rulebook", replays=found, done=visit.done(DONE))


async def show(visit: Visit) -> Response:
    """How far one is, and what it found so far."""
    id_, console = visit.in_path("id"), visit.console

    def read(conn: Connection) -> tuple[ReplayWhole, list[Move]]:
        whole = replaying.show(conn, id_, console.zone)
        return whole, [replaying.move_of(row) for row in replays.moves(conn, id_, MOVES + 1, 0)]

    found, moves = await console.database.read(read)
    done = visit.done(DONE)
    return visit.show(
        "replay.html", here="rulebook", replay=found, moves=moves[:MOVES], more=len(moves) > MOVES, going=found.status in OPEN, done=done
    )


async def moves(visit: Visit) -> Table:
    """What would move, one decision on each line."""
    id_ = visit.word("id") or ""
    console = visit.console

    def read(conn: Connection) -> list[Any]:
        replaying.job(conn, id_)
        return replays.moves(conn, id_, MOST_ROWS, 0)

    found = await console.database.read(read)
    return Table("moves", replaying.COLUMNS, [replaying.record_of(replaying.move_of(row)) for row in found])


async def start(visit: Visit) -> Response:
    """The draft over all of it."""
    console, id_ = visit.console, visit.console.ids.new("rep")
    draft = await console.database.read(rulebooks.draft)
    async with visit.turn():
        await console.aside(documents.refuse_faulty, console.apart, draft.document)
        digest = await console.aside(content_hash, draft.document)
    await visit.act(replaying.start, id_, draft.document, digest)
    console.wake_replay()
    return visit.go(f"/rulebook/replay/{id_}?done=started")


async def cancel(visit: Visit) -> Response:
    await visit.act(replaying.cancel, visit.in_path("id"))
    return visit.go(f"/rulebook/replay/{visit.in_path('id')}?done=cancelled")
