"""Rows that a clock dated which was ahead, and was set right: they would wait until the wrong time comes round. A ticket that rang later
than it is now would be read without end.

What waits for another try waits no longer than its kind ever does, so that a row due later than that was dated by a wrong clock. Due times
of cases are not among them: they are the vendors' times and what rulebooks say, whatever our clock showed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, select, true, update

from tsbridge.core.backoff import DELIVERY, RECORDING, TICKET, WISH
from tsbridge.core.ports import CLOCKS_APART
from tsbridge.store import budget, notifications, outgoing
from tsbridge.store.case_tables import cases
from tsbridge.store.escalation_tables import escalations
from tsbridge.store.inbox_tables import WAITS, WAITS_ALONE, WAITS_LARGE, inbox, inbox_claims
from tsbridge.store.notice_tables import duty_notices, messages, notices
from tsbridge.store.replay_tables import replays
from tsbridge.store.wanted_tables import facts_wanted, recordings_wanted, users_deleted
from tsbridge.store.writing_tables import WISH_IS_OPEN, desired

HOUR: Final = timedelta(hours=1)
TOLD: Final = HOUR
"""Nobody is told to wait longer (`http.retry_after`)."""
DAY: Final = timedelta(days=1)
"""Quiet hours end sooner, and whether somebody is there is asked more often."""
CASE_PAUSE: Final = timedelta(minutes=1)
"""How long a case rests that could not be judged when its time came."""
LEASE: Final = timedelta(minutes=6)
SENDING: Final = timedelta(seconds=20)
"""No row is claimed for longer, a message for less."""


class Kind(NamedTuple):
    """Rows that wait for `column`. `longest`: how far that may be off, by a clock that is right."""

    column: Any
    rows: ColumnElement[bool]
    longest: timedelta

    def later(self, at: datetime) -> ColumnElement[bool]:
        return and_(self.rows, self.column > at)


_SOURCES: Final = (inbox.c.source == "zendesk", inbox.c.source == "talkdesk")
_DUE: Final = (
    *(Kind(inbox.c.due_at, of & lane, DELIVERY.longest) for of in _SOURCES for lane in (WAITS, WAITS_LARGE)),
    Kind(inbox.c.due_at, WAITS_ALONE, DELIVERY.longest),
    Kind(desired.c.due_at, WISH_IS_OPEN, max(WISH.longest, TOLD)),
    *(Kind(facts_wanted.c.due_at, facts_wanted.c.alone.is_(alone), max(TICKET.longest, TOLD)) for alone in (False, True)),
    Kind(facts_wanted.c.rang_at, facts_wanted.c.rang_at.is_not(None), CLOCKS_APART),
    Kind(users_deleted.c.due_at, true(), HOUR),
    Kind(recordings_wanted.c.due_at, true(), max(RECORDING.longest, TOLD)),
    Kind(messages.c.due_at, outgoing.TO_SEND, DAY),
    Kind(notices.c.due_at, notices.c.due_at.is_not(None), DAY),
    Kind(duty_notices.c.due_at, duty_notices.c.due_at.is_not(None), DAY),
)
LEASES: Final = (
    Kind(inbox_claims.c.lease_until, true(), LEASE),
    Kind(desired.c.lease_until, WISH_IS_OPEN, LEASE),
    Kind(replays.c.lease_until, replays.c.status == "running", LEASE),
    Kind(messages.c.lease_until, outgoing.TO_SEND, SENDING),
)


def due(now: datetime) -> tuple[Kind, ...]:
    """All that waits, and cases that were put off although the time of a step has come."""
    come = select(escalations.c.case_id).where(escalations.c.status == "armed", escalations.c.due_at <= now)
    return (*_DUE, Kind(cases.c.due_at, cases.c.id.in_(come), CASE_PAUSE))


def found(conn: Connection, now: datetime) -> list[Kind]:
    """The kinds of which a row is due later than any may be."""
    return [kind for kind in due(now) if conn.execute(select(true()).where(kind.later(now + kind.longest)).limit(1)).first()]


def make_due(conn: Connection, kind: Kind, now: datetime, *, set_back: bool) -> None:
    """Have rows of a kind due now that are due later than any may be; where the clock was `set_back`, all that are due later, for to look
    too early harms nothing. In a transaction of its own."""
    if kind.column.table in (messages, notices, duty_notices):
        notifications.lock(conn)
    off = timedelta(0) if set_back else kind.longest
    conn.execute(update(kind.column.table).where(kind.later(now + off)).values({kind.column.name: now}))


def end_soon(conn: Connection, kind: Kind, now: datetime) -> None:
    """Have leases end that would last longer than any may: of whoever lives they are as long as they were meant to be."""
    until = now + kind.longest
    conn.execute(update(kind.column.table).where(kind.later(until)).values({kind.column.name: until}))


def is_closed(conn: Connection, now: datetime) -> bool:
    """Whether nobody may ask Zendesk for longer than it ever tells."""
    ends = (budget.load(conn).closed_until, *(budget.reads(conn, name).closed_until for name in (budget.EXPORTS, budget.READS)))
    return any(until is not None and until > now + TOLD for until in ends)


def open_again(conn: Connection, now: datetime) -> None:
    """Zendesk may be asked, whatever it told until when: it tells again. In a transaction of its own."""
    for name in (budget.EXPORTS, budget.READS):
        budget.change_reads(conn, name, lambda reads: replace(reads, closed_until=_at_most(reads.closed_until, now)))
    budget.change(conn, lambda shared: replace(shared, closed_until=_at_most(shared.closed_until, now)))


def _at_most(until: datetime | None, now: datetime) -> datetime | None:
    return None if until is None else min(until, now)
