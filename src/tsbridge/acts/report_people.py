"""People, their shifts and their cover as reports count them: by the roster as it was known at the time."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from tsbridge.acts.around import Around
from tsbridge.acts.report_cases import agent_keys, cases_about, span_of
from tsbridge.core.at_work import Present
from tsbridge.core.burden import Burden, of_time
from tsbridge.core.coverage import holes
from tsbridge.core.duties_as_known import Spell
from tsbridge.core.spans import Span as Time
from tsbridge.core.spans import merged
from tsbridge.reports.cases import Case
from tsbridge.reports.groups import DAY, day_of, start_of
from tsbridge.reports.holes import Hole
from tsbridge.reports.life import ACKNOWLEDGED, REPLIED, SOLVED
from tsbridge.reports.life import ANSWERED as CALL_ANSWERED
from tsbridge.reports.model import Days, Question
from tsbridge.reports.people import ANSWERED, GIVEN, TAKEN, TALKED, Act, Load
from tsbridge.reports.people import SOLVED as DONE
from tsbridge.roster.check import queues_of
from tsbridge.roster.document import SEVERITIES
from tsbridge.store import reported

_ACTS = {ACKNOWLEDGED: TAKEN, REPLIED: ANSWERED, CALL_ANSWERED: TALKED, SOLVED: DONE}


def days(conn: Connection, around: Around, question: Question) -> Days:
    """What shifts and holidays there were, where that is asked for."""
    if question.group_by == "shift":
        return Days(shift=_shifts(spells(conn, around, question)))
    if question.group_by == "holiday":
        return Days(holiday=_holidays(conn, around, question.as_of))
    return Days()


def spells(conn: Connection, around: Around, question: Question) -> list[Spell]:
    """What was known of the roster over the time asked for, up to `as_of`."""
    end = min(question.end, question.as_of)
    if question.start >= end:
        return []
    return around.once(("spells", question.start, end), lambda: around.roster.over(conn, question.start, end, question.as_of))


def _shifts(known: Sequence[Spell]) -> Callable[[datetime], str | None]:
    starts = [start for start, _, _ in known]

    def shift(at: datetime) -> str | None:
        place = bisect_right(starts, at) - 1
        rota = known[place][2] if place >= 0 else None
        if rota is None:
            return None
        named = {one.key for one in rota.roster.shifts}
        return "+".join(sorted({one.shift for one in rota.at_work(at) if one.shift in named and not one.shadow})) or None

    return shift


def _holidays(conn: Connection, around: Around, as_of: datetime) -> Callable[[datetime, str | None], str | None]:
    """By the calendar of the queue, where it knows holidays; else by the first calendar of the rulebook that does."""
    book = around.book_at(conn, as_of)
    if book is None:
        return lambda at, queue: None
    calendars = {name: calendar for name, calendar in sorted(book.calendars.items()) if not calendar.always}
    first = next((one for one in calendars.values() if one.country or one.dates or one.yearly), None)

    def holiday(at: datetime, queue: str | None) -> str | None:
        calendar = first if queue is None or queue not in book.queues else calendars.get(book.queues[queue].calendar, first)
        day = None if calendar is None else calendar.day(at.astimezone(calendar.zone).date())
        return (" / ".join(day.names) or "closed") if day is not None and day.holiday else None

    return holiday


# What people did


def acts(conn: Connection, around: Around, question: Question) -> list[Act]:
    return around.once(("acts", *span_of(question)), lambda: _acts(conn, around, question))


def _acts(conn: Connection, around: Around, question: Question) -> list[Act]:
    span = span_of(question)
    keys = agent_keys(conn, question.as_of)
    emails = _emails(conn, around, question)
    whole = {case.case_id: case for case in cases_about(conn, around, question) if case.case_id is not None}
    found = []
    for case in whole.values():
        for event in case.life.events:
            if event.what in _ACTS and event.what_of not in ("ticket.merged", "ticket.deleted") and question.holds(event.at):
                by = event.by
                if event.what == CALL_ANSWERED:
                    email = case.life.tracks[event.of].facts.get("call.agent_email")
                    by = emails.get(str(email).lower()) if email else None
                found.append(_act(case, event.at, _ACTS[event.what], None if by is None else keys.get(by, by)))
    given = (row for row in reported.given(conn, span) if row["case_id"] in whole)
    found += [_act(whole[row["case_id"]], row["at"], GIVEN, row["agent"]) for row in given]
    return sorted(found, key=lambda act: (act.at, act.case_id or "", act.what))


def _act(case: Case, at: datetime, what: str, agent: str | None) -> Act:
    return Act(at=at, what=what, is_open=case.life.resolved_at is None, **{**case.about(), "agent": agent})


def _emails(conn: Connection, around: Around, question: Question) -> dict[str, str]:
    rota = around.roster.then(conn, question.as_of)
    return {} if rota is None else {agent.email.lower(): agent.key for agent in rota.roster.agents if agent.email}


def exposures(conn: Connection, around: Around, question: Question) -> list[Act]:
    """Acts in cases of the categories that the roster's limits name, each with the shifts in which it lies."""
    rota = around.roster.then(conn, question.as_of)
    categories = {name for limit in (() if rota is None else rota.roster.limits) for name in limit.categories}
    shifts: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    last: dict[tuple[str, str], tuple[datetime, str]] = {}
    for start, end, one in _worked(spells(conn, around, question)):
        cut_at, name = last.get((one.agent, one.shift), (None, ""))
        if cut_at != start or one.start == start:  # else the one before goes on: something was learnt in the middle of it
            name = f"{one.shift} {start:%Y-%m-%dT%H:%MZ}"
        last[one.agent, one.shift] = end, name
        shifts[one.agent].append((start, end, name))

    def during(act: Act) -> tuple[str, ...]:
        return tuple(name for start, end, name in shifts.get(act.agent or "", ()) if start <= act.at < end)

    return [replace(act, shifts=during(act)) for act in acts(conn, around, question) if act.category in categories]


# What people carried


def loads(conn: Connection, around: Around, question: Question) -> list[Load]:
    """Time at work by the local day it begins on, pages, and distressing cases; of everybody of the roster, even who carried nothing."""
    rota, book = around.roster.then(conn, question.as_of), around.book_at(conn, question.as_of)
    calendars = () if book is None else tuple(book.calendars.values())

    def is_holiday(day: date) -> bool:
        return any(calendar.is_holiday(day) for calendar in calendars)

    agents = {} if rota is None else {agent.key: agent for agent in rota.roster.agents}
    found = [Load(at=question.start, case_id=None, agent=key) for key in agents]
    until = min(question.end, question.as_of)
    times: dict[str, list[Time]] = defaultdict(list)
    zones = {key: agent.zone for key, agent in agents.items()}
    known = spells(conn, around, question)
    for start, end, one in _worked(known):
        times[one.agent].append((start, end))
    for _, _, then in known:
        zones |= {} if then is None else {agent.key: agent.zone for agent in then.roster.agents if agent.key not in zones}
    for agent, spans in sorted(times.items()):
        for start, end in (piece for span in merged(spans) for piece in _by_day(span, question)):
            burden = of_time([(start, end)], zones[agent], is_holiday)
            found.append(Load(at=start, case_id=None, agent=agent, burden=burden, goes_on=end == until < question.end))
    span = span_of(question)
    for row in reported.pages(conn, span):
        page = Load(at=row["sent_at"], case_id=row["case_id"] or None, agent=row["agent"], message=row["message"], **_about(row))
        found.append(page)
    categories = {name for limit in (() if rota is None else rota.roster.limits) for name in limit.categories}
    given = (row for row in reported.given(conn, span) if row["category"] in categories)
    distressing = Burden(distressing=1)
    found += [Load(at=row["at"], case_id=row["case_id"], agent=row["agent"], burden=distressing, **_about(row)) for row in given]
    return found


def _about(row: reported.Row) -> dict[str, Any]:
    return {name: row[name] for name in ("severity", "category", "queue")}


def _worked(known: Sequence[Spell]) -> Iterator[tuple[datetime, datetime, Present]]:
    """Pieces of shifts that people worked, with their start and end; what was learnt in the middle of one cuts it."""
    for start, end, rota in known:
        for one in () if rota is None else rota.worked(start, end):
            yield max(one.start, start), min(one.end, end), one


def _by_day(span: Time, question: Question) -> Iterator[Time]:
    """A span cut where a day begins in the team's zone."""
    start, end = span
    while start < end:
        cut = min(end, start_of(day_of(start, question.zone) + DAY, question.zone))
        yield start, cut
        start = cut


# Cover


def uncovered(conn: Connection, around: Around, question: Question) -> list[Hole]:
    book = around.book_at(conn, question.as_of)
    until = min(question.end, question.as_of)
    pieces: dict[tuple[str, int | None], list[Time]] = defaultdict(list)
    for start, end, rota in spells(conn, around, question):
        if rota is None:
            for queue in () if book is None else sorted(book.queues):
                pieces[queue, None].append((start, end))
            continue
        for one in holes(rota, queues_of(rota.roster, None if book is None else book.document), SEVERITIES, start, end):
            pieces[one.queue, one.severity].append((one.start, one.end))
    found = [
        Hole(at=start, case_id=None, queue=queue, severity=severity, end=end, goes_on=end == until < question.end)
        for (queue, severity), spans in pieces.items()
        for start, end in merged(spans)
    ]
    alone = reported.told_nobody(conn, span_of(question))
    found += [Hole(at=row["made_at"], case_id=row["case_id"], **_about(row)) for row in alone]
    return sorted(found, key=lambda one: (one.at, one.queue or "", one.severity or 0, one.case_id or ""))
