"""Replays: a rulebook over stored history, as a job. Nothing is sent and nothing of the cases changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field
from sqlalchemy import Connection

from tsbridge.acts import documents
from tsbridge.acts.csvtext import CSV, NDJSON, cell, csv_text, ndjson
from tsbridge.acts.documents import Document
from tsbridge.core.replay import Tally
from tsbridge.core.rules.language import content_hash
from tsbridge.core.times import time_text
from tsbridge.store import history, replays, rulebooks
from tsbridge.store.replays import Job
from tsbridge.web.accept import choose
from tsbridge.web.admission import aside, asked_for
from tsbridge.web.auth import Ops
from tsbridge.web.desk import Desk, Made
from tsbridge.web.inputs import Body, Id, Time
from tsbridge.web.pages import Page, Paged, instant_part
from tsbridge.web.problems import Problem, busy, invalid, not_found, refuses
from tsbridge.web.route import DocumentRoute

routes = APIRouter(route_class=DocumentRoute, prefix="/v1/rulebook/replay", tags=["replay"])

BATCH: Final = 500
COLUMNS: Final = (
    *("id", "case_id", "ticket", "decision_id", "at", "mismatch"),
    *("from_queue", "from_severity", "from_tags", "from_escalations", "to_queue", "to_severity", "to_tags", "to_escalations"),
)
FORMS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}, NDJSON: {"schema": {"type": "string"}}, CSV: {"schema": {"type": "string"}}}}
}
INSTANT: Final = timedelta(microseconds=1)
Moves = Callable[[Connection, int, int], list[dict[str, Any]]]
"""So many moves behind a place."""


class NewReplay(Body):
    """What to set against history: a document, else a version, else the draft. `to` is exclusive; without it: everything decided so far.

    `as_recorded`: judge each moment by the version that was live then; whatever comes out otherwise is a mismatch.
    """

    since: Time | None = Field(default=None, alias="from")
    until: Time | None = Field(default=None, alias="to")
    document: Document | None = None
    version: int | None = Field(default=None, ge=1, lt=1 << 31)
    as_recorded: bool = False


@routes.post("", status_code=202, responses=refuses(404))
@asked_for()
async def start_replay(desk: Made, by: Ops, response: Response, body: NewReplay | None = None) -> dict[str, Any]:
    """Queue a replay. It begins at once and steps aside for live work."""
    wanted = body or NewReplay()
    if (wanted.document is not None) + (wanted.version is not None) + wanted.as_recorded > 1:
        raise invalid("body", "#", "Expected one of document, version and as_recorded.")
    if wanted.since is not None and wanted.until is not None and wanted.since > wanted.until:
        raise invalid("body", "#/to", "Expected a time that is not before `from`.")

    def chosen(conn: Connection) -> Document:
        if wanted.document is not None:
            return wanted.document
        if wanted.version is not None or wanted.as_recorded:
            try:
                found: Document = rulebooks.get(conn, wanted.version or rulebooks.live_version(conn)).document
                return found
            except rulebooks.NoRulebook:
                raise not_found("version") from None
        draft: Document = rulebooks.draft(conn).document
        return draft

    document = await desk.database.read(chosen)
    await aside(documents.refuse_faulty, desk.apart, document)
    digest = await aside(content_hash, document)
    id_, entry = desk.ids.new("rep"), desk.entry(by.name)

    def write(conn: Connection) -> None:
        newest = history.last_at(conn)
        until = wanted.until or (newest + INSTANT if newest is not None else entry.at)
        total = history.count(conn)
        replays.create(
            conn,
            id_,
            at=entry.at,
            by=entry.by,
            since=wanted.since,
            until=until,
            document=document,
            hash=digest,
            as_recorded=wanted.as_recorded,
            total=total,
        )
        after = {"hash": digest, "from": time_text(wanted.since), "to": time_text(until)}
        entry.change(conn, "replay.start", id_, None, after)

    try:
        await desk.database.write(write, urgent=True)
    except replays.TooManyOpen as full:
        raise busy(full) from None
    desk.wake_replay()
    response.headers["Location"] = f"/v1/rulebook/replay/{id_}"
    return {"id": id_}


@routes.get("")
async def list_replays(desk: Made, by: Ops, page: Paged) -> dict[str, Any]:
    """Replays, newest first, without what they found."""
    before = page.after_instant("replays")
    rows = await desk.database.read(lambda conn: replays.listed(conn, page.limit + 1, before))
    return page.answer("replays", rows, lambda job: (instant_part(job.created_at), job.id), _shown)


@routes.get("/{replay_id}")
async def show_replay(desk: Made, by: Ops, replay_id: Id) -> dict[str, Any]:
    """How far a replay is, and what it found so far."""
    job = await _job(desk, replay_id)
    return {**_shown(job), "summary": job.summary or Tally(desk.zone).summary()}


@routes.delete("/{replay_id}", status_code=204, responses=refuses(409))
async def cancel_replay(desk: Made, by: Ops, replay_id: Id) -> None:
    """Stop a replay; what it found so far stays. 409 when it is over."""
    entry = desk.entry(by.name)

    def write(conn: Connection) -> bool | None:
        job = replays.find(conn, replay_id)
        if job is None or job.rejudge is not None:
            return None
        if not replays.finish(conn, replay_id, "cancelled", entry.at):
            return False
        entry.change(conn, "replay.cancel", replay_id, None, None)
        return True

    done = await desk.database.write(write, urgent=True)
    if done is None:
        raise not_found("replay")
    if not done:
        raise Problem(409, "This replay is over already.")


@routes.get("/{replay_id}/moves", response_model=None, responses=FORMS)
async def list_moves(request: Request, desk: Made, by: Ops, replay_id: Id, page: Paged) -> Response:
    """Every decision that would be otherwise. As NDJSON or CSV all of them are streamed; as JSON they come in pages."""
    await _job(desk, replay_id)
    return await moves_in_form(
        request, desk, page, f"moves:{replay_id}", lambda conn, limit, after: replays.moves(conn, replay_id, limit, after)
    )


async def moves_in_form(request: Request, desk: Desk, page: Page, name: str, read: Moves) -> Response:
    """The moves that `read` finds, in the form that the caller likes best; `name`: the list's, for its cursors."""
    after = page.after_number(name) or 0
    form = choose(request, ("application/json", NDJSON, CSV))
    if form == CSV:
        headers = {"Content-Disposition": 'attachment; filename="moves.csv"', "Vary": "Accept"}
        return StreamingResponse(_csv(desk, read, after), media_type="text/csv; charset=utf-8", headers=headers)
    if form == NDJSON:
        return StreamingResponse(_ndjson(desk, read, after), media_type=NDJSON, headers={"Vary": "Accept"})
    rows = await desk.database.read(lambda conn: read(conn, page.limit + 1, after))
    return JSONResponse(page.answer(name, rows, lambda row: (row["seq"],), move_item), headers={"Vary": "Accept"})


def move_item(row: dict[str, Any]) -> dict[str, Any]:
    """Contract section 7: one decision that would be otherwise."""
    return {
        "id": f"{row['replay_id']}:{row['seq']}" if "replay_id" in row else str(row["seq"]),
        "case_id": row["case_id"],
        "ticket": row["ticket"],
        "decision_id": row["decision_id"],
        "at": time_text(row["at"]),
        "mismatch": row.get("mismatch", False),
        "from": row["before"],
        "to": row["after"],
    }


def _shown(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "status": job.status,
        "reason": job.reason,
        "done": job.done,
        "total": job.total,
        "from": time_text(job.since),
        "to": time_text(job.until),
        "hash": job.hash,
        "as_recorded": job.as_recorded,
        "created_at": time_text(job.created_at),
        "created_by": job.created_by,
        "finished_at": time_text(job.finished_at),
    }


async def _job(desk: Desk, replay_id: str) -> Job:
    job = await desk.database.read(lambda conn: replays.find(conn, replay_id))
    if job is None or job.rejudge is not None:
        raise not_found("replay")
    return job


async def _batches(desk: Desk, read: Moves, after: int) -> AsyncIterator[list[dict[str, Any]]]:
    def batch(conn: Connection) -> list[dict[str, Any]]:
        return read(conn, BATCH, after)

    while rows := await desk.database.read(batch):
        yield [move_item(row) for row in rows]
        after = int(rows[-1]["seq"])


async def _ndjson(desk: Desk, read: Moves, after: int) -> AsyncIterator[bytes]:
    async for batch in _batches(desk, read, after):
        yield ndjson(batch)


async def _csv(desk: Desk, read: Moves, after: int) -> AsyncIterator[bytes]:
    yield csv_text([COLUMNS])
    async for batch in _batches(desk, read, after):
        yield csv_text(record_of(item) for item in batch)


def record_of(item: dict[str, Any]) -> list[str]:
    """A move as a row of `COLUMNS`."""
    sides = {f"{side}_{name}": value for side in ("from", "to") for name, value in item[side].items()}
    values = {name: " ".join(value) if isinstance(value, list) else value for name, value in {**item, **sides}.items()}
    return [cell(values[name]) for name in COLUMNS]
