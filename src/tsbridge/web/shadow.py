"""The shadow: a second rulebook beside the live one, asked about everything, deciding nothing."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import Field

from tsbridge.acts import documents, publishing, shadowing
from tsbridge.acts.documents import Document
from tsbridge.acts.replaying import Move
from tsbridge.acts.shadowing import NoShadow, ShadowShown
from tsbridge.core.rules.language import content_hash
from tsbridge.store import shadow as store
from tsbridge.web.admission import aside, asked_for
from tsbridge.web.inputs import Body
from tsbridge.web.pages import Listed, Paged
from tsbridge.web.problems import invalid, refuses
from tsbridge.web.replays import FORMS, moves_in_form
from tsbridge.web.roles import Ops
from tsbridge.web.route import DocumentRoute, Made

routes = APIRouter(route_class=DocumentRoute, prefix="/v1/rulebook/shadow", tags=["shadow"])


class NewShadow(Body):
    """A document, else a version, else the draft as it is now."""

    document: Document | None = None
    version: int | None = Field(default=None, ge=1, lt=1 << 31)


@routes.get("")
async def show_shadow(services: Made, by: Ops) -> ShadowShown | NoShadow:
    """What the shadow would have done otherwise since it was switched on, in counts."""
    return await services.ask(shadowing.show, services.zone)


@routes.put("", responses=refuses(404))
@asked_for()
async def start_shadow(services: Made, by: Ops, body: NewShadow | None = None) -> ShadowShown | NoShadow:
    """Shadow from now on. What an earlier one found is forgotten."""
    wanted = body or NewShadow()
    if wanted.document is not None and wanted.version is not None:
        raise invalid("body", "#/version", "Expected a document or a version, not both.")
    document = await services.ask(publishing.chosen, wanted.document, wanted.version)
    await aside(documents.refuse_faulty, services.apart, document)
    await services.act(by, shadowing.start, document, await aside(content_hash, document))
    return await services.ask(shadowing.show, services.zone)


@routes.delete("", status_code=204)
async def stop_shadow(services: Made, by: Ops) -> None:
    """Switch it off and forget what it found. Again is fine."""
    await services.act(by, shadowing.stop)


@routes.get("/moves", response_model=Listed[Move], responses=FORMS)
async def list_shadow_moves(request: Request, services: Made, by: Ops, page: Paged) -> Response:
    """Decisions the shadow would have made otherwise, in the order of the audit. As NDJSON or CSV all of them, as JSON in pages."""
    return await moves_in_form(request, services, by, page, "shadow", store.moves)
