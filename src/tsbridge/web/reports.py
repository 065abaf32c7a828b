"""Reports: figures over a time, in every form, and the cases behind each of them."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from tsbridge.acts import reports as acts
from tsbridge.acts.around import Around
from tsbridge.acts.csvtext import CSV, cell, csv_text
from tsbridge.acts.report_kinds import KINDS, Kind
from tsbridge.reports import pack
from tsbridge.reports.chart import MOST, TooMany, chart
from tsbridge.reports.forms import ReportShown, lines, to_json
from tsbridge.reports.groups import day_of
from tsbridge.reports.groups import week as week_name
from tsbridge.reports.model import Column, Question, Report
from tsbridge.reports.sheet import MEDIA_TYPE as XLSX
from tsbridge.reports.sheet import workbook
from tsbridge.store.availability import unavailable
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.web.accept import choose
from tsbridge.web.admission import aside, asked_for
from tsbridge.web.inputs import Word
from tsbridge.web.pages import Listed, Paged
from tsbridge.web.problems import Problem, invalid
from tsbridge.web.report_questions import Asked, AsOf, known_at, week_of
from tsbridge.web.roles import Viewer
from tsbridge.web.route import ApiRoute, Made
from tsbridge.web.services import Services

log = logging.getLogger("tsbridge.web.reports")

routes = APIRouter(route_class=ApiRoute, prefix="/v1/reports", tags=["reports"])

JSON: Final = "application/json"
SVG: Final = "image/svg+xml"
HTML: Final = "text/html"
_STYLED: Final = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(pack.STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_TEXT: Final = {"schema": {"type": "string"}}
_BYTES: Final = {"schema": {"type": "string", "format": "binary"}}


@dataclass(frozen=True, slots=True)
class ReportKind:
    id: str
    name: str
    title: str
    definition: str
    group_by: str
    groups: Sequence[str]
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True)
class ReportCase:
    id: str
    value: int | None


@routes.get("")
async def list_reports(by: Viewer, page: Paged) -> Listed[ReportKind]:
    """The reports there are, what each counts, and by what each may be grouped."""
    after = page.after_text("reports")
    found = [kind for name, kind in sorted(KINDS.items()) if after is None or name > after]
    return page.of("reports", [_shown(kind) for kind in found[: page.limit + 1]], lambda kind: (kind.name,))


@routes.get("/pack", response_model=None, response_class=Response, responses={200: {"content": {HTML: _TEXT, XLSX: _BYTES}}})
@asked_for()
async def show_pack(
    request: Request,
    services: Made,
    by: Viewer,
    week: Annotated[str | None, Query(max_length=10, description="Like 2026-W47. Without it the last week that is over.")] = None,
    as_of: AsOf = None,
) -> Response:
    """The week on one page that prints, or in one spreadsheet."""
    form = choose(request, (HTML, XLSX))
    known = known_at(services, as_of)
    start, end = week_of(services, week, known)
    found = await _reports(services, acts.pack_of(start, end, known, services.zone))
    title = f"Week {week_name(day_of(start, services.zone))}"
    with_charts = [(one, acts.charted(one)) for one in found]
    headers = {"Vary": "Accept"}
    if form == XLSX:
        made = await aside(workbook, with_charts, title)
        return Response(made, media_type=XLSX, headers=headers | _named(title.lower().replace(" ", "-")))
    drawn = await aside(pack.page, with_charts, title, (services.public_url or "").rstrip("/"))
    return Response(drawn, media_type=f"{HTML}; charset=utf-8", headers=headers | {"Content-Security-Policy": _STYLED})


@routes.get("/{name}", response_model=ReportShown, responses={200: {"content": {CSV: _TEXT, XLSX: _BYTES}}})
@asked_for()
async def show_report(request: Request, services: Made, by: Viewer, asked: Asked) -> Response:
    """The figures of a report. The same `as_of` gives the same bytes. Where Zendesk has no figures of that name the sense is `true`, and
    the answer says so."""
    form = choose(request, (JSON, CSV, XLSX))
    found = await _report(services, asked.question(services))
    headers = {"Vary": "Accept"}
    if form == XLSX:
        made = await aside(workbook, [(found, acts.charted(found))], found.title)
        return Response(made, media_type=XLSX, headers=headers | _named(found.question.name))
    if form == CSV:
        return Response(await aside(_csv, found), media_type=CSV, headers=headers)
    return await aside(lambda: JSONResponse(to_json(found), headers=headers))


@routes.get("/{name}/chart", response_model=None, response_class=Response, responses={200: {"content": {SVG: _TEXT}}})
@asked_for()
async def show_chart(
    services: Made,
    by: Viewer,
    asked: Asked,
    column: Annotated[str | None, Query(max_length=40, description="Of one column alone.")] = None,
) -> Response:
    """A report's chart, with the table of its figures beside it."""
    found = await _report(services, asked.question(services))
    try:
        drawn = await aside(chart, found, acts.charted(found, column))
    except TooMany:
        raise invalid("query", "group_by", f"Expected a grouping, or a time, of {MOST} groups at most.") from None
    except acts.NoReport:
        raise _no_column() from None
    return Response(drawn, media_type=SVG)


@routes.get("/{name}/cases")
@asked_for()
async def list_report_cases(
    services: Made, by: Viewer, asked: Asked, page: Paged, group: Word = None, column: Word = None
) -> Listed[ReportCase]:
    """The cases behind a report's group (without one: behind its totals), or behind one figure of it, by id. `value`: what each adds to
    the figure, in seconds where it is a time."""
    question = asked.question(services)
    after = page.after_text("report_cases")
    try:
        found = await services.database.read(lambda conn: acts.opens(conn, _around(services), question, group, column))
    except acts.NoReport:
        raise _no_column() from None
    rows = [one for one in found if after is None or one.case_id > after]
    return page.of("report_cases", [ReportCase(*one) for one in rows[: page.limit + 1]], lambda one: (one.id,))


def _shown(kind: Kind) -> ReportKind:
    columns = [measure.column for measure in kind.measures()]
    return ReportKind(kind.name, kind.name, kind.title, kind.definition, kind.group_by, kind.groups, columns)


def _around(services: Services) -> Around:
    return Around(services.live, services.roster)


def _csv(found: Report) -> bytes:
    return csv_text([cell(one) for one in line] for line in lines(found))


def _no_column() -> Problem:
    return invalid("query", "column", "Expected the key of one of the report's columns.")


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}


async def _report(services: Services, asked: Question) -> Report:
    return (await _reports(services, [asked]))[0]


async def _reports(services: Services, asked: Sequence[Question]) -> list[Report]:
    """The answers that were given to these questions, or new ones, which are kept: they are given again whatever is learnt and edited
    later."""
    given = await services.database.read(lambda conn: [acts.given(conn, one) for one in asked])
    known = [one for one in given if one is not None]
    if len(known) == len(asked):
        return known

    made = await _made(services, [one for one, old in zip(asked, given, strict=True) if old is None])
    try:
        fresh = iter(await services.database.write(lambda conn: [acts.give(conn, one) for one in made]))
    except DATABASE_FAILURES as failure:
        if not unavailable(failure):
            raise
        log.warning("the answer of a report could not be kept")
        fresh = iter(made)
    return [next(fresh) if old is None else old for old in given]


async def _made(services: Services, asked: Sequence[Question]) -> Sequence[Report]:
    """New answers: here, or where they hold up nobody when there is much to read."""
    elsewhere = services.reports_apart
    if elsewhere is not None and (len(asked) > 1 or await services.database.read(lambda conn: acts.is_over_much(conn, asked))):
        return await aside(elsewhere, asked)

    def make(conn: Connection) -> list[Report]:
        here = _around(services)
        return [acts.report(conn, here, one) for one in asked]

    return await services.database.read(make)
