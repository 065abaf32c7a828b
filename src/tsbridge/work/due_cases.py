"""Cases that time alone changes: each is judged when its due time has come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from tsbridge.core.failed_at import failed_at
from tsbridge.core.ports import Clock
from tsbridge.store import cases
from tsbridge.store.availability import unavailable
from tsbridge.store.db import Database
from tsbridge.store.misdated import CASE_PAUSE
from tsbridge.work.conclude import Conclusions
from tsbridge.work.transactions import Turns
from tsbridge.work.verdicts import Concluded

BATCH = 50

log = logging.getLogger("tsbridge.due")


class DueTimes:
    """Judges cases whose due time has come."""

    def __init__(self, database: Database, clock: Clock, conclusions: Conclusions, wake_for: Callable[[Concluded], None]) -> None:
        self._database = database
        self._clock = clock
        self._conclusions = conclusions
        self._turns = Turns(database, conclusions.rulebooks)
        self._wake_for = wake_for

    async def round(self) -> datetime | None:
        """Judge the cases whose due time has come; returns when the next one comes."""
        now = self._clock.now()
        if due := await self._database.read(lambda conn: cases.due(conn, now, BATCH)):
            try:
                await self._judge_due(due, now)
            except Exception as failure:
                if unavailable(failure):
                    raise
                await self._judge_one_by_one(due, now)
        return await self._database.read(cases.next_due)

    async def _judge_due(self, due: Sequence[str], now: datetime) -> None:
        """Judge these cases together, as far as their time has still come."""

        def judge(conn: Connection, keys: frozenset[int] | None) -> Concluded:
            live, held = self._conclusions.begin_beside(conn, keys)
            return self._conclusions.judge_cases(conn, live, cases.still_due(conn, due, now), now, held)

        self._wake_for(await self._turns.write(judge, frozenset()))

    async def _judge_one_by_one(self, due: Sequence[str], now: datetime) -> None:
        """So that a case that cannot be judged is known, rests for a while and stops no other's escalation."""
        for case_id in due:
            try:
                await self._judge_due([case_id], now)
            except Exception as failure:
                if unavailable(failure):
                    raise
                told = {"case_id": case_id, "kind": type(failure).__name__, "where": failed_at(failure)}
                log.error("a case could not be judged at its due time", extra=told)
                until = self._clock.now() + CASE_PAUSE
                await self._database.write(partial(cases.put_off, case_id=case_id, until=until))
