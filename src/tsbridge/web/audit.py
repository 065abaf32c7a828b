"""The audit: every decision with its reasons, every change with its author, and the proof that nothing was altered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from tsbridge.acts import audit, case_history
from tsbridge.acts.around import Around
from tsbridge.acts.audit import Changed, Decided, HeadShown, Verdict
from tsbridge.acts.audit_lines import Changes, Decisions
from tsbridge.acts.callers import Caller
from tsbridge.acts.case_history import Happened, Then
from tsbridge.acts.csvtext import CSV, NDJSON
from tsbridge.acts.explained import Explained, explained
from tsbridge.store import proof
from tsbridge.store.change_log import ChangeFilter
from tsbridge.web.accept import choose
from tsbridge.web.explained import Nearby
from tsbridge.web.inputs import Id, NumberQuery, TimeQuery, Word, query_time, version_number, whole_number
from tsbridge.web.pages import Listed, Paged, instant_of, instant_part
from tsbridge.web.problems import invalid, refuses
from tsbridge.web.roles import Supervisor, Viewer
from tsbridge.web.route import ApiRoute, Made
from tsbridge.web.services import Services
from tsbridge.web.streams import while_good

routes = APIRouter(route_class=ApiRoute, prefix="/v1/audit", tags=["audit"])

FORMS: Final = ("application/json", NDJSON, CSV)
IN_FORMS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}, NDJSON: {"schema": {"type": "string"}}, CSV: {"schema": {"type": "string"}}}}
}


@routes.get(
    "/routing",
    response_model=Listed[Decided],
    responses=IN_FORMS,
)
async def list_decisions(
    request: Request,
    response: Response,
    services: Made,
    by: Viewer,
    page: Paged,
    since: Annotated[TimeQuery, Query(alias="from", description="Moments at or after this time.")] = None,
    until: Annotated[TimeQuery, Query(alias="to", description="Moments before this time.")] = None,
    case: Word = None,
    ticket: Word = None,
    call: Word = None,
    person: Word = None,
    rule: Word = None,
    queue: Word = None,
    agent: Word = None,
    tag: Word = None,
    category: Word = None,
    channel: Word = None,
    severity: NumberQuery = None,
    kind: Annotated[Literal["escalation", "routing"] | None, Query(description="Decisions in which a rule of this kind matched.")] = None,
    version: NumberQuery = None,
    changed: Annotated[
        Literal["true", "false"] | None, Query(description="Decisions that changed something, or those that did not.")
    ] = None,
    q: Annotated[Word, Query(description="Words, each of which is in a key, a tag, a name, or a title of a rule.")] = None,
) -> Listed[Decided] | Response:
    """Decisions, newest first. `agent`: a key of the roster, or a Zendesk user's id. As NDJSON or CSV everything that matches is streamed;
    as JSON it comes in pages."""
    begin, end = _span(since, until)
    asked = audit.Asked(
        since=begin,
        until=end,
        case=case,
        ticket=ticket,
        call=call,
        person=person,
        rule=rule,
        queue=queue,
        agent=agent,
        tag=tag,
        category=category,
        channel=channel,
        kind=kind,
        q=q,
        severity=None if severity is None else whole_number("query", "severity", severity, 1, 99),
        version=None if version is None else version_number("query", "version", version),
        changed=None if changed is None else changed == "true",
    )
    before = page.after_number("routing")
    form = choose(request, FORMS)
    if form != FORMS[0]:
        wanted = await services.database.read(lambda conn: audit.filter_of(conn, services.live.titles, asked))
        return _streamed(services, by, Decisions(wanted, before, as_csv=form == CSV), form, "routing")
    rows = await services.database.read(lambda conn: audit.decisions(conn, services.live.titles, asked, page.limit + 1, before))
    response.headers["Vary"] = "Accept"
    return page.of("routing", rows, lambda row: (row.number,))


@routes.get("/routing/{decision_id}")
async def explain_decision(services: Made, by: Viewer, decision_id: Id, near: Nearby) -> Explained:
    """One decision: what it saw, which rules matched and why, what nearly matched, what came of it. That somebody read about a severe case
    is put on record."""
    found = await services.ask(explained, services.live, decision_id, near, services.reader(by))
    await services.looked(by, found.case_id, "decision")
    return found


@routes.get("/cases/{case_id}")
async def list_history(
    services: Made,
    by: Supervisor,
    page: Paged,
    case_id: Id,
    as_of: Annotated[TimeQuery, Query(description="What was known by this time, as it stood then.")] = None,
) -> Listed[Happened]:
    """All that happened to a case, oldest first, with when this desk learnt of it: deliveries, moments, links, decisions, changes, steps of
    policies, who was told, assignments and writes. No words of its tickets and calls, but those that were typed at the desk: that
    somebody read about a severe or restricted case is put on record."""
    last = page.after("history", int, int, str)
    after = None if last is None else (instant_of(last[0]), int(last[1]), str(last[2]))
    found = await services.ask(case_history.history, case_id, page.limit + 1, after, query_time("as_of", as_of))
    await services.looked(by, case_id, "history")

    def key(entry: Happened) -> tuple[int, int, str]:
        at, rank, id_ = case_history.place(entry)
        return instant_part(at), rank, id_

    return page.of("history", found, key)


@routes.get("/as-of", responses=refuses(404))
async def show_then(
    services: Made, by: Supervisor, at: TimeQuery = None, case: Word = None, queue: Word = None, severity: NumberQuery = None
) -> Then:
    """What was known at an instant (without one: now): which rulebook and roster were live, who was on call, and how a case stood, by what
    had come in by then. Without `queue` and `severity` who was on call for those that the case had then."""
    instant = query_time("at", at) or services.clock.now()
    number = None if severity is None else whole_number("query", "severity", severity, 1, 99)
    return await services.ask(case_history.then, Around(services.live, services.roster), instant, case, queue, number)


@routes.get("/changes", response_model=Listed[Changed], responses=IN_FORMS)
async def list_changes(
    request: Request,
    response: Response,
    services: Made,
    by: Supervisor,
    page: Paged,
    since: Annotated[TimeQuery, Query(alias="from", description="Changes at or after this time.")] = None,
    until: Annotated[TimeQuery, Query(alias="to", description="Changes before this time.")] = None,
    actor: Word = None,
    action: Word = None,
    subject: Word = None,
) -> Listed[Changed] | Response:
    """Who changed what, newest first, with what it was before and after. As NDJSON or CSV everything that matches is streamed."""
    asked = ChangeFilter(*_span(since, until), actor, action, subject)
    before = page.after_number("changes")
    form = choose(request, FORMS)
    if form != FORMS[0]:
        return _streamed(services, by, Changes(asked, before, as_csv=form == CSV), form, "changes")
    rows = await services.database.read(lambda conn: audit.changes(conn, asked, page.limit + 1, before))
    response.headers["Vary"] = "Accept"
    return page.of("changes", rows, lambda row: (row.seq,))


@routes.get("/verify")
async def verify_chain(services: Made, by: Supervisor) -> Verdict:
    """Walk the whole chain and name what was edited, removed, inserted or swapped. `unsealed`: decisions that wait for their place, which
    comes within a second."""
    now = services.clock.now()
    verdict: Any = await services.database.read(lambda conn: proof.verify(conn, now=now))
    return verdict  # type: ignore[no-any-return]


@routes.get("/head")
async def chain_head(services: Made, by: Supervisor) -> HeadShown:
    """The newest entry's place and hash. A copy kept elsewhere shows a cut tail or a chain that was written anew; `copied`: where signed
    ones went last."""
    return await services.ask(audit.head)


def _span(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """What `from` and `to` say. Raises 422."""
    begin, end = query_time("from", since), query_time("to", until)
    if begin is not None and end is not None and begin > end:
        raise invalid("query", "to", "Expected a time that is not before `from`.")
    return begin, end


def _streamed(services: Services, by: Caller, lines: Decisions | Changes, form: str, name: str) -> Response:
    """All lines, as of now: a slow reader holds no transaction open, and who lost their key gets no more of them."""

    async def pieces() -> AsyncIterator[bytes]:
        while not lines.over:
            if piece := await services.database.read(lines.piece):
                yield piece

    headers = {"Vary": "Accept"}
    if form == CSV:
        headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return StreamingResponse(
        while_good(services.gate, by, pieces()), media_type="text/csv; charset=utf-8" if form == CSV else NDJSON, headers=headers
    )
