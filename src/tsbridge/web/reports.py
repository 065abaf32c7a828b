"""Reports: figures over a time, in every form, and the cases behind each of them."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from tsbridge.acts import reports as acts
from tsbridge.acts.around import Around
from tsbridge.acts.csvtext import CSV, cell, csv_text
from tsbridge.acts.report_kinds import KINDS, Kind
from tsbridge.core.rules.facts import YEARS
from tsbridge.core.times import read_date
from tsbridge.reports import groups, pack
from tsbridge.reports.chart import MOST, TooMany, chart
from tsbridge.reports.forms import lines, to_json
from tsbridge.reports.groups import DAY, day_of, start_of
from tsbridge.reports.model import GROUPS, Question, Report, Sense
from tsbridge.reports.sheet import MEDIA_TYPE as XLSX
from tsbridge.reports.sheet import workbook
from tsbridge.store.db import unavailable
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.web.accept import choose
from tsbridge.web.asked import aside, asked_for
from tsbridge.web.auth import Viewer
from tsbridge.web.desk import Desk, Made
from tsbridge.web.inputs import TimeQuery, Word, query_time
from tsbridge.web.pages import Paged
from tsbridge.web.problems import invalid, not_found
from tsbridge.web.route import DeskRoute

log = logging.getLogger("tsbridge.web.reports")

routes = APIRouter(route_class=DeskRoute, prefix="/v1/reports", tags=["reports"])

JSON: Final = "application/json"
SVG: Final = "image/svg+xml"
HTML: Final = "text/html"
_WEEK: Final = re.compile(r"\d{4}-W\d{2}", re.ASCII)
_STYLED: Final = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(pack.STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_TEXT: Final = {"schema": {"type": "string"}}
_BYTES: Final = {"schema": {"type": "string", "format": "binary"}}
USUAL: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=400)
_WHEN: Final = "A date, which begins in the team's zone, or a time. "

Name = Annotated[str, Path(max_length=40, pattern=r"^[a-z]+$")]
From = Annotated[str | None, Query(alias="from", max_length=40, description=_WHEN + "Without it the seventh day before `to`.")]
To = Annotated[str | None, Query(alias="to", max_length=40, description=_WHEN + "Not included. Without it the end of today.")]
By = Annotated[str | None, Query(max_length=20, description=f"One of {' '.join(GROUPS)}.")]
AsOf = Annotated[TimeQuery, Query(description="As it was known then. Without it: now.")]
In = Annotated[Sense, Query(description="Of durations: `true` counts what is open, too; `zendesk` as Zendesk's own figures of that name.")]


@routes.get("")
async def list_reports(by: Viewer, page: Paged) -> dict[str, Any]:
    """The reports there are, what each counts, and by what each may be grouped."""
    after = page.after_text("reports")
    found = [kind for name, kind in sorted(KINDS.items()) if after is None or name > after]
    return page.answer("reports", found[: page.limit + 1], lambda kind: (kind.name,), _kind_item)


@routes.get("/pack", response_model=None, response_class=Response, responses={200: {"content": {HTML: _TEXT, XLSX: _BYTES}}})
@asked_for()
async def show_pack(
    request: Request,
    desk: Made,
    by: Viewer,
    week: Annotated[str | None, Query(max_length=10, description="Like 2026-W47. Without it the last week that is over.")] = None,
    as_of: AsOf = None,
) -> Response:
    """The week on one page that prints, or in one spreadsheet."""
    form = choose(request, (HTML, XLSX))
    known = _known_at(desk, as_of)
    start, end = _week(desk, week, known)
    found = await _reports(desk, acts.pack_of(start, end, known, desk.zone))
    title = f"Week {groups.week(day_of(start, desk.zone))}"
    with_charts = [(one, acts.charted(one)) for one in found]
    headers = {"Vary": "Accept"}
    if form == XLSX:
        made = await aside(workbook, with_charts, title)
        return Response(made, media_type=XLSX, headers=headers | _named(title.lower().replace(" ", "-")))
    drawn = await aside(pack.page, with_charts, title, (desk.public_url or "").rstrip("/"))
    return Response(drawn, media_type=f"{HTML}; charset=utf-8", headers=headers | {"Content-Security-Policy": _STYLED})


@routes.get("/{name}", response_model=None, responses={200: {"content": {JSON: {}, CSV: _TEXT, XLSX: _BYTES}}})
@asked_for()
async def show_report(
    request: Request,
    desk: Made,
    by: Viewer,
    name: Name,
    since: From = None,
    until: To = None,
    group_by: By = None,
    as_of: AsOf = None,
    sense: In = "true",
) -> Response:
    """The figures of a report. The same `as_of` gives the same bytes. Where Zendesk has no figures of that name the sense is `true`, and
    the answer says so."""
    form = choose(request, (JSON, CSV, XLSX))
    found = await _report(desk, question(desk, name, since, until, group_by, as_of, sense))
    headers = {"Vary": "Accept"}
    if form == XLSX:
        made = await aside(workbook, [(found, acts.charted(found))], found.title)
        return Response(made, media_type=XLSX, headers=headers | _named(name))
    if form == CSV:
        return Response(csv_text([cell(one) for one in line] for line in lines(found)), media_type=CSV, headers=headers)
    return JSONResponse(to_json(found), headers=headers)


@routes.get("/{name}/chart", response_model=None, response_class=Response, responses={200: {"content": {SVG: _TEXT}}})
@asked_for()
async def show_chart(
    desk: Made,
    by: Viewer,
    name: Name,
    since: From = None,
    until: To = None,
    group_by: By = None,
    as_of: AsOf = None,
    sense: In = "true",
    column: Annotated[str | None, Query(max_length=40, description="Of one column alone.")] = None,
) -> Response:
    """A report's chart, with the table of its figures beside it."""
    found = await _report(desk, question(desk, name, since, until, group_by, as_of, sense))
    try:
        drawn = chart(found, acts.charted(found, column))
    except TooMany:
        raise invalid("query", "group_by", f"Expected a grouping, or a time, of {MOST} groups at most.") from None
    except acts.NoReport:
        raise invalid("query", "column", "Expected the key of one of the report's columns.") from None
    return Response(drawn, media_type=SVG)


@routes.get("/{name}/cases")
@asked_for()
async def list_report_cases(
    desk: Made,
    by: Viewer,
    page: Paged,
    name: Name,
    since: From = None,
    until: To = None,
    group_by: By = None,
    as_of: AsOf = None,
    sense: In = "true",
    group: Word = None,
    column: Word = None,
) -> dict[str, Any]:
    """The cases behind a report's group (without one: behind its totals), or behind one figure of it, by id. `value`: what each adds to
    the figure, in seconds where it is a time."""
    asked = question(desk, name, since, until, group_by, as_of, sense)
    after = page.after_text("report_cases")
    try:
        found = await desk.database.read(lambda conn: acts.opens(conn, around(desk), asked, group, column))
    except acts.NoReport:
        raise invalid("query", "column", "Expected the key of one of the report's columns.") from None
    rows = [one for one in found if after is None or one.case_id > after]
    return page.answer("report_cases", rows, lambda one: (one.case_id,), lambda one: {"id": one.case_id, "value": one.value})


def _kind_item(kind: Kind) -> dict[str, Any]:
    told = {name: getattr(kind, name) for name in ("name", "title", "definition", "group_by")}
    columns = [measure.column.to_json() for measure in kind.measures()]
    return {"id": kind.name, **told, "groups": list(kind.groups), "columns": columns}


def around(desk: Desk) -> Around:
    return Around(desk.live, desk.roster)


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}


async def _report(desk: Desk, asked: Question) -> Report:
    return (await _reports(desk, [asked]))[0]


async def _reports(desk: Desk, asked: Sequence[Question]) -> list[Report]:
    """The answers that were given to these questions, or new ones, which are kept: they are given again whatever is learnt and edited
    later."""
    given = await desk.database.read(lambda conn: [acts.given(conn, one) for one in asked])
    known = [one for one in given if one is not None]
    if len(known) == len(asked):
        return known

    made = await _made(desk, [one for one, old in zip(asked, given, strict=True) if old is None])
    try:
        fresh = iter(await desk.database.write(lambda conn: [acts.give(conn, one) for one in made]))
    except DATABASE_FAILURES as failure:
        if not unavailable(failure):
            raise
        log.warning("the answer of a report could not be kept")
        fresh = iter(made)
    return [next(fresh) if old is None else old for old in given]


async def _made(desk: Desk, asked: Sequence[Question]) -> Sequence[Report]:
    """New answers: here, or where they hold up nobody when there is much to read."""
    elsewhere = desk.reports_apart
    if elsewhere is not None and (len(asked) > 1 or await desk.database.read(lambda conn: acts.is_over_much(conn, asked))):
        return await aside(elsewhere, asked)

    def make(conn: Connection) -> list[Report]:
        here = around(desk)
        return [acts.report(conn, here, one) for one in asked]

    return await desk.database.read(make)


def question(
    desk: Desk, name: str, since: str | None, until: str | None, group_by: str | None, as_of: str | None, sense: Sense
) -> Question:
    """What is asked, as the act takes it. Raises 404 for no such report, 422 for what makes no sense."""
    kind = KINDS.get(name)
    if kind is None:
        raise not_found("report")
    by = group_by or kind.group_by
    if by not in kind.groups:
        raise invalid("query", "group_by", f"Expected one of {' '.join(kind.groups)}.")
    known = _known_at(desk, as_of)
    end = start_of(day_of(known, desk.zone) + DAY, desk.zone) if until is None else _when(desk, "to", until)
    start = (
        start_of(day_of(end - timedelta(microseconds=1), desk.zone) - USUAL + DAY, desk.zone)
        if since is None
        else _when(desk, "from", since)
    )
    if not start < end <= start + LONGEST:
        raise invalid("query", "to", f"Expected a time behind `from`, within {LONGEST.days} days.")
    return Question(name, start, end, by, known, desk.zone, sense if kind.zendesk is not None else "true")


def _known_at(desk: Desk, as_of: str | None) -> datetime:
    now = desk.clock.now()
    known = query_time("as_of", as_of) or now
    if known > now:
        raise invalid("query", "as_of", "Expected a time that is not to come.", code="time")
    return known


def _week(desk: Desk, text: str | None, known: datetime) -> tuple[datetime, datetime]:
    """A week from Monday to Monday in the team's zone; the last one that was over without one."""
    today = day_of(known, desk.zone)
    monday = today - (today.weekday() + 7) * DAY
    if text is not None:
        try:
            monday = date.fromisocalendar(int(text[:4]), int(text[6:]), 1) if _WEEK.fullmatch(text) else date.min
        except ValueError:
            monday = date.min
        if monday.year not in YEARS:
            raise invalid("query", "week", "Expected a week like 2026-W47.", code="week")
    return start_of(monday, desk.zone), start_of(monday + 7 * DAY, desk.zone)


def _when(desk: Desk, name: str, text: str) -> datetime:
    if len(text) > len("2026-12-24"):
        found = query_time(name, text)
        if found is not None:
            return found
    try:
        return start_of(read_date(text), desk.zone)
    except ValueError:
        raise invalid("query", name, "Expected a date like 2026-12-24, or an RFC 3339 time with its zone.", code="time") from None
