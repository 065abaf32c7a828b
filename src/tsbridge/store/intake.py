"""Group commit: deliveries that arrive while a transaction is on its way to disk share the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.ports import Clock, Ids
from tsbridge.store import inbox, wakeup
from tsbridge.store.availability import unavailable
from tsbridge.store.db import Database
from tsbridge.store.inbox import Delivery, Receipt

BATCH_ROWS: Final = 500
BATCH_BYTES: Final = 8 << 20
WAITING_BYTES: Final = 64 << 20
WITHIN_S: Final = 9.0
"""How long a commit may last: both vendors give up on an answer after ten or twelve seconds, and then it told nobody anything."""


class CannotStore(Exception):
    """The delivery is not kept; its sender must be told to come again. `why` holds nobody's data."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Waiting(NamedTuple):
    delivery: Delivery
    answer: asyncio.Future[Receipt]


class Intake:
    """Keeps deliveries for the door and for polls. One per process and event loop."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, *, tells_as: str = "", within_s: float = WITHIN_S) -> None:
        """`tells_as`: the name by which it also wakes the workers of other processes (PostgreSQL); its own are woken by the door."""
        self._database = database
        self._clock = clock
        self._ids = ids
        self._tells_as = tells_as
        self._within_s = within_s
        self._waiting: list[_Waiting] = []
        self._bytes = 0
        self._committing: asyncio.Task[None] | None = None

    def keep(
        self, source: str, key: str, headers: Mapping[str, str], body: bytes, *, polled: bool = False, quarantined: str | None = None
    ) -> asyncio.Future[Receipt]:
        """Keep a delivery; when there is a result it is on disk. CannotStore, now or then: it may or may not be, ask again."""
        if self._bytes + len(body) > WAITING_BYTES:
            raise CannotStore("too_much_waiting")
        delivery = Delivery(self._ids.new("evt"), source, key, self._clock.now(), headers, body, polled, quarantined)
        answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(delivery, answer))
        self._bytes += len(body)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return answer

    async def _commit_all(self) -> None:
        """Commit batch after batch until nobody waits."""
        try:
            while self._waiting:
                await asyncio.sleep(0)  # what has reached our sockets meanwhile shall share this commit
                await self._commit(self._next_batch())
        finally:
            self._committing = None

    def _next_batch(self) -> list[_Waiting]:
        size = count = 0
        for one in self._waiting[:BATCH_ROWS]:
            size += len(one.delivery.body)
            if count and size > BATCH_BYTES:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _commit(self, batch: list[_Waiting]) -> None:
        try:
            async with asyncio.timeout(self._within_s):
                receipts = await self._database.write(lambda conn: self._insert(conn, batch), urgent=True, any_schema=True)
        except TimeoutError:
            waiting, self._waiting = self._waiting, []
            self._refuse([*batch, *waiting], CannotStore("no_answer"))  # who came meanwhile has waited for the same
        except Exception as failure:
            if len(batch) > 1 and isinstance(failure, DBAPIError) and not unavailable(failure):
                for one in batch:  # one of them cannot be stored: the others shall not suffer
                    await self._commit([one])
                return
            self._refuse(batch, CannotStore(type(failure).__name__))
            if not isinstance(failure, DBAPIError) and not unavailable(failure):
                raise
        else:
            crashpoint("door.committed")
            self._done(batch)
            for (_, answer), receipt in zip(batch, receipts, strict=True):
                if not answer.done():  # whoever asked may have gone
                    answer.set_result(receipt)

    def _refuse(self, batch: list[_Waiting], why: CannotStore) -> None:
        self._done(batch)
        for _, answer in batch:
            if not answer.done():
                answer.set_exception(why)

    def _insert(self, conn: Connection, batch: list[_Waiting]) -> list[Receipt]:
        receipts = inbox.keep(conn, [one.delivery for one in batch])
        if self._tells_as:
            wakeup.tell(conn, wakeup.INBOX, self._tells_as)
        crashpoint("door.inserted")
        return receipts

    def _done(self, batch: list[_Waiting]) -> None:
        self._bytes -= sum(len(one.delivery.body) for one in batch)
