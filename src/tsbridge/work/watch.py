"""The watchdog: on a path of its own it works out of the stories what should have fired, been told and been given, and compares.

Every minute one look at all that is due; every five minutes a walk over all open cases, each judged whole and nothing of it kept. What
is late or missing is named once, counted until it is found no more, and mended by nobody here: a watchdog that mends hides what broke.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.failed_at import failed_at
from tsbridge.core.moments import instant_text
from tsbridge.core.ports import Clock
from tsbridge.core.steps import escalation_rows
from tsbridge.core.watch import AT_ONCE, BY_CASE, TOLERANCE, UNREADABLE, Finding, compare
from tsbridge.store import decisions, links, moments, stored_values, watch
from tsbridge.store.availability import unavailable
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import Built, LiveRulebook
from tsbridge.work.choosing import Choosing, Rosters
from tsbridge.work.conclude import Conclusions
from tsbridge.work.trouble import Alarm
from tsbridge.work.verdicts import Known

LOOK_AGAIN: Final = timedelta(minutes=1)
WALK_AGAIN: Final = timedelta(minutes=5)
AWAY: Final = timedelta(minutes=3)
"""After a longer pause we were away, or the clock was set: the workers have time to catch up before anything counts as late."""
PAGE: Final = 50
AIM: Final = timedelta(milliseconds=50)
"""How long cases are judged in one go …"""
REST: Final = timedelta(milliseconds=450)
"""… and how long the workers then have the machine for themselves."""
TURN: Final = "watch_turn"
FOUND: Final = "watch_found"
MOST_ALARMS: Final = 50
"""Findings that are named in one go; of more it is said how many."""

log = logging.getLogger("tsbridge.watch")


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk over all open cases: when it began, and the last case looked at."""

    began: datetime
    cursor: str = ""


class Watch:
    """Watches. One process at a time. `setting`: what is set for write-back."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        conclusions: Conclusions,
        live: LiveRulebook,
        roster: Rosters,
        alarm: Alarm,
        worker: str,
        setting: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._conclusions = conclusions
        self._live = live
        self._choosing = Choosing(roster)
        self._alarm = alarm
        self._worker = worker
        self._setting = setting
        self._last: datetime | None = None
        self._look_at = self._walk_at = clock.now()
        self._mine = False
        self._walk: Walk | None = None

    async def round(self) -> datetime:
        """Look, or go on with the walk, when it is time to; returns when to come again."""
        now = self._clock.now()
        if self._last is None or not self._last <= now <= self._last + AWAY:
            self._look_at = self._walk_at = now + TOLERANCE
            self._walk = None
        self._last = now
        if now >= self._look_at:
            self._look_at = now + LOOK_AGAIN
            self._mine = await self._database.write(lambda conn: self._begin(conn, now))
            if self._mine:
                known, found = await self._database.read(lambda conn: self._look(conn, now))
                await self._settle(known, found, now)
        if not self._mine:
            self._walk = None
            return self._look_at
        if self._walk is None and now >= self._walk_at:
            self._walk, self._walk_at = Walk(now), now + WALK_AGAIN
        if self._walk is None:
            return min(self._look_at, self._walk_at)
        self._walk = await self._go_on(self._walk, now)
        return min(self._look_at, self._walk_at if self._walk is None else now + REST)

    def _begin(self, conn: Connection, now: datetime) -> bool:
        if not stored_values.take_turn(conn, TURN, self._worker, now, 3 * LOOK_AGAIN):
            return False
        watch.begin(conn, now)
        return True

    # -- all at once

    def _look(self, conn: Connection, now: datetime) -> tuple[Mapping[tuple[str, str], Any], list[Finding]]:
        """What is overdue by what is kept: cases not judged, people not told, work not given."""
        book = self._live.live(conn).book
        _, fitting = self._choosing.fitting(conn, book, self._setting, now)
        found = [*watch.unjudged(conn, now), *watch.untold(conn, now), *watch.waiting(conn, fitting, now)]
        return watch.found(conn, AT_ONCE), found

    # -- case by case

    async def _go_on(self, walk: Walk, now: datetime) -> Walk | None:
        """Some cases more; None at the end."""
        cursor, known, found = await self._database.read(lambda conn: self._page(conn, walk.cursor, now))
        await self._settle(known, found, now)
        if cursor is not None:
            return Walk(walk.began, cursor)
        await self._database.write(lambda conn: watch.walked(conn, walk.began))
        return None

    def _page(self, conn: Connection, cursor: str, now: datetime) -> tuple[str | None, Mapping[tuple[str, str], Any], list[Finding]]:
        """The last case looked at, None where there was none left; what was known of these cases; what is found."""
        live, looked, found = self._live.live(conn), list[str](), list[Finding]()
        begun = self._clock.now()
        for case_id in watch.open_cases(conn, cursor, PAGE):
            if looked and self._clock.now() - begun > AIM:
                break
            looked.append(case_id)
            found += self._look_into(conn, live, case_id, now)
        return looked[-1] if looked else None, watch.found(conn, BY_CASE, looked), found

    def _look_into(self, conn: Connection, live: Built, case_id: str, now: datetime) -> Sequence[Finding]:
        """Judge a case whole, up to when it must have been judged by, and compare."""
        try:
            subjects = links.members(conn, case_id)
            story, recorded = moments.story(conn, subjects), decisions.in_force(conn, subjects)
            found = self._conclusions.judging.verdict(conn, live, Known(case_id, subjects, story, recorded), now - TOLERANCE)
            state, judged = found.state, found.judged
            actors = {told.moment.digest: told.moment.actor for told in story}
            kept = watch.standing(conn, case_id, subjects, recorded)
            expected = escalation_rows(case_id, state, self._live.books(conn, live.version))
            return compare(case_id, state, judged, expected, actors, kept, now)
        except Exception as failure:
            if unavailable(failure):
                raise
            log.error(
                "a case could not be watched", extra={"case_id": case_id, "kind": type(failure).__name__, "where": failed_at(failure)}
            )
            return (Finding(UNREADABLE, case_id, case_id, now),)

    # -- what is found

    async def _settle(self, known: Mapping[tuple[str, str], Any], found: Sequence[Finding], now: datetime) -> None:
        """Keep what is found, let go of what is not any more, and name what is new."""
        if not known and not found:
            return
        news = await self._database.write(lambda conn: watch.settle(conn, known, found, now))
        if healed := len(known.keys() - {(one.kind, one.about) for one in found}):
            log.info("what the watchdog had found is over", extra={"count": healed})
        for one in news[:MOST_ALARMS]:
            self._alarm(FOUND, kind=one.kind, case_id=one.case_id, about=one.about, since=instant_text(one.since))
        if len(news) > MOST_ALARMS:
            self._alarm(FOUND, count=len(news) - MOST_ALARMS)
