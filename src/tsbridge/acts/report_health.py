"""Targets, the way back to Zendesk, and what is unusual, as reports count them."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from tsbridge.acts.around import Around
from tsbridge.acts.report_cases import agent_keys, cases, cases_about, cases_among, span_of
from tsbridge.core.calendar import ALWAYS, Calendar
from tsbridge.core.rules.language import Rulebook
from tsbridge.reports.cases import Case, standing_of
from tsbridge.reports.model import Question
from tsbridge.reports.sending import Sending
from tsbridge.reports.targets import Promised, Target
from tsbridge.reports.tickets import Ticket, tickets_of
from tsbridge.reports.usual import BEFORE, Seen
from tsbridge.store import reported, rulebooks
from tsbridge.store.reported import Span

SECOND = timedelta(seconds=1)
ALL = 1 << 31
"""More versions than there are."""


def promised(conn: Connection, around: Around, question: Question) -> list[Promised]:
    """Cases whose queue had targets when they were opened, measured by that rulebook."""
    books: dict[int, Rulebook | None] = {0: None}
    starts = [question.start, *rulebooks.published_between(conn, question.start, question.end)]
    versions = [rulebooks.known_at(conn, start) for start in starts]
    found = []
    for case in cases(conn, around, question):
        version = versions[max(place for place, start in enumerate(starts) if start <= case.at)]
        if version not in books:
            books[version] = around.rulebooks.version(conn, version).book
        book = books[version]
        queue = None if book is None or case.queue is None else book.queues.get(case.queue)
        if book is None or queue is None or not queue.targets:
            continue
        targets, calendar = dict(queue.targets), book.calendars.get(queue.calendar, ALWAYS)
        shown = {name: getattr(case, name) for name in ("at", "case_id", "channel", "category", "severity", "queue", "agent", "rules")}
        found.append(
            Promised(
                **shown,
                acknowledge=_target(targets.get("acknowledge"), case, case.acknowledged_at, calendar),
                resolve=_target(targets.get("resolve"), case, case.life.resolved_at, calendar),
            )
        )
    return found


def _target(within: timedelta | None, case: Case, done_at: datetime | None, calendar: Calendar) -> Target | None:
    if within is None:
        return None
    took = None if done_at is None else calendar.open_between(case.at, max(case.at, done_at)) // SECOND
    return Target(within // SECOND, took, calendar.open_between(case.at, case.as_of) // SECOND)


def tickets(conn: Connection, around: Around, question: Question) -> list[Ticket]:
    """The tickets created in the time asked for, as Zendesk counts them."""
    published = sorted((one.published_at, one.version) for one in rulebooks.versions(conn, ALL))
    calendars: dict[tuple[int, str | None], Calendar] = {}
    found = []
    for case in cases_about(conn, around, question):

        def open_at(end: datetime, queue: str | None = case.queue) -> Calendar:
            place = bisect_right(published, (end, ALL))
            version = published[place - 1][1] if place else 0
            if (version, queue) not in calendars:
                book = around.rulebooks.version(conn, version).book if version else None
                named = None if book is None or queue is None else book.queues.get(queue)
                calendars[version, queue] = ALWAYS if book is None or named is None else book.calendars.get(named.calendar, ALWAYS)
            return calendars[version, queue]

        shown = {name: getattr(case, name) for name in ("case_id", "channel", "category", "severity", "queue", "agent", "rules")}
        created = (one for one in tickets_of(case.life, open_at) if question.holds(one[1]))
        found += [Ticket(at=at, **shown, **told) for _, at, told in created]
    return found


def sendings(conn: Connection, around: Around, question: Question) -> list[Sending]:
    span, as_of = span_of(question), question.as_of
    found = []
    for row in reported.wishes(conn, span):
        written = row["confirmed_at"] if row["status"] == "confirmed" and row["confirmed_at"] is not None else None
        known = written is None or written <= as_of
        status, settled = (row["status"], written) if known else ("waiting", None)
        found.append(Sending(at=row["asked_at"], is_wish=True, status=status, settled_at=settled, as_of=as_of, **_about(row)))
    for row in reported.updates(conn, span):
        known = row["settled_at"] is not None and row["settled_at"] <= as_of
        status, settled = (row["outcome"], row["settled_at"]) if known else (None, None)
        found.append(Sending(at=row["at"], is_wish=False, status=status, settled_at=settled, as_of=as_of, **_about(row)))
    return found


def _about(row: reported.Row) -> dict[str, Any]:
    return {name: row[name] for name in ("case_id", "severity", "category", "queue", "agent")}


def seen(conn: Connection, around: Around, question: Question) -> list[Seen]:
    """The cases of the time asked for and of the eight times of the same length before, as they were known then."""
    span = question.end - question.start
    among = reported.opened_in(Span(question.start - BEFORE * span, question.end, question.as_of))
    keys, channels = agent_keys(conn, question.as_of), reported.channels(conn, among) if question.group_by == "channel" else {}
    later = reported.learnt_later(conn, among)
    known = {case.case_id: case for case in cases_among(conn, reported.these(later, question.as_of))} if later else {}
    found = []
    for id_, opened_at, status, severity, category, queue, assignee, agent in reported.standing(conn, among):
        if (then := known.get(id_)) is not None:
            category, severity, queue, has = then.category, then.severity, then.queue, then.agent
            is_open = then.life.resolved_at is None
        else:
            has, is_open = standing_of(keys, assignee, agent), status == "open"
        one = Seen(
            at=opened_at,
            case_id=id_,
            channel=channels.get(id_),
            category=category,
            severity=severity,
            queue=queue,
            agent=has,
            before=opened_at < question.start,
            is_open=is_open,
        )
        found.append(one)
    return found
