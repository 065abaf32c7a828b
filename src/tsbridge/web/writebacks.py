"""Wishes for tickets and how far they got: the way from a decision to a confirmed tag."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from sqlalchemy import Connection

from tsbridge.core.helpdesk_json import ours_from, wish_from
from tsbridge.store import asked, desired, keep, views, wakeup, writemode
from tsbridge.web.auth import Ops, Supervisor
from tsbridge.web.desk import Desk, Made
from tsbridge.web.etags import need_match
from tsbridge.web.inputs import Body, Id, Word
from tsbridge.web.pages import Paged
from tsbridge.web.problems import Problem, not_found
from tsbridge.web.route import DeskRoute
from tsbridge.web.shapes import writeback_item

routes = APIRouter(route_class=DeskRoute, prefix="/v1/writebacks", tags=["writebacks"])

Status = Literal["waiting", "sending", "confirmed", "unneeded", "parked", "refused", "dry_run"]
RETRIED = ("parked", "refused", "dry_run", "waiting")


class Mode(Body):
    """`live` writes, `dry-run` plans and audits but never sends, `paused` queues.

    `backlog`: whether what a dry run has planned is sent when this ends it; dropped unless asked for.
    """

    mode: Literal["live", "dry-run", "paused"]
    backlog: Literal["drop", "send"] = "drop"


@routes.get("")
async def list_writebacks(
    desk: Made, by: Supervisor, page: Paged, status: Annotated[Status | None, Query()] = None, ticket: Word = None, case: Word = None
) -> dict[str, Any]:
    """One wish per ticket, the newest first."""
    after = page.after_text("writebacks")
    rows = await desk.database.read(lambda conn: views.writeback_list(conn, page.limit + 1, after, status, ticket, case))
    return page.answer("writebacks", rows, lambda row: (row["id"],), writeback_item)


@routes.get("/mode")
async def show_mode(desk: Made, by: Supervisor, response: Response) -> dict[str, Any]:
    """Whether write-back is live, a dry run, or paused, and why: of the switch and TSBRIDGE_WRITEBACK the more careful counts.

    `backlog`: how many tickets' wishes a dry run has planned, which `{"mode": "live", "backlog": "send"}` would send.
    """
    mode = await desk.database.read(lambda conn: _mode(conn, writemode.in_force(conn, desk.writeback)))
    response.headers["ETag"] = f'"{mode["mode"]}"'
    return mode


@routes.put("/mode")
async def change_mode(
    desk: Made,
    by: Supervisor,
    body: Mode,
    response: Response,
    if_match: Annotated[
        str | None, Header(max_length=1000, description="Optional: a switch for emergencies must not need two calls.")
    ] = None,
) -> dict[str, Any]:
    """Switch write-back while everything runs. Recorded with its author. What a dry run planned is sent only if `backlog` says so."""
    entry = desk.entry(by.name)

    def write(conn: Connection) -> dict[str, Any]:
        before = writemode.in_force(conn, desk.writeback)
        if if_match is not None:
            need_match(if_match, f'"{before.mode}"')
        planned = desired.planned(conn)
        mode = writemode.switch(conn, desk.writeback, body.mode, entry.at, send=body.backlog == "send")
        if before.mode == mode.mode:
            return _mode(conn, mode)
        wakeup.tell(conn, wakeup.WISHES)
        was: dict[str, Any] = {"mode": before.mode}
        became: dict[str, Any] = {"mode": mode.mode}
        if before.effective == writemode.DRY_RUN != mode.effective:
            became |= {"backlog": body.backlog, "planned": planned}
        entry.change(conn, "writeback.mode", "writeback", was, became)
        return _mode(conn, mode)

    mode = await desk.database.write(write, urgent=True)
    desk.wake_writer()
    response.headers["ETag"] = f'"{body.mode}"'
    return mode


class Pause(Body):
    """`true`: what only this rule asks for is not written until `false`."""

    paused: bool


@routes.get("/rules")
async def show_paused_rules(desk: Made, by: Supervisor) -> dict[str, Any]:
    """The rules whose writing is paused."""
    return {"paused": await desk.database.read(_paused_rules)}


@routes.put("/rules/{key}")
async def pause_rule(desk: Made, by: Ops, key: Id, body: Pause) -> dict[str, Any]:
    """Pause what one rule writes while everything else goes on, or let it go on. It still decides, routes and escalates.

    What it has written stays; what another rule asks for as well is written. 404 for a rule the live rulebook does not have.
    """
    entry = desk.entry(by.name)

    def write(conn: Connection) -> list[str] | None:
        before = _paused_rules(conn)
        if key not in before:
            book = desk.live.live(conn).book
            if all(one.key != key for one in (*book.escalation, *book.routing)):
                return None
        if (key in before) == body.paused:
            return before
        after = sorted({*before, key} if body.paused else {*before} - {key})
        keep.put(conn, desired.PAUSED_RULES, after)
        if not body.paused:
            desired.resume_rules(conn, entry.at)
            wakeup.tell(conn, wakeup.WISHES)
        entry.change(conn, "writeback.rule", key, {"paused": before}, {"paused": after})
        return after

    paused = await desk.database.write(write, urgent=True)
    if paused is None:
        raise not_found("rule")
    desk.wake_writer()
    return {"paused": paused}


@routes.get("/{writeback_id}")
async def show_writeback(desk: Made, by: Supervisor, writeback_id: Id) -> dict[str, Any]:
    """One wish: what is wanted, what was planned last, what came of it.

    `parts` names each tag (`tag:<tag>`; to be taken off: `absent:<tag>`), value and note with what came of it, and the rule
    (or `<policy>/<step>`) and the decision that asked for it. A part that Zendesk refused is `parked`, the others are written.
    """
    return await _writeback(desk, writeback_id)


@routes.post("/{writeback_id}/retry")
async def retry_writeback(desk: Made, by: Supervisor, writeback_id: Id) -> dict[str, Any]:
    """Try a parked, refused or waiting wish at once; 409 for one that is on its way or done."""
    entry = desk.entry(by.name)

    def write(conn: Connection) -> str | None:
        row = views.writeback(conn, writeback_id)
        if row is None or row["status"] not in RETRIED:
            return None if row is None else str(row["status"])
        desired.retry(conn, writeback_id, entry.at)
        wakeup.tell(conn, wakeup.WISHES)
        entry.change(conn, "writeback.retry", writeback_id, {"status": row["status"], "reason": row["reason"]}, {"status": "waiting"})
        return "retried"

    became = await desk.database.write(write, urgent=True)
    if became is None:
        raise not_found("writeback")
    if became != "retried":
        raise Problem(409, f"This one is {became}; only parked, refused, dry-run and waiting ones can be tried again.")
    desk.wake_writer()
    return await _writeback(desk, writeback_id)


def _mode(conn: Connection, mode: writemode.Mode) -> dict[str, Any]:
    return {**mode._asdict(), "backlog": desired.planned(conn)}


def _paused_rules(conn: Connection) -> list[str]:
    return list(keep.get(conn, desired.PAUSED_RULES) or ())


async def _writeback(desk: Desk, writeback_id: str) -> dict[str, Any]:
    def read(conn: Connection) -> dict[str, Any] | None:
        row = views.writeback(conn, writeback_id)
        if row is None:
            return None
        parts = asked.parts(conn, desk.live, dict(row), wish_from(row["wish"]), ours_from(row["ours"]))
        return {**writeback_item(row), "plan": row["plan"], "wish": row["wish"], "parts": parts}

    found = await desk.database.read(read)
    if found is None:
        raise not_found("writeback")
    return found
