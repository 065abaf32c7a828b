"""Voicemails of the calls report, told once their recordings are there.

That a call reached the voicemail step proves no message; its recording does, and appears some time after hang-up
(reference/talkdesk.md sections 2.4 and 2.6). So it is looked for soon, and then less and less often.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.backoff import RECORDING
from tsbridge.core.errors import TryLater, VendorError
from tsbridge.core.ports import Clock, Ids
from tsbridge.store import inbox, moments, recordings, wakeup
from tsbridge.store.db import Database
from tsbridge.store.recordings import Wanted
from tsbridge.vendors.talkdesk.missed import ids_of, proves_message

LOOKS: Final = 11
"""After so many there was no message. Over six hours: the reports that are read again tell no more of the call."""
AT_ONCE: Final = 20
LEASE: Final = timedelta(minutes=16)
"""Longer than a round."""
WAIT: Final = timedelta(minutes=1)
"""When Talkdesk cannot be asked and does not say how long."""


class Talkdesk(Protocol):
    async def recordings(self, call_id: str) -> list[Mapping[str, Any]]: ...


class Recordings:
    """Looks for the recordings that are waited for. `wake`: there are deliveries."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, talkdesk: Talkdesk, wake: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._talkdesk = talkdesk
        self._wake = wake

    async def round(self) -> datetime | bool:
        """Look for those whose time has come; returns when the next comes due, False when none is waited for."""
        now = self._clock.now()
        due = await self._database.write(lambda conn: recordings.take(conn, now, now + LEASE, AT_ONCE))
        told = False
        while due:
            try:
                told |= await self._look(due[0])
            except TryLater as wait:
                again = self._clock.now() + (wait.after or WAIT)
                await self._database.write(partial(_hold_back, due, again))
                break
            del due[0]
        if told:
            self._wake()
        return await self._database.read(recordings.next_due) or False

    async def _look(self, one: Wanted) -> bool:
        """Whether there is something to tell now. Raises `TryLater`."""
        try:
            found = await self._talkdesk.recordings(one.call)
        except TryLater:
            raise
        except VendorError:  # a look like any other that finds nothing: the next may fare better
            found = []
        return await self._database.write(lambda conn: self._settle(conn, one, proves_message(found)))

    def _settle(self, conn: Connection, one: Wanted, proven: bool) -> bool:
        names = ids_of(json.loads(one.body))
        heard = any(moment.event == "call.voicemail" for moment in moments.of_calls(conn, names))
        if not proven and not heard:
            self._put_off(conn, one)
            return False
        recordings.forget(conn, one.call)
        if heard:
            return False
        inbox.keep(conn, [inbox.Delivery(self._ids.new("evt"), "talkdesk", one.key, self._clock.now(), {}, one.body, polled=True)])
        wakeup.tell(conn, wakeup.INBOX)
        return True

    def _put_off(self, conn: Connection, one: Wanted) -> None:
        attempts = one.attempts + 1
        if attempts >= LOOKS:
            recordings.forget(conn, one.call)
        else:
            recordings.later(conn, one.call, attempts, self._clock.now() + RECORDING.after(attempts))


def _hold_back(waiting: Sequence[Wanted], until: datetime, conn: Connection) -> None:
    """Talkdesk cannot be asked: that costs no look."""
    for one in waiting:
        recordings.later(conn, one.call, one.attempts, until)
