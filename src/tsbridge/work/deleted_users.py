"""Whom Zendesk deletes for good is forgotten here. It tells that a user was deleted, which may be undone, and never that it was for good:
so whoever was deleted is asked about, every minute for a day, then every hour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.errors import TryLater, VendorError
from tsbridge.core.moments import Handle
from tsbridge.core.ports import Clock, Ids
from tsbridge.store import chain, deleted_users, erased_person, locks, people
from tsbridge.store.db import Database
from tsbridge.store.deleted_users import Deleted
from tsbridge.store.forgetting import forget
from tsbridge.work.loop import LEASE
from tsbridge.work.reads import ReadBudget
from tsbridge.work.redaction import BY

A_READ: Final = 100
"""Users of one read."""
SOON: Final = timedelta(seconds=45)
A_DAY: Final = timedelta(days=1)
HOURLY: Final = timedelta(hours=1)
LONGEST: Final = timedelta(days=90)
LOOK: Final = timedelta(seconds=15)
FOR_GOOD: Final = "permanently deleted user"
"""What Zendesk calls everybody whom it has forgotten, in lower case."""


class Zendesk(Protocol):
    """What is asked of Zendesk."""

    async def users(self, ids: Sequence[str]) -> list[dict[str, Any]]: ...


class DeletedUsers:
    """Asks about deleted users. `wake`: there is somebody to forget."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        salt: Callable[[], str],
        zendesk: Zendesk,
        reads: ReadBudget,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._salt = salt
        self._zendesk = zendesk
        self._reads = reads
        self._wake = wake

    async def round(self) -> datetime | bool:
        """Ask about those who are due; True when there may be more."""
        now = self._clock.now()
        due = await self._database.read(deleted_users.next_due)
        if due is None or due > now:
            return min(due or now + LOOK, now + LOOK)
        if not await self._reads.take("facts", 1):
            return await self._reads.next_free("facts")
        asked = await self._database.write(lambda conn: deleted_users.take(conn, now, now + LEASE, A_READ))
        try:
            shown = {str(user.get("id")): user for user in await self._zendesk.users([one.user for one in asked])}
        except VendorError as failure:
            if isinstance(failure, TryLater) and failure.waiting:
                await self._reads.failed(failure, "facts")
            await self._database.write(partial(_all_later, asked=asked, due_at=now + SOON))
            return now + SOON
        gone = [one.user for one in asked if _is_gone(shown.get(one.user, {}))]
        for user in gone:
            await self._database.write(partial(self._forget, user=user))
        back = [one.user for one in asked if one.user in shown and shown[one.user].get("active") is not False]
        await self._database.write(partial(self._settle, asked=asked, over={*gone, *back}))
        if gone:
            self._wake()
        return len(asked) == A_READ or now + LOOK

    def _forget(self, conn: Connection, user: str) -> None:
        locks.alone(conn)
        named = Handle(people.USER, user)
        person = erased_person.find(conn, (named,)) if people.as_left(conn, [named]) == (named,) else None
        if person is None:  # nothing is known of them, or they went into somebody who is there
            return
        now, id_, entry, salt = self._clock.now(), self._ids.new("era"), self._ids.new("chg"), self._salt()
        after = forget(conn, id_, person, BY, now)
        chain.add_change(conn, id=entry, at=now, actor=BY, action="person.erase", subject=id_, before=None, after=after, salt=salt)

    def _settle(self, conn: Connection, asked: Sequence[Deleted], over: set[str]) -> None:
        now = self._clock.now()
        deleted_users.forget(conn, {one.user for one in asked if one.user in over or now - one.since > LONGEST})
        for one in asked:
            deleted_users.later(conn, one.user, now + (SOON if now - one.since < A_DAY else HOURLY))


def _all_later(conn: Connection, asked: Sequence[Deleted], due_at: datetime) -> None:
    for one in asked:
        deleted_users.later(conn, one.user, due_at)


def _is_gone(user: Mapping[str, Any]) -> bool:
    """Whether Zendesk has forgotten a user. One that it does not show at all may have been merged into another: that says nothing."""
    return user.get("active") is False and str(user.get("name")).strip().lower() == FOR_GOOD
