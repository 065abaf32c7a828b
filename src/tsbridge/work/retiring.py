"""What people said in cases that are at rest goes when it was kept long enough, as words go that are redacted (ADR 11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection

from tsbridge.core.moments import Interaction
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.retention import TEXTS
from tsbridge.store import chain, links, locks, retention, retiring
from tsbridge.store.db import Database
from tsbridge.store.locks import Locks
from tsbridge.store.retention import Step
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.work.redaction import Redactions
from tsbridge.work.transactions import Turns

DECISIONS: Final = 40
"""So many are judged and explained once more in one step, so that its transaction is short."""
MOMENTS: Final = 200
NOTHING: Final = Step(0, 0, more=False)


class Retiring:
    """Takes words out of one case at a time. A step holds so many `decisions` at most, and takes so many `moments`' words."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        salt: Callable[[], str],
        live: LiveRulebook,
        *,
        decisions: int = DECISIONS,
        moments: int = MOMENTS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._salt = salt
        self._redactions = Redactions(live, ids, salt)
        self._turns = Turns(database, live)
        self._decisions = decisions
        self._moments = moments

    async def step(self, before: datetime) -> Step:
        """A part of the case that is at rest for longest, since `before` at least."""

        def look(conn: Connection) -> tuple[str, list[Interaction]] | None:
            found = retiring.due(conn, before)
            return (found[0], links.members(conn, found[0])) if found else None

        found = await self._database.read(look)
        if found is None:
            return NOTHING
        case_id, members = found
        keys = locks.of_people([(member, ()) for member in members], {})
        return await self._turns.write(partial(self._part, case_id=case_id, members=members, before=before), keys)

    def _part(
        self, conn: Connection, keys: frozenset[int] | None, *, case_id: str, members: Sequence[Interaction], before: datetime
    ) -> Step:
        Locks(conn, keys)
        if links.members(conn, case_id) != members or not retiring.still_due(conn, case_id, before):
            return Step(0, 0, more=True)  # something happens to it: it is looked for anew
        now, decisions, moments = self._clock.now(), self._decisions, self._moments
        held: dict[str, str] = {}
        gone: list[str] = []
        size, done = 0, True
        for member in members:
            part = self._redactions.retire(conn, member, now, decisions, moments)
            held |= part.held
            gone += part.moments
            size += part.bytes
            decisions, moments, done = decisions - len(part.held), moments - len(part.moments), part.done
            if not done or decisions <= 0 or moments <= 0:
                done = done and member == members[-1]
                break
        if held or gone:
            self._record(conn, case_id, held, gone, now)
        if done:
            retiring.are_gone(conn, case_id, now)
        step = Step(len(gone), size, more=True)
        retention.count(conn, TEXTS, step)
        return step

    def _record(self, conn: Connection, case_id: str, held: dict[str, str], gone: list[str], now: datetime) -> None:
        after = {"moments": sorted(gone), "decisions": held}
        id_, salt = self._ids.new("chg"), self._salt()
        chain.add_change(conn, id=id_, at=now, actor="system", action="words.retire", subject=case_id, before=None, after=after, salt=salt)
