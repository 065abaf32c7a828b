"""Wishes for tickets and how far they got: the way from a decision to a confirmed tag."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from sqlalchemy import Connection

from tsbridge.acts import writebacks
from tsbridge.acts.callers import Caller
from tsbridge.acts.ledger import Entry
from tsbridge.acts.writebacks import ModeShown, PausedRules, Writeback, WritebackWhole
from tsbridge.web.etags import need_match
from tsbridge.web.inputs import Body, Id, Word
from tsbridge.web.pages import Listed, Paged
from tsbridge.web.problems import refuses
from tsbridge.web.roles import Ops, Supervisor
from tsbridge.web.route import ApiRoute, Made
from tsbridge.web.services import Services

routes = APIRouter(route_class=ApiRoute, prefix="/v1/writebacks", tags=["writebacks"])


class Mode(Body):
    """`live` writes, `dry-run` plans and audits but never sends, `paused` queues.

    `backlog`: whether what a dry run has planned is sent when this ends it; dropped unless asked for.
    """

    mode: writebacks.ModeName
    backlog: writebacks.Backlog = "drop"


@routes.get("")
async def list_writebacks(
    services: Made,
    by: Supervisor,
    page: Paged,
    status: Annotated[writebacks.Status | None, Query()] = None,
    ticket: Word = None,
    case: Word = None,
) -> Listed[Writeback]:
    """One wish per ticket, the newest first."""
    found = await services.ask(writebacks.listed, page.limit + 1, page.after_text("writebacks"), status, ticket, case)
    return page.of("writebacks", found, lambda wish: (wish.id,))


@routes.get("/mode")
async def show_mode(services: Made, by: Supervisor, response: Response) -> ModeShown:
    """Whether write-back is live, a dry run, or paused, and why: of the switch and TSBRIDGE_WRITEBACK the more careful counts.

    `backlog`: how many tickets' wishes a dry run has planned, which `{"mode": "live", "backlog": "send"}` would send.
    """
    mode = await services.ask(writebacks.mode, services.writeback)
    response.headers["ETag"] = f'"{mode.mode}"'
    return mode


@routes.put("/mode", responses=refuses(412))
async def change_mode(
    services: Made,
    by: Supervisor,
    body: Mode,
    response: Response,
    if_match: Annotated[
        str | None, Header(max_length=1000, description="Optional: a switch for emergencies must not need two calls.")
    ] = None,
) -> ModeShown:
    """Switch write-back while everything runs. Recorded with its author. What a dry run planned is sent only if `backlog` says so."""

    def switch(conn: Connection, entry: Entry) -> ModeShown:
        if if_match is not None:
            need_match(if_match, f'"{writebacks.mode(conn, services.writeback).mode}"')
        return writebacks.change_mode(conn, entry, services.writeback, body.mode, body.backlog)

    mode = await services.act(by, switch)
    services.wake_writer()
    response.headers["ETag"] = f'"{body.mode}"'
    return mode


class Pause(Body):
    """`true`: what only this rule asks for is not written until `false`."""

    paused: bool


@routes.get("/rules")
async def show_paused_rules(services: Made, by: Supervisor) -> PausedRules:
    """The rules whose writing is paused."""
    return await services.ask(writebacks.paused_rules)


@routes.put("/rules/{key}")
async def pause_rule(services: Made, by: Ops, key: Id, body: Pause) -> PausedRules:
    """Pause what one rule writes while everything else goes on, or let it go on. It still decides, routes and escalates.

    What it has written stays; what another rule asks for as well is written. 404 for a rule the live rulebook does not have.
    """
    rules = await services.act(by, writebacks.pause_rule, services.live, key, paused=body.paused)
    services.wake_writer()
    return rules


@routes.get("/{writeback_id}")
async def show_writeback(services: Made, by: Supervisor, writeback_id: Id) -> WritebackWhole:
    """One wish: what is wanted, what was planned last, what came of it.

    `parts` names each tag (`tag:<tag>`; to be taken off: `absent:<tag>`), value and note with what came of it, and the rule
    (or `<policy>/<step>`) and the decision that asked for it. A part that Zendesk refused is `parked`, the others are written.
    """
    return await _shown(services, by, writeback_id)


@routes.post("/{writeback_id}/retry", responses=refuses(409))
async def retry_writeback(services: Made, by: Supervisor, writeback_id: Id) -> WritebackWhole:
    """Try a parked, refused or waiting wish at once; 409 for one that is on its way or done."""
    await services.act(by, writebacks.retry, writeback_id)
    services.wake_writer()
    return await _shown(services, by, writeback_id)


async def _shown(services: Services, by: Caller, writeback_id: str) -> WritebackWhole:
    """A note may quote what was said."""
    found = await services.ask(writebacks.show, services.live, writeback_id)
    if found.wish.get("notes"):
        await services.looked(by, found.case_id, "wish")
    return found
