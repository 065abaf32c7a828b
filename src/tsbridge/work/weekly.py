"""The weekly pack leaves by itself: on Monday morning, to each who is named, once for each week. One process at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from functools import partial
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection

from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater
from tsbridge.core.moments import instant_text
from tsbridge.core.ports import Clock, Died
from tsbridge.store import stored_values
from tsbridge.store.db import Database
from tsbridge.work.looks import Turn
from tsbridge.work.trouble import Alarm

P = TypeVar("P")

AT: Final = time(7)
"""On the team's clock, on Monday: before the first who asks for it."""
LOOK: Final = timedelta(minutes=5)
TURN_FOR: Final = timedelta(minutes=15)
TURN: Final = "weekly_turn"
SENT: Final = "weekly_sent"
NOT_SENT: Final = "weekly_pack_not_sent"


class Weekly(Generic[P]):
    """Makes the pack of the week that is over and hands it to each of `places`, by name: one that is away holds up no other, and gets it
    later. `make(monday)`: the pack of the week that begins then. Whoever is named for the first time gets the last one at once."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        zone: tzinfo,
        make: Callable[[date], Awaitable[P]],
        places: Mapping[str, Callable[[P], Awaitable[None]]],
        alarm: Alarm,
        worker: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._make = make
        self._places = places
        self._alarm = alarm
        self._failing: set[str] = set()
        self._turn = Turn(database, clock, worker, TURN, LOOK, TURN_FOR)

    async def round(self) -> datetime | None:
        """Send what is due; returns when to look again, None where nobody is named."""
        if not self._places:
            return None
        if await self._turn.mine():
            now = self._clock.now()
            await self._send(last_over(now, self._zone), now)
        return self._turn.next

    async def _send(self, monday: date, now: datetime) -> None:
        sent: Mapping[str, Any] = await self._database.read(_sent)
        due = [name for name in self._places if sent.get(name, {}).get("week", "") < monday.isoformat()]
        if not due:
            return
        try:
            pack = await self._make(monday)
        except Died:
            self._told(set(due))
            return
        failing = set()
        for name in due:
            try:
                await self._places[name](pack)
            except (TryLater, GiveUp, OutcomeUnknown):
                failing.add(name)
            else:
                await self._database.write(partial(_keep, name=name, monday=monday, now=now))
        self._told(failing)

    def _told(self, failing: set[str]) -> None:
        if more := failing - self._failing:
            self._alarm(NOT_SENT, places=sorted(more))
        self._failing = failing


def last_over(now: datetime, zone: tzinfo) -> date:
    """The Monday of the last week whose pack may leave: from Monday morning on the one that has just ended."""
    local = now.astimezone(zone)
    monday = local.date() - timedelta(days=local.weekday() + 7)
    return monday - timedelta(days=7) if local.weekday() == 0 and local.time() < AT else monday


def _sent(conn: Connection) -> Mapping[str, Any]:
    found: Mapping[str, Any] = stored_values.get(conn, SENT) or {}
    return found


def _keep(conn: Connection, name: str, monday: date, now: datetime) -> None:
    stored_values.put(conn, SENT, {**_sent(conn), name: {"week": monday.isoformat(), "at": instant_text(now)}})
