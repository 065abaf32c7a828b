"""Reports: figures over a time with their chart, their definition, and the cases behind each of them; the week as one pack."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import cases
from tsbridge.acts import reports as acts
from tsbridge.acts.around import Around
from tsbridge.acts.cases import Case
from tsbridge.acts.csvtext import cell, csv_text
from tsbridge.acts.report_kinds import KINDS, Kind
from tsbridge.console.forms import FORMS
from tsbridge.console.frame import HEADERS, NoPage, Visit
from tsbridge.console.render import address
from tsbridge.core.rules.facts import YEARS
from tsbridge.core.times import read_time
from tsbridge.reports import pack
from tsbridge.reports.chart import TooMany, chart
from tsbridge.reports.forms import lines, to_json
from tsbridge.reports.groups import DAY, day_of, monday_of, start_of, week
from tsbridge.reports.model import Column, Question, Report
from tsbridge.reports.sheet import workbook
from tsbridge.reports.words import shown

USUAL: Final = 7
LONGEST: Final = 400
A_PAGE: Final = 100
ROWS: Final = 120
"""Groups on a page; all of them are in the tables."""
_STYLE: Final = base64.b64encode(hashlib.sha256(pack.STYLE.encode()).digest()).decode()
_PACK: Final = {
    **HEADERS,
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE}'; frame-ancestors 'none'; base-uri 'none'",
}


async def index(visit: Visit) -> Response:
    """Which there are, and what each counts."""
    return visit.show("reports.html", here="reports", kinds=sorted(KINDS.values(), key=lambda kind: kind.title), weeks=_weeks(visit))


async def page(visit: Visit) -> Response:
    """One report: chart, table, and what its figures mean."""
    question, kind = _question(visit)
    async with visit.turn():
        found = (await _answers(visit, [question]))[0]
    told = _told(visit, question)
    name = question.name
    return visit.show(
        "report.html",
        here="reports",
        kind=kind,
        report=found,
        rows=[*found.rows[:ROWS], found.totals],
        left_out=max(0, len(found.rows) - ROWS),
        shown=shown,
        opens=lambda group, column: address(f"reports/{name}/cases", **told, group=group, column=column),
        told=told,
        chart=address(f"reports/{name}/chart", **told) if found.rows else None,
        forms=[(form, address(f"reports/{name}.{form}", **told)) for form in FORMS],
        first=day_of(question.start, question.zone),
        last=day_of(question.end, question.zone) - DAY,
    )


async def formed(visit: Visit, form: str) -> Response:
    """The same answer as JSON, CSV or a spreadsheet: those of the API."""
    question, _ = _question(visit)
    async with visit.turn():
        found = (await _answers(visit, [question]))[0]
        if form == "json":
            return Response(_json(found), headers=HEADERS, media_type=FORMS[form])
        body = _csv(found) if form == "csv" else await visit.console.aside(workbook, [(found, acts.charted(found))], found.title)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{question.name}.{form}"'}
    return Response(body, headers=headers, media_type=FORMS[form])


async def drawn(visit: Visit) -> Response:
    """The chart as an image."""
    question, _ = _question(visit)
    async with visit.turn():
        found = (await _answers(visit, [question]))[0]
        try:
            body = await visit.console.aside(chart, found, acts.charted(found), beside=False)
        except TooMany:
            raise NoPage(422, "There are too many groups for one chart.") from None
    return Response(body, headers=HEADERS, media_type="image/svg+xml")


async def behind(visit: Visit) -> Response:
    """The cases behind a figure."""
    question, kind = _question(visit)
    group, column, after = visit.word("group"), visit.word("column"), visit.word("after") or ""
    around = Around(visit.console.live, visit.console.roster)

    def read(conn: Connection) -> tuple[int, list[tuple[Case, Any]], str | None]:
        try:
            found = sorted(acts.opens(conn, around, question, group, column), key=lambda one: one.case_id)
        except acts.NoReport:
            raise NoPage(404, "There is no such column.") from None
        rest = [one for one in found if one.case_id > after]
        here = [(cases.show(conn, one.case_id), one.value) for one in rest[:A_PAGE]]
        return len(found), here, rest[A_PAGE - 1].case_id if len(rest) > A_PAGE else None

    async with visit.turn():
        count, here, last = await visit.console.database.read(read)
    told = _told(visit, question)
    title = next((one.column.title for one in kind.counting(question.sense).measures() if one.column.key == column), None)
    return visit.show(
        "behind.html",
        here="reports",
        kind=kind,
        cases=here,
        count=count,
        group=group,
        title=title,
        back=address(f"reports/{question.name}", **told),
        more=None if last is None else address(f"reports/{question.name}/cases", **told, group=group, column=column, after=last),
    )


async def weekly(visit: Visit) -> Response:
    """The week on one page that prints, or with `form=xlsx` in one spreadsheet."""
    zone = visit.console.zone
    today = day_of(visit.now, zone)
    text = visit.word("week")
    try:
        monday = today - (today.weekday() + 7) * DAY if text is None else monday_of(text)
    except ValueError as bad:
        raise NoPage(422, str(bad)) from None
    start, end = start_of(monday, zone), start_of(monday + 7 * DAY, zone)
    title = f"Week {week(monday)}"
    async with visit.turn():
        found = await _answers(visit, acts.pack_of(start, end, visit.now, zone))
        charted: list[tuple[Report, list[Column]]] = [(one, acts.charted(one)) for one in found]
        if visit.word("form") == "xlsx":
            body = await visit.console.aside(workbook, charted, title)
            named = {"Content-Disposition": f'attachment; filename="{title.lower().replace(" ", "-")}.xlsx"'}
            return Response(body, headers={**HEADERS, **named}, media_type=FORMS["xlsx"])
        made: str = await visit.console.aside(pack.page, charted, title)
    # its figures lead to the API, which asks for a key; here they lead to the pages of the same cases
    return Response(made.replace('href="/v1/reports/', 'href="/console/reports/'), headers=_PACK, media_type="text/html; charset=utf-8")


async def _answers(visit: Visit, asked: Sequence[Question]) -> list[Report]:
    """The answers that were given to these questions, or new ones, which are given from now on."""
    console = visit.console
    given = await console.database.read(lambda conn: [acts.given(conn, one) for one in asked])
    new = [one for one, old in zip(asked, given, strict=True) if old is None]
    if not new:
        return [one for one in given if one is not None]
    made = await _made(visit, new)
    fresh = iter(await console.database.write(lambda conn: [acts.give(conn, one) for one in made]))
    return [next(fresh) if old is None else old for old in given]


async def _made(visit: Visit, asked: Sequence[Question]) -> Sequence[Report]:
    """Here, or where it holds up nobody when there is much to read."""
    console = visit.console
    elsewhere = console.reports_apart
    if elsewhere is not None and (len(asked) > 1 or await console.database.read(lambda conn: acts.is_over_much(conn, asked))):
        found: Sequence[Report] = await console.aside(elsewhere, asked)
        return found
    around = Around(console.live, console.roster)
    return await console.database.read(lambda conn: [acts.report(conn, around, one) for one in asked])


def _question(visit: Visit) -> tuple[Question, Kind]:
    kind = KINDS.get(str(visit.request.path_params["name"]))
    if kind is None:
        raise NoPage(404, "There is no such report.")
    zone = visit.console.zone
    as_of = _known(visit)
    last = _day(visit, "to") or day_of(as_of, zone)
    first = _day(visit, "from") or last - (USUAL - 1) * DAY
    if not first <= last < first + LONGEST * DAY:
        raise NoPage(422, f"Expected a last day that is not before the first, within {LONGEST} days.")
    by = visit.word("group_by") or kind.group_by
    if by not in kind.groups:
        raise NoPage(422, f"Expected one of {' '.join(kind.groups)} for group_by.")
    zendesk = visit.word("sense") == "zendesk" and kind.zendesk is not None
    return Question(kind.name, start_of(first, zone), start_of(last + DAY, zone), by, as_of, zone, "zendesk" if zendesk else "true"), kind


def _told(visit: Visit, question: Question) -> dict[str, Any]:
    """The question as an address has it: with the instant as of which it was answered, so that it shows the same again."""
    first, last = day_of(question.start, question.zone), day_of(question.end, question.zone) - DAY
    as_of = question.as_of.astimezone(UTC).isoformat()
    return {"from": first, "to": last, "group_by": question.group_by, "sense": question.sense, "as_of": as_of}


def _known(visit: Visit) -> datetime:
    text = visit.word("as_of", 40)
    try:
        at = visit.now if text is None else read_time(text)
    except ValueError:
        raise NoPage(422, "Expected a time with its zone for as_of.") from None
    if at > visit.now:
        raise NoPage(422, "Expected a time that is not to come for as_of.")
    return at


def _day(visit: Visit, name: str) -> date | None:
    """A day, also of a time as the API's addresses have them: `to` is then the day before."""
    text = visit.word(name, 40)
    if text is None:
        return None
    try:
        if len(text) <= 10:
            day = date.fromisoformat(text)
        else:
            day = day_of(datetime.fromisoformat(text), visit.console.zone) - (DAY if name == "to" else 0 * DAY)
    except (ValueError, OverflowError, TypeError):
        raise NoPage(422, f"Expected a day like 2026-11-23 for {name}.") from None
    if day.year not in YEARS[1:-1]:
        raise NoPage(422, f"Expected a day of the years {YEARS[1]} to {YEARS[-2]}.")
    return day


def _weeks(visit: Visit) -> list[str]:
    """The last ones that are over."""
    today = day_of(visit.now, visit.console.zone)
    return [week(today - (today.weekday() + 7 * number) * DAY) for number in range(1, 7)]


def _json(report: Report) -> bytes:
    return json.dumps(to_json(report), ensure_ascii=False).encode()


def _csv(report: Report) -> bytes:
    return csv_text([cell(one) for one in line] for line in lines(report))
