"""The silence alarm: a source that says nothing for improbably long is named, in the audit of changes too, until it is heard again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from tsbridge.core.moments import instant_text
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.silence import WEEK, WEEKS, hour_of, improbable
from tsbridge.store import chain, source_hours, stored_values
from tsbridge.store.db import Database
from tsbridge.work.trouble import Alarm

LOOK_AGAIN: Final = timedelta(minutes=1)
AWAY: Final = timedelta(minutes=10)
"""After a longer pause between two looks we were not listening, and the silence was ours."""
TURN: Final = "heard_turn"
SILENT: Final = "source_silent"
BACK: Final = "source_heard_again"


class Silence:
    """Listens whether the sources are heard. One process at a time."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, salt: Callable[[], str], alarm: Alarm, worker: str) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._salt = salt
        self._alarm = alarm
        self._worker = worker
        self._looked: datetime | None = None
        self._listening_since = clock.now()

    async def round(self) -> datetime:
        """Look, when it is time to; returns when to look again."""
        now = self._clock.now()
        if self._looked is not None and self._looked <= now < self._looked + LOOK_AGAIN:
            return self._looked + LOOK_AGAIN
        if self._looked is None or now - self._looked > AWAY:
            self._listening_since = now
        self._looked = now
        if await self._database.write(lambda conn: stored_values.take_turn(conn, TURN, self._worker, now, 3 * LOOK_AGAIN)):
            for name, since in await self._database.write(lambda conn: self._look(conn, now)):
                self._alarm(SILENT, source=name, since=instant_text(since))
        return now + LOOK_AGAIN

    def _look(self, conn: Connection, now: datetime) -> list[tuple[str, datetime]]:
        """Count on and decide; returns the sources that fell silent."""
        before = source_hours.load(conn)
        heard = source_hours.count_on(conn, before, hour_of(now) - WEEKS * WEEK - 1)
        fell: list[tuple[str, datetime]] = []
        sources = dict(heard.sources)
        for name, one in heard.sources.items():
            start = max(one.last, self._listening_since)
            if one.silent is not None and one.last > one.silent:
                sources[name] = replace(one, silent=None)
                self._record(conn, now, BACK, name, {"silent_since": instant_text(one.silent)}, {"heard_at": instant_text(one.last)})
            elif one.silent is None and improbable(one.hours, one.began, start, now):
                sources[name] = replace(one, silent=one.last)
                self._record(conn, now, SILENT, name, None, {"silent_since": instant_text(one.last)})
                fell.append((name, one.last))
        after = replace(heard, sources=sources)
        if after != before:
            source_hours.save(conn, after)
        return fell

    def _record(self, conn: Connection, now: datetime, action: str, source: str, before: object, after: object) -> None:
        id_, salt = self._ids.new("chg"), self._salt()
        chain.add_change(conn, id=id_, at=now, actor="system", action=action, subject=source, before=before, after=after, salt=salt)
