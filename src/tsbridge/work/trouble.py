"""Trouble with Zendesk, and what it means for everybody: whom to wait for, how long, and when somebody has to look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from tsbridge.core import budget as flow
from tsbridge.core.backoff import WISH
from tsbridge.core.budget import Budget
from tsbridge.core.errors import TryLater, Unauthorized, VendorError
from tsbridge.core.ports import Clock
from tsbridge.store import budget, desired
from tsbridge.store.db import Database
from tsbridge.store.desired import ClaimedWish
from tsbridge.work.reads import TOLD_NOTHING


class Alarm(Protocol):
    """Tells the operator; `what` and the named values are codes and ids, never what people wrote."""

    def __call__(self, what: str, **named: object) -> None: ...


class Trouble:
    """Notes in the row that all processes share how Zendesk takes our calls."""

    def __init__(self, database: Database, clock: Clock, alarm: Alarm, jitter: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._alarm = alarm
        self._jitter = jitter

    def pause(self, attempts: int) -> timedelta:
        """Full jitter, so that many tickets do not come back at once."""
        return max(timedelta(seconds=1), WISH.after(attempts + 1, self._jitter()))

    async def all_later(self, claimed: Sequence[ClaimedWish], failure: VendorError) -> None:
        """Zendesk cannot be asked at all: nobody's fault, so nobody's attempt."""
        if isinstance(failure, Unauthorized):
            return await self.unauthorized(claimed)
        if not isinstance(failure, TryLater):
            self._alarm("zendesk_refuses_to_be_read", reason=failure.reason)
        await self.told(failure)
        told = failure.after if isinstance(failure, TryLater) else None
        now, wait = self._clock.now(), told or self.pause(0)

        def give_back(conn: Connection) -> None:
            budget.change(conn, lambda b: flow.wait_until(b, now + wait, failure.reason))
            for wish in claimed:
                desired.later(conn, wish, now, reason=failure.reason, counted=False)

        await self._database.write(give_back)

    async def unauthorized(self, claimed: Sequence[ClaimedWish]) -> None:
        """Our credentials are refused: everything waits, and somebody has to look."""
        now = self._clock.now()
        self._alarm("zendesk_refuses_our_credentials")

        def give_back(conn: Connection) -> None:
            budget.change(conn, lambda b: flow.wait_until(b, now + flow.PROBE, "unauthorized"))
            for wish in claimed:
                desired.later(conn, wish, now, reason="unauthorized", counted=False)

        await self._database.write(give_back)

    async def told(self, failure: VendorError) -> bool:
        """Note what Zendesk's trouble means for everybody; True while the breaker is open."""
        now = self._clock.now()
        before: list[bool] = []

        def note(shared: Budget) -> Budget:
            before.append(shared.open)
            if isinstance(failure, TryLater) and failure.waiting:
                shared = flow.wait_until(shared, now + (failure.after or TOLD_NOTHING), failure.reason)
                if failure.reason == "rate_limited":
                    return shared
            return flow.failed(shared, now, failure.reason)

        shared = await self._note_all(note)
        if shared.open and not before[0]:
            self._alarm("zendesk_in_trouble", reason=failure.reason)
        return shared.open

    async def note(self, how: Callable[[Budget, datetime], Budget]) -> None:
        now = self._clock.now()
        await self._note_all(lambda shared: how(shared, now))

    async def _note_all(self, how: Callable[[Budget], Budget]) -> Budget:
        return await self._database.write(lambda conn: budget.change(conn, how))
