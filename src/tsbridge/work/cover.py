"""The look ahead: a time of the next two weeks at which nobody is on call is an alarm while there is time to do something about it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.coverage import Hole, holes
from tsbridge.core.moments import instant_text
from tsbridge.core.ports import Clock
from tsbridge.core.rota import Rota
from tsbridge.roster.check import queues_of
from tsbridge.roster.document import SEVERITIES
from tsbridge.store import cover, rulebooks
from tsbridge.store.db import Database
from tsbridge.work.looks import Turn
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.trouble import Alarm

AHEAD: Final = timedelta(days=14)
LOOK_AGAIN: Final = timedelta(seconds=30)
"""How soon a change of the roster is looked at."""
COMPUTE_AGAIN: Final = timedelta(hours=1)
"""How soon without a change: a day moves on."""
SHOWN: Final = 50
"""Holes that are kept for others; the count is whole."""
TURN: Final = "cover_turn"
HOLE: Final = "cover_hole"


class Cover:
    """Looks for holes. One process at a time."""

    def __init__(self, database: Database, clock: Clock, roster: LiveRoster, alarm: Alarm, worker: str) -> None:
        self._database = database
        self._clock = clock
        self._roster = roster
        self._alarm = alarm
        self._turn = Turn(database, clock, worker, TURN, LOOK_AGAIN, 3 * LOOK_AGAIN)

    async def round(self) -> datetime:
        """Look, when it is time to; returns when to look again."""
        if await self._turn.mine():
            await self._look(self._clock.now())
        return self._turn.next

    async def _look(self, now: datetime) -> None:
        known, before = await self._database.read(lambda conn: (self._roster.marks(conn), cover.load(conn)))
        fresh = before is not None and before.known == known and before.looked_at <= now < before.looked_at + COMPUTE_AGAIN
        if fresh:
            return

        def about(conn: Connection) -> tuple[tuple[int, int], Rota | None, Any]:
            version = rulebooks.newest(conn)
            return self._roster.marks(conn), self._roster.now(conn, now), rulebooks.get(conn, version).document if version else None

        known, rota, book = await self._database.read(about)
        found: tuple[Hole, ...] = ()
        if rota is not None:
            found = await asyncio.to_thread(holes, rota, queues_of(rota.roster, book), SEVERITIES, now, now + AHEAD)
        shown = tuple(_shown(one) for one in found[:SHOWN])
        ahead = cover.Ahead(now, known, len(found), shown)
        await self._database.write(lambda conn: cover.save(conn, ahead))
        told = set() if before is None else {_name(one) for one in before.holes}
        for one in shown:
            if _name(one) not in told:
                self._alarm(HOLE, queue=one["queue"], severity=one["severity"], since=one["from"], until=one["to"])


def _shown(hole: Hole) -> dict[str, Any]:
    start, end = instant_text(hole.start), instant_text(hole.end)
    return {"queue": hole.queue, "severity": hole.severity, "from": start, "to": end, "why": hole.why, "proposal": hole.proposal}


def _name(hole: dict[str, Any]) -> tuple[Any, ...]:
    """What a hole is known by from look to look: where one has begun, or reaches out of sight, its start or end moves with the clock."""
    return hole["queue"], hole["severity"], hole["why"]
