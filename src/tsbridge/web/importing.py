"""Rules that come from elsewhere: Zendesk's triggers and automations, shown as rules or put into the draft."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from fastapi import APIRouter, Response
from typing_extensions import TypedDict

from tsbridge.acts import documents
from tsbridge.acts.documents import Document
from tsbridge.acts.drafting import DraftShown
from tsbridge.rulebook.zendesk_import import import_zendesk
from tsbridge.store import rulebooks as store
from tsbridge.web.admission import aside, asked_for
from tsbridge.web.draft import draft_tag, take_in
from tsbridge.web.etags import IfMatch, need_match
from tsbridge.web.inputs import Body, Line, read_body
from tsbridge.web.problems import invalid, refuses
from tsbridge.web.roles import Ops
from tsbridge.web.route import DocumentRoute, Made

routes = APIRouter(route_class=DocumentRoute, prefix="/v1/rulebook/import", tags=["rulebook"])


class Place(Body):
    """Where imported rules go: `before` or `after` is the key of a rule of the draft."""

    into: Literal["draft"]
    before: Line | None = None
    after: Line | None = None


class Imported(TypedDict):
    """`report`: what became of each part. `draft`: where the rules were put into it."""

    rules: list[dict[str, Any]]
    report: list[dict[str, Any]]
    draft: NotRequired[DraftShown]


@routes.post("/zendesk", responses=refuses(412, 428))
@asked_for()
async def import_from_zendesk(services: Made, by: Ops, body: Document, response: Response, if_match: IfMatch = None) -> Imported:
    """Zendesk's triggers or automations (`GET /api/v2/triggers`) as rules, with a report that leaves nothing out.

    Groups become queues of the draft that name them. By itself this changes nothing. With `"into": "draft"` besides, and `If-Match` of
    the draft, the rules are put into it: above or below the rule whose key `before` or `after` gives, else at the end of their kind.
    The answer has the `draft`, too.
    """
    place = _place(body)
    if place is not None:
        need_match(if_match)
    draft = await services.ask(store.draft)
    if place is not None:
        need_match(if_match, draft_tag(draft))
    try:
        found: Imported = await aside(services.apart, import_zendesk, body, draft.document)
    except ValueError as refused:
        raise invalid("body", "#", str(refused).capitalize() + ".", code="zendesk_rules") from None
    if place is None:
        return found
    document = documents.with_rules(draft.document, found["rules"], place.before, place.after)
    return {**found, "draft": await take_in(services, by, response, draft, document)}


def _place(body: Document) -> Place | None:
    """Where imported rules shall go; None for nowhere. Zendesk's own answer has none of these members."""
    given = {name: body[name] for name in ("into", "before", "after") if name in body}
    if not given:
        return None
    place = read_body(Place, given)
    if place.before is not None and place.after is not None:
        raise invalid("body", "#/after", "Expected before or after, not both.")
    return place
