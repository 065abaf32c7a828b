"""Compares people's coming duties whenever roster, overrides, feeds or calendars are others, and notes who is to be told what.

What they were last compared by is kept as a mark of what was known then, and moves in the transaction that notes the difference: a
worker that is killed between has noted nothing, and what is noted is noted once, by however many workers.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.duty_changes import SEEN, DutyChange, News, duty_changes, in_time, news, together
from tsbridge.core.ports import Clock
from tsbridge.core.roster import Agent
from tsbridge.core.rota import Duty, Rota
from tsbridge.store import duties, notifications
from tsbridge.store.db import Database
from tsbridge.work.rosters import Known, LiveRoster

LOOK_AGAIN: Final = timedelta(seconds=5)
"""How soon a change is seen."""


class _Difference(NamedTuple):
    """`by_name`: all duties that are had now."""

    changes: Sequence[DutyChange]
    by_name: dict[str, list[Duty]]


class DutyNews:
    """Any number of processes may look. `wake`: somebody is to be told."""

    def __init__(self, database: Database, clock: Clock, roster: LiveRoster, wake: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._roster = roster
        self._wake = wake
        self._seen: tuple[int, int] | None = None

    async def round(self) -> datetime | None:
        """Look whether anything is another; returns when to look again where that could not be compared."""
        now = self._clock.now()
        marks = await self._database.read(self._roster.marks)
        if marks != self._seen and await self._look(now):
            self._seen = marks
        return None if marks == self._seen else now + LOOK_AGAIN

    async def _look(self, now: datetime) -> bool:
        """False when it could not be compared, or another process was faster."""
        held, known = await self._database.read(lambda conn: (duties.known(conn), self._roster.known(conn, now)))
        before = None if held is None else Known.from_json(held)
        if before is not None and before.same(known):
            return True
        was, becomes = await self._database.read(lambda conn: (before and self._roster.by(conn, before), self._roster.by(conn, known)))
        if known.version and becomes is None:
            return False  # a roster that cannot be read: what was known stays what it is compared by
        difference = _Difference((), {})
        if was is not None and becomes is not None:  # a first roster changes nobody's duty
            difference = await asyncio.to_thread(_compare, was, becomes, now)
        crashpoint("duties.compared")

        def note(conn: Connection) -> bool:
            notifications.lock(conn)
            if duties.lock_known(conn) != held:
                return False
            duties.put_known(conn, known.to_json())
            if before is not None and becomes is not None:
                self._note(conn, now, before, known, becomes, difference)
            return True

        done = await self._database.write(note)
        crashpoint("duties.noted")
        if done and difference.changes:
            self._wake()
        return done

    def _note(self, conn: Connection, now: datetime, before: Known, known: Known, rota: Rota, difference: _Difference) -> None:
        learnt = self._roster.learnt(conn, before, known)
        because, by = [what for what, _ in learnt], {who for _, who in learnt}
        changes = {one.agent: one for one in difference.changes if one.agent in rota.agents and not _is(rota.agents[one.agent], by)}
        waiting: dict[str, list[Any]] = defaultdict(list)
        for row in duties.untold(conn, changes):
            waiting[row.agent].append(row)
        rows = []
        for agent, change in sorted(changes.items()):
            earlier = waiting[agent]
            for row in reversed(earlier):
                change = together(News.from_json(row.body).change(agent), change)
            fresh = in_time(change, now)
            duties.close(conn, [row.id for row in earlier], "taken_back" if fresh is None else "changed_again", now)
            if fresh is not None:
                rows.append(
                    _row(agent, known, [*(one for row in earlier for one in row.because), *because], news(fresh, difference.by_name), now)
                )
        duties.add(conn, rows)


def _compare(was: Rota, becomes: Rota, now: datetime) -> _Difference:
    end = now + SEEN
    after = becomes.duties(now, end)
    by_name: dict[str, list[Duty]] = defaultdict(list)
    for one in after:
        by_name[one.name].append(one)
    found = (in_time(one, now) for one in duty_changes(was.duties(now, end), after, now, end))
    return _Difference([one for one in found if one is not None], by_name)


def _is(agent: Agent, by: set[str | None]) -> bool:
    """Whether they alone made the change."""
    return bool(by) and None not in by and by <= {agent.key, agent.name, agent.email, str(agent.zendesk_user_id)}


def _row(agent: str, known: Known, because: Sequence[str], told: News, now: datetime) -> dict[str, Any]:
    name = hashlib.sha256(f"{known.revision}:{known.book}:{agent}".encode()).hexdigest()[:26]
    about = {"because": list(dict.fromkeys(because)), "body": told.to_json(), "first_at": told.first, "last_at": told.last}
    return {"id": f"dty_{name}", "agent": agent, "at": now, **about, "due_at": now}
