"""Times that count within opening hours: targets of queues, and what Zendesk measures of tickets; by the rulebook of the time."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from itertools import accumulate

from sqlalchemy import Connection

from tsbridge.acts.around import Around
from tsbridge.acts.report_cases import cases, cases_about
from tsbridge.core.calendar import ALWAYS, Calendar
from tsbridge.core.rules.language import Queue
from tsbridge.reports.cases import Case
from tsbridge.reports.model import SECOND, Question
from tsbridge.reports.targets import Promised, Target
from tsbridge.reports.tickets import Ticket, tickets_of
from tsbridge.store import rulebooks


def promised(conn: Connection, around: Around, question: Question) -> list[Promised]:
    """Cases whose queue had targets when they were opened, measured by that rulebook."""
    queues = _Queues(conn, around)
    found = []
    for case in cases(conn, around, question):
        queue, calendar = queues.at(case.at, case.queue)
        if queue is None or not queue.targets:
            continue
        targets = dict(queue.targets)
        acknowledge = _target(targets.get("acknowledge"), case, case.acknowledged_at, calendar)
        resolve = _target(targets.get("resolve"), case, case.life.resolved_at, calendar)
        found.append(Promised(at=case.at, **case.about(), acknowledge=acknowledge, resolve=resolve))
    return found


def _target(within: timedelta | None, case: Case, done_at: datetime | None, calendar: Calendar) -> Target | None:
    if within is None:
        return None
    took = None if done_at is None else calendar.open_between(case.at, max(case.at, done_at)) // SECOND
    return Target(within // SECOND, took, calendar.open_between(case.at, case.as_of) // SECOND)


def tickets(conn: Connection, around: Around, question: Question) -> list[Ticket]:
    """The tickets created in the time asked for, as Zendesk counts them."""
    queues = _Queues(conn, around)
    found = []
    for case in cases_about(conn, around, question):

        def open_at(end: datetime, queue: str | None = case.queue) -> Calendar:
            return queues.at(end, queue)[1]

        created = ((at, told) for at, told in tickets_of(case.life, open_at) if question.holds(at))
        found += [Ticket(at=at, **case.about(), **told) for at, told in created]
    return found


class _Queues:
    """Queues and their calendars as the rulebook had them that was live at an instant; what is older than all of them goes by the first."""

    def __init__(self, conn: Connection, around: Around) -> None:
        self._conn = conn
        self._around = around
        published = sorted((one.published_at, one.version) for one in rulebooks.versions(conn, None))
        self._starts = [at for at, _ in published]
        self._versions = list(accumulate((version for _, version in published), max)) or [0]
        self._known: dict[tuple[int, str | None], tuple[Queue | None, Calendar]] = {}

    def at(self, instant: datetime, name: str | None) -> tuple[Queue | None, Calendar]:
        """None where there was no such queue, which is open always."""
        version = self._versions[max(0, bisect_right(self._starts, instant) - 1)]
        if (version, name) not in self._known:
            self._known[version, name] = self._read(version, name)
        return self._known[version, name]

    def _read(self, version: int, name: str | None) -> tuple[Queue | None, Calendar]:
        book = self._around.rulebooks.version(self._conn, version).book if version else None
        queue = None if book is None or name is None else book.queues.get(name)
        return queue, ALWAYS if book is None or queue is None else book.calendars.get(queue.calendar, ALWAYS)
