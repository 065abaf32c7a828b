"""The shadow: a second rulebook beside the live one, asked about everything, deciding nothing."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from tsbridge.acts import documents
from tsbridge.acts.documents import Document
from tsbridge.core.replay import Tally
from tsbridge.core.rules.language import content_hash
from tsbridge.core.times import time_text
from tsbridge.store import rulebooks
from tsbridge.store import shadow as store
from tsbridge.web.admission import aside, asked_for
from tsbridge.web.auth import Ops
from tsbridge.web.desk import Made
from tsbridge.web.inputs import Body
from tsbridge.web.pages import Paged
from tsbridge.web.problems import invalid, not_found, refuses
from tsbridge.web.replays import FORMS, moves_in_form
from tsbridge.web.route import DocumentRoute

routes = APIRouter(route_class=DocumentRoute, prefix="/v1/rulebook/shadow", tags=["shadow"])


class NewShadow(Body):
    """A document, else a version, else the draft as it is now."""

    document: Document | None = None
    version: int | None = Field(default=None, ge=1, lt=1 << 31)


@routes.get("")
async def show_shadow(desk: Made, by: Ops) -> dict[str, Any]:
    """What the shadow would have done otherwise since it was switched on, in counts."""
    told: dict[str, Any] = await desk.database.read(lambda conn: shown(conn, desk.zone))
    return told


@routes.put("", responses=refuses(404))
@asked_for()
async def start_shadow(desk: Made, by: Ops, body: NewShadow | None = None) -> dict[str, Any]:
    """Shadow from now on. What an earlier one found is forgotten."""
    wanted = body or NewShadow()
    if wanted.document is not None and wanted.version is not None:
        raise invalid("body", "#/version", "Expected a document or a version, not both.")

    def chosen(conn: Connection) -> Document:
        if wanted.document is not None:
            return wanted.document
        try:
            found: Document = rulebooks.get(conn, wanted.version).document if wanted.version else rulebooks.draft(conn).document
            return found
        except rulebooks.NoRulebook:
            raise not_found("version") from None

    document = await desk.database.read(chosen)
    await aside(documents.refuse_faulty, desk.apart, document)
    digest = await aside(content_hash, document)
    entry = desk.entry(by.name)

    def write(conn: Connection) -> dict[str, Any]:
        before = store.find(conn)
        store.begin(conn, document, digest, entry.at, entry.by)
        entry.change(conn, "shadow.start", "shadow", None if before is None else {"hash": before.hash}, {"hash": digest})
        return shown(conn, desk.zone)

    begun: dict[str, Any] = await desk.database.write(write, urgent=True)
    return begun


@routes.delete("", status_code=204)
async def stop_shadow(desk: Made, by: Ops) -> None:
    """Switch it off and forget what it found. Again is fine."""
    entry = desk.entry(by.name)

    def write(conn: Connection) -> None:
        found = store.find(conn)
        if found is not None:
            store.end(conn)
            entry.change(conn, "shadow.stop", "shadow", {"hash": found.hash}, None)

    await desk.database.write(write, urgent=True)


@routes.get("/moves", response_model=None, responses=FORMS)
async def list_shadow_moves(request: Request, desk: Made, by: Ops, page: Paged) -> Response:
    """Decisions the shadow would have made otherwise, in the order of the audit. As NDJSON or CSV all of them, as JSON in pages."""
    return await moves_in_form(request, desk, page, "shadow", store.moves)


def shown(conn: Connection, zone: tzinfo) -> dict[str, Any]:
    """The shadow and what it would have done otherwise, in counts."""
    found = store.find(conn)
    if found is None:
        return {"on": False, "summary": None}
    tally = Tally(zone)
    for case_id, compared in store.by_case(conn):
        tally.add(case_id, compared)
    return {
        "on": True,
        "hash": found.hash,
        "started_at": time_text(found.started_at),
        "started_by": found.started_by,
        "summary": tally.summary(),
    }
