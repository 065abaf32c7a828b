"""The runaway guard: when a newly published rulebook tags far more than its history promises, write-back pauses and people are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.ports import Clock, Ids
from tsbridge.core.runaway import suspects
from tsbridge.store import chain, rulebooks, runaway, stored_values, writemode
from tsbridge.store.db import Database
from tsbridge.work import noticed
from tsbridge.work.looks import Looks
from tsbridge.work.trouble import Alarm

LOOK_AGAIN: Final = timedelta(seconds=30)
NEWEST: Final = 500
SUSPECTED: Final = "runaway_suspected"


class Guard:
    """Looks at what the live rulebook does. Says it once for each version and tag: who switches back to live has decided."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, salt: Callable[[], str], alarm: Alarm, setting: str) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._salt = salt
        self._alarm = alarm
        self._setting = setting
        self._looks = Looks(clock, LOOK_AGAIN)
        self._live: noticed.Live | None = None

    async def round(self) -> datetime:
        """Look, when it is time to; returns when to look again."""
        now = self._clock.now()
        if not self._looks.due():
            return self._looks.next
        live, (version, found) = await self._database.read(lambda conn: (noticed.live(conn, self._setting), self._look(conn)))
        noticed.say(self._live, live)
        self._live = live
        if found:
            paused = await self._database.write(lambda conn: self._pause(conn, version, found, now))
            if paused:
                self._alarm(SUSPECTED, version=version, tags=list(found))
        return self._looks.next

    def _look(self, conn: Connection) -> tuple[int, tuple[str, ...]]:
        try:
            version = rulebooks.live_version(conn)
        except rulebooks.NoRulebook:
            return 0, ()
        said = self._said(conn, version)
        return version, tuple(tag for tag in suspects(*runaway.samples(conn, version, NEWEST)) if tag not in said)

    def _said(self, conn: Connection, version: int) -> list[str]:
        kept: Any = stored_values.get(conn, SUSPECTED)
        return list(kept["tags"]) if kept is not None and kept["version"] == version else []

    def _pause(self, conn: Connection, version: int, found: tuple[str, ...], now: datetime) -> bool:
        """Pause a live write-back; False when another process was faster or nothing is being written anyway."""
        said = self._said(conn, version)
        mode = writemode.in_force(conn, self._setting).effective
        if set(found) <= set(said) or mode != "live":
            return False
        stored_values.put(conn, SUSPECTED, {"version": version, "tags": sorted({*said, *found})})
        writemode.switch(conn, self._setting, "paused", now)
        after = {"mode": "paused", "reason": SUSPECTED, "version": version, "tags": list(found)}
        chain.add_change(
            conn,
            id=self._ids.new("chg"),
            at=now,
            actor="system",
            action="writeback.mode",
            subject="writeback",
            before={"mode": mode},
            after=after,
            salt=self._salt(),
        )
        return True
