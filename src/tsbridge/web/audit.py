"""The audit: every decision with its reasons, every change with its author, and the proof that nothing was altered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy import Connection

from tsbridge.acts.csvtext import CSV, NDJSON, cell, csv_text, ndjson
from tsbridge.store import agents, chain, proof, routing
from tsbridge.web.accept import choose
from tsbridge.web.auth import Supervisor, Viewer
from tsbridge.web.cases import person_handles
from tsbridge.web.desk import Desk, Made
from tsbridge.web.explained import Nearby, explained
from tsbridge.web.inputs import Id, NumberQuery, TimeQuery, Word, query_time, version_number, whole_number
from tsbridge.web.pages import Paged
from tsbridge.web.problems import invalid, not_found
from tsbridge.web.route import DeskRoute
from tsbridge.web.shapes import change_item, decision_item

routes = APIRouter(route_class=DeskRoute, prefix="/v1/audit", tags=["audit"])

BATCH: Final = 500

COLUMNS: Final = (
    *("id", "number", "seq", "sealed", "at", "recorded_at", "event", "event_id", "case_id", "source", "interaction", "channel"),
    *("rulebook_version", "rulebook_hash", "mode", "rules", "severity", "category", "queue", "assignee", "priority"),
    *("tags_added", "tags_removed", "escalations", "writeback_id", "writeback_status", "confirmed_at"),
    *("revises", "superseded_by", "retracted", "previous_hash", "hash"),
)
"""Ids, names of rules, tags and queues: no text, no address, no number of a person."""


@routes.get(
    "/routing",
    response_model=None,
    responses={200: {"content": {"application/json": {}, NDJSON: {"schema": {"type": "string"}}, CSV: {"schema": {"type": "string"}}}}},
)
async def list_decisions(
    request: Request,
    desk: Made,
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
) -> Response:
    """Decisions, newest first. `agent`: a key of the roster, or a Zendesk user's id. As NDJSON or CSV everything that matches is streamed;
    as JSON it comes in pages."""
    named = () if agent is None else await desk.database.read(lambda conn: agents.meant(conn, agent))
    wanted = routing.RoutingFilter(
        since=query_time("from", since),
        until=query_time("to", until),
        case=case,
        ticket=ticket,
        call=call,
        people=person_handles(person) if person else (),
        rule=rule,
        queue=queue,
        agent=named,
        tag=tag,
        category=category,
        channel=channel,
        severity=None if severity is None else whole_number("query", "severity", severity, 1, 99),
        kind=kind,
        version=None if version is None else version_number("query", "version", version),
        changed=None if changed is None else changed == "true",
    )
    if wanted.since is not None and wanted.until is not None and wanted.since > wanted.until:
        raise invalid("query", "to", "Expected a time that is not before `from`.")
    before = page.after_number("routing")
    form = choose(request, ("application/json", NDJSON, CSV))
    if form == CSV:
        headers = {"Content-Disposition": 'attachment; filename="routing.csv"', "Vary": "Accept"}
        return StreamingResponse(_csv(desk, wanted, before), media_type="text/csv; charset=utf-8", headers=headers)
    if form == NDJSON:
        return StreamingResponse(_ndjson(desk, wanted, before), media_type=NDJSON, headers={"Vary": "Accept"})

    def read(conn: Connection) -> Any:
        rows = routing.decision_list(conn, wanted, page.limit + 1, before)
        return rows, routing.writebacks_for(conn, rows), agents.keys(conn)

    rows, wishes, keys = await desk.database.read(read)
    items = page.answer("routing", rows, lambda row: (row["number"],), lambda row: decision_item(row, wishes.get(row["id"]), keys))
    return JSONResponse(items, headers={"Vary": "Accept"})


@routes.get("/routing/{decision_id}")
async def explain_decision(desk: Made, by: Viewer, decision_id: Id, near: Nearby) -> dict[str, Any]:
    """One decision: what it saw, which rules matched and why, what nearly matched, what came of it."""
    shown = await desk.database.read(lambda conn: explained(conn, desk.live, decision_id, near))
    if shown is None:
        raise not_found("decision")
    return shown


@routes.get("/changes")
async def list_changes(
    desk: Made, by: Supervisor, page: Paged, actor: Word = None, action: Word = None, subject: Word = None
) -> dict[str, Any]:
    """Who changed what, newest first."""
    before = page.after_number("changes")
    rows = await desk.database.read(lambda conn: routing.change_list(conn, page.limit + 1, before, actor, action, subject))
    return page.answer("changes", rows, lambda row: (row["seq"],), change_item)


@routes.get("/verify")
async def verify_chain(desk: Made, by: Supervisor) -> dict[str, Any]:
    """Walk the whole chain and name what was edited, removed, inserted or swapped. `unsealed`: decisions that wait for their place, which
    comes within a second."""
    now = desk.clock.now()
    verdict: dict[str, Any] = await desk.database.read(lambda conn: proof.verify(conn, now=now))
    return verdict


@routes.get("/head")
async def chain_head(desk: Made, by: Supervisor) -> dict[str, Any]:
    """The newest entry's place and hash. A copy kept elsewhere shows a cut tail or a chain that was written anew."""
    head: dict[str, Any] = await desk.database.read(chain.head)
    return head


async def _batches(desk: Desk, wanted: routing.RoutingFilter, before: int | None) -> AsyncIterator[list[dict[str, Any]]]:
    """Everything that matches, as of now, in short reads: a slow reader holds no transaction open."""
    if before is None:
        before = await desk.database.read(routing.newest) + 1
    while True:

        def read(conn: Connection, before: int = before) -> Any:
            rows = routing.decision_list(conn, wanted, BATCH, before)
            return rows, routing.writebacks_for(conn, rows), agents.keys(conn)

        rows, wishes, keys = await desk.database.read(read)
        if rows:
            yield [decision_item(row, wishes.get(row["id"]), keys) for row in rows]
        if len(rows) < BATCH:
            return
        before = int(rows[-1]["number"])


async def _ndjson(desk: Desk, wanted: routing.RoutingFilter, before: int | None) -> AsyncIterator[bytes]:
    async for batch in _batches(desk, wanted, before):
        yield ndjson(batch)


async def _csv(desk: Desk, wanted: routing.RoutingFilter, before: int | None) -> AsyncIterator[bytes]:
    yield csv_text([COLUMNS])
    async for batch in _batches(desk, wanted, before):
        yield csv_text(_record(item) for item in batch)


def _record(item: dict[str, Any]) -> list[str]:
    outcome, wish, assignee = (item["outcome"], item["writeback"] or {}, item["outcome"].get("assignee") or {})
    values: dict[str, Any] = {
        **{name: item[name] for name in COLUMNS if name in item and name not in ("rules", "interaction")},
        **{name: outcome.get(name) for name in ("severity", "category", "queue", "priority")},
        "source": item["interaction"]["source"],
        "interaction": item["interaction"]["id"],
        "rulebook_version": item["rulebook"]["version"],
        "rulebook_hash": item["rulebook"]["hash"],
        "rules": " ".join(rule["key"] for rule in item["rules"]),
        "assignee": assignee.get("id"),
        **{name: " ".join(outcome.get(name) or ()) for name in ("tags_added", "tags_removed", "escalations")},
        "writeback_id": wish.get("id"),
        "writeback_status": wish.get("status"),
        "confirmed_at": wish.get("confirmed_at"),
    }
    return [cell(values.get(name)) for name in COLUMNS]
