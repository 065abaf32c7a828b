"""Catching up with Talkdesk: the calls report tells what webhooks missed, and it goes into the same inbox.

One process at a time asks. How far the reports were read is kept in the same transaction as what they told, so nothing is
skipped however it ends. A stretch is read again for hours: reports and dispositions are late.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from tsbridge.core.errors import TryLater, VendorError
from tsbridge.core.moments import instant_text, read_instant
from tsbridge.core.ports import Clock, Ids
from tsbridge.store import inbox, moments, recordings, stored_values, wakeup
from tsbridge.store.db import Database
from tsbridge.vendors.talkdesk.missed import Heard, ids_of, missed, together, unproven
from tsbridge.work.answered import Answered
from tsbridge.work.looks import Turn

PLACE: Final = "talkdesk_reports"
TURN: Final = "talkdesk_reports_turn"
EVERY: Final = timedelta(minutes=15)
LEASE: Final = timedelta(minutes=31)
"""Longer than a round: a report may take ten minutes to be made."""
GRACE: Final = timedelta(minutes=5)
"""How long a webhook may be on its way before it counts as missed."""
AGAIN: Final = timedelta(hours=6)
"""How far back each look reaches: reports are late by an hour, dispositions come when the agent finds time."""
STRETCH: Final = timedelta(days=1)
"""Of one look, so that a long absence is caught up in steps that are kept."""


class Talkdesk(Protocol):
    """What is asked of Talkdesk; answers are its own JSON."""

    async def calls_report(self, start: datetime, end: datetime) -> list[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a look came to: calls seen, and deliveries that were new."""

    calls: int
    told: int


class CallReconciler:
    """Looks for missed calls now and then. `wake`: there are deliveries."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, talkdesk: Talkdesk, worker: str, wake: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._talkdesk = talkdesk
        self._wake = wake
        self._turn = Turn(database, clock, worker, TURN, EVERY, LEASE)
        self._answered = Answered(database, clock, "calls")

    async def round(self) -> datetime | bool:
        """Read one stretch when it is time to; returns when to look again, True for at once."""
        if not await self._turn.mine():
            return self._turn.next
        now = self._clock.now()
        known = await self._database.read(lambda conn: stored_values.get(conn, PLACE))
        read_to = read_instant(known) if known is not None else now - GRACE  # what was before us, nobody missed
        until = min(now - GRACE, read_to + STRETCH)
        try:
            await self.look(read_to - AGAIN if known is not None else read_to, until, PLACE)
        except VendorError as failure:
            await self._answered.note(failure)
            if isinstance(failure, TryLater):
                self._turn.next = now + max(failure.after or EVERY, timedelta(seconds=30))
            return self._turn.next
        await self._answered.note(None)
        if until < now - GRACE:
            self._turn.next = now
            return True
        return self._turn.next

    async def look(self, start: datetime, end: datetime, place: str | None = None) -> Found:
        """Tell the inbox what it lacks of the calls that ended in this time; keep `end` as the place. Raises the vendors' errors."""
        rows = await self._talkdesk.calls_report(start, end) if start < end else []
        told = await self._database.write(lambda conn: self._keep(conn, rows, place, end))
        if told:
            self._wake()
        return Found(len(rows), told)

    def _keep(self, conn: Connection, rows: Sequence[Mapping[str, Any]], place: str | None, end: datetime) -> int:
        heard = _heard(conn, sorted({name for row in rows for name in ids_of(row)}))
        now, deliveries = self._clock.now(), []
        for row in rows:
            own = ids_of(row)
            known = _of_call(heard, own)
            for key, body in missed(row, known):
                deliveries.append(inbox.Delivery(self._ids.new("evt"), "talkdesk", key, now, {}, _bytes(body), polled=True))
            if (message := unproven(row, known)) is not None:
                recordings.want(conn, recordings.Wanted(own[-1], message[0], _bytes(message[1])), now)
        receipts = inbox.keep(conn, deliveries) if deliveries else []
        told = sum(receipt.status == "accepted" for receipt in receipts)
        if told:
            wakeup.tell(conn, wakeup.INBOX)
        if place is not None:
            stored_values.put(conn, place, instant_text(end))
        return told


def _bytes(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, sort_keys=True).encode()


def _heard(conn: Connection, names: Sequence[str]) -> dict[str, Heard]:
    """What the stories have of these calls, by each name a call goes by."""
    found: defaultdict[str, list[Heard]] = defaultdict(list)
    for moment in moments.of_calls(conn, names):
        disposition = dict(moment.facts).get("call.disposition")
        dispositions = frozenset({disposition} if isinstance(disposition, str) else ())
        said = Heard(frozenset({moment.event}), dispositions, frozenset({moment.interaction}))
        for name in {moment.interaction, *(handle.value for handle in moment.names if handle.kind == "call")}:
            found[name].append(said)
    return {name: together(parts) for name, parts in found.items()}


def _of_call(heard: Mapping[str, Heard], names: Sequence[str]) -> Heard:
    return together([heard[name] for name in names if name in heard])
