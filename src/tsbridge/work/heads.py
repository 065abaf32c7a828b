"""The head of the chain, signed, leaves the house: into a file outside the database, and by a way of the roster. One process at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater
from tsbridge.core.heads import COPIED, FAILING, Head
from tsbridge.core.moments import instant_text, read_instant
from tsbridge.core.ports import Clock
from tsbridge.store import chain, stored_values
from tsbridge.store.db import Database
from tsbridge.work.looks import Turn
from tsbridge.work.trouble import Alarm

EVERY: Final = timedelta(hours=1)
"""How often a head leaves, if the chain has grown."""
LOOK: Final = timedelta(minutes=1)
TURN: Final = "heads_turn"
NOT_COPIED: Final = "head_not_copied"

Signed = Mapping[str, Any]
Place = Callable[[Signed], Awaitable[None]]
"""Takes a signed head somewhere else. Raises OSError or an error of `core.errors` when it did not get there."""
Sign = Callable[[Head], Awaitable[Signed]]


class Heads:
    """Copies heads to each of `places`, by name, on its own schedule: one that is away holds up no other."""

    def __init__(self, database: Database, clock: Clock, sign: Sign, places: Mapping[str, Place], alarm: Alarm, worker: str) -> None:
        self._database = database
        self._clock = clock
        self._sign = sign
        self._places = places
        self._alarm = alarm
        self._turn = Turn(database, clock, worker, TURN, LOOK, 3 * LOOK)

    async def round(self) -> datetime | None:
        """Copy what is due; returns when to look again, None where there is no place."""
        if not self._places:
            return None
        if await self._turn.mine():
            await self._copy(self._clock.now())
        return self._turn.next

    async def _copy(self, now: datetime) -> None:
        known, before, head = await self._database.read(_known)
        due = [name for name in self._places if _is_due(known.get(name), head, now)]
        if not due:
            return
        signed = await self._sign(Head(head["seq"], head["hash"], instant_text(now)))
        failing: set[str] = set()
        for name in due:
            try:
                await self._places[name](signed)
            except (OSError, TryLater, GiveUp, OutcomeUnknown):
                failing.add(name)
        done = {name: {"at": instant_text(now), "head": dict(signed)} for name in due if name not in failing}
        since = {name: before.get(name, instant_text(now)) for name in sorted(failing)}

        def keep(conn: Connection) -> None:
            if done:
                stored_values.put(conn, COPIED, {**(stored_values.get(conn, COPIED) or {}), **done})
            stored_values.put(conn, FAILING, since)

        if done or since != before:
            await self._database.write(keep)
        if more := failing - before.keys():
            self._alarm(NOT_COPIED, places=sorted(more))


def _known(conn: Connection) -> tuple[Mapping[str, Any], Mapping[str, str], Mapping[str, Any]]:
    """What left by each place, the places it does not get to, and the head."""
    return stored_values.get(conn, COPIED) or {}, stored_values.get(conn, FAILING) or {}, chain.head(conn)


def _is_due(before: Mapping[str, Any] | None, head: Mapping[str, Any], now: datetime) -> bool:
    if before is None:
        return bool(head["seq"])
    return bool(head["seq"] > before["head"]["seq"]) and now >= read_instant(before["at"]) + EVERY
