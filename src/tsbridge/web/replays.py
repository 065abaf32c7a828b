"""Replays: a rulebook over stored history, as a job. Nothing is sent and nothing of the cases changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field
from sqlalchemy import Connection

from tsbridge.acts import documents, publishing, replaying
from tsbridge.acts.callers import Caller
from tsbridge.acts.csvtext import CSV, NDJSON, csv_text, ndjson
from tsbridge.acts.documents import Document
from tsbridge.acts.replaying import COLUMNS, Move, ReplayMade, ReplayShown, ReplayWhole, move_of, record_of
from tsbridge.core.rules.language import content_hash
from tsbridge.store import replays
from tsbridge.web.accept import choose
from tsbridge.web.admission import aside, asked_for
from tsbridge.web.inputs import Body, Id, Time
from tsbridge.web.pages import Listed, Page, Paged, instant_part
from tsbridge.web.problems import invalid, refuses
from tsbridge.web.roles import Ops
from tsbridge.web.route import DocumentRoute, Made
from tsbridge.web.services import Services
from tsbridge.web.streams import while_good

routes = APIRouter(route_class=DocumentRoute, prefix="/v1/rulebook/replay", tags=["replay"])

BATCH: Final = 500
FORMS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {NDJSON: {"schema": {"type": "string"}}, CSV: {"schema": {"type": "string"}}}}
}
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
async def start_replay(services: Made, by: Ops, response: Response, body: NewReplay | None = None) -> ReplayMade:
    """Queue a replay. It begins at once and steps aside for live work."""
    wanted = body or NewReplay()
    if (wanted.document is not None) + (wanted.version is not None) + wanted.as_recorded > 1:
        raise invalid("body", "#", "Expected one of document, version and as_recorded.")
    if wanted.since is not None and wanted.until is not None and wanted.since > wanted.until:
        raise invalid("body", "#/to", "Expected a time that is not before `from`.")

    def chosen(conn: Connection) -> Document:
        if wanted.as_recorded:
            return publishing.version(conn).document  # type: ignore[no-any-return]
        return publishing.chosen(conn, wanted.document, wanted.version)

    document = await services.ask(chosen)
    await aside(documents.refuse_faulty, services.apart, document)
    digest = await aside(content_hash, document)
    id_ = services.ids.new("rep")
    made = await services.act(by, replaying.start, id_, document, digest, wanted.since, wanted.until, wanted.as_recorded)
    services.wake_replay()
    response.headers["Location"] = f"/v1/rulebook/replay/{id_}"
    return made


@routes.get("")
async def list_replays(services: Made, by: Ops, page: Paged) -> Listed[ReplayShown]:
    """Replays, newest first, without what they found."""
    found = await services.ask(replaying.listed, page.limit + 1, page.after_instant("replays"))
    return page.of("replays", found, lambda one: (instant_part(one.created_at), one.id))


@routes.get("/{replay_id}")
async def show_replay(services: Made, by: Ops, replay_id: Id) -> ReplayWhole:
    """How far a replay is, and what it found so far."""
    return await services.ask(replaying.show, replay_id, services.zone)


@routes.delete("/{replay_id}", status_code=204, responses=refuses(409))
async def cancel_replay(services: Made, by: Ops, replay_id: Id) -> None:
    """Stop a replay; what it found so far stays. 409 when it is over."""
    await services.act(by, replaying.cancel, replay_id)


@routes.get("/{replay_id}/moves", response_model=Listed[Move], responses=FORMS)
async def list_moves(request: Request, services: Made, by: Ops, replay_id: Id, page: Paged) -> Response:
    """Every decision that would be otherwise. As NDJSON or CSV all of them are streamed; as JSON they come in pages."""
    await services.ask(replaying.job, replay_id)
    return await moves_in_form(
        request, services, by, page, f"moves:{replay_id}", lambda conn, limit, after: replays.moves(conn, replay_id, limit, after)
    )


async def moves_in_form(request: Request, services: Services, by: Caller, page: Page, name: str, read: Moves) -> Response:
    """The moves that `read` finds, in the form that the caller likes best; `name`: the list's, for its cursors."""
    after = page.after_number(name) or 0
    form = choose(request, ("application/json", NDJSON, CSV))
    if form == CSV:
        headers = {"Content-Disposition": 'attachment; filename="moves.csv"', "Vary": "Accept"}
        return StreamingResponse(
            while_good(services.gate, by, _csv(services, read, after)), media_type="text/csv; charset=utf-8", headers=headers
        )
    if form == NDJSON:
        return StreamingResponse(
            while_good(services.gate, by, _ndjson(services, read, after)), media_type=NDJSON, headers={"Vary": "Accept"}
        )
    rows = await services.ask(read, page.limit + 1, after)
    found = page.of(name, rows, lambda row: (row["seq"],))
    return JSONResponse({"items": [move_of(row) for row in found.items], "next_cursor": found.next_cursor}, headers={"Vary": "Accept"})


async def _batches(services: Services, read: Moves, after: int) -> AsyncIterator[list[Move]]:
    def batch(conn: Connection) -> list[dict[str, Any]]:
        return read(conn, BATCH, after)

    while rows := await services.database.read(batch):
        yield [move_of(row) for row in rows]
        after = int(rows[-1]["seq"])


async def _ndjson(services: Services, read: Moves, after: int) -> AsyncIterator[bytes]:
    async for batch in _batches(services, read, after):
        yield ndjson(batch)


async def _csv(services: Services, read: Moves, after: int) -> AsyncIterator[bytes]:
    yield csv_text([COLUMNS])
    async for batch in _batches(services, read, after):
        yield csv_text(record_of(item) for item in batch)
