"""Group commit: deliveries that arrive while a transaction is on its way to disk share the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
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
    tell: Callable[[Receipt | CannotStore], object]


class Intake:
    """Keeps deliveries for the door. One per process and event loop."""

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

    def take(
        self,
        source: str,
        key: str,
        headers: Mapping[str, str],
        body: bytes,
        tell: Callable[[Receipt | CannotStore], object],
        quarantined: str | None = None,
    ) -> None:
        """Keep a delivery. `tell` gets its receipt when it is on disk, or CannotStore, now or then: it may or may not be, ask again."""
        if self._bytes + len(body) > WAITING_BYTES:
            tell(CannotStore("too_much_waiting"))
            return
        delivery = Delivery(self._ids.new("evt"), source, key, self._clock.now(), headers, body, quarantined=quarantined)
        self._waiting.append(_Waiting(delivery, tell))
        self._bytes += len(body)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())

    def keep(
        self, source: str, key: str, headers: Mapping[str, str], body: bytes, quarantined: str | None = None
    ) -> asyncio.Future[Receipt]:
        """`take`, for whoever awaits the receipt. Raises CannotStore."""
        answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()

        def tell(told: Receipt | CannotStore) -> None:
            if answer.done():  # whoever asked may have gone
                return
            if isinstance(told, CannotStore):
                answer.set_exception(told)
            else:
                answer.set_result(told)

        self.take(source, key, headers, body, tell, quarantined)
        return answer

    async def _commit_all(self) -> None:
        """Commit batch after batch until nobody waits."""
        try:
            await asyncio.sleep(0)  # what has reached our sockets meanwhile shall share this commit
            while self._waiting:
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
            self._tell([*batch, *waiting], repeat(CannotStore("no_answer")))  # who came meanwhile has waited for the same
        except Exception as failure:
            if len(batch) > 1 and isinstance(failure, DBAPIError) and not unavailable(failure):
                for one in batch:  # one of them cannot be stored: the others shall not suffer
                    await self._commit([one])
                return
            self._tell(batch, repeat(CannotStore(type(failure).__name__)))
            if not isinstance(failure, DBAPIError) and not unavailable(failure):
                raise
        else:
            crashpoint("door.committed")
            # Behind the next commit, so that the disk does not wait while senders are told and say more.
            asyncio.get_running_loop().call_soon(self._tell, batch, receipts)

    def _tell(self, batch: list[_Waiting], told: Iterable[Receipt | CannotStore]) -> None:
        """Each of them, whatever becomes of telling another."""
        self._bytes -= sum(len(one.delivery.body) for one in batch)
        for (_, tell), what in zip(batch, told, strict=False):
            try:
                tell(what)
            except Exception as failure:
                asyncio.get_running_loop().call_exception_handler({"message": "a sender could not be told", "exception": failure})

    def _insert(self, conn: Connection, batch: list[_Waiting]) -> list[Receipt]:
        receipts = inbox.keep(conn, [one.delivery for one in batch])
        if self._tells_as:
            wakeup.tell(conn, wakeup.INBOX, self._tells_as)
        crashpoint("door.inserted")
        return receipts
