"""The draft that ops edit, whole or one rule at a time. It may have faults: they are told, and keep it from going live."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from tsbridge.acts import documents, drafting, going_live
from tsbridge.acts.callers import Caller
from tsbridge.acts.documents import Document
from tsbridge.acts.drafting import DraftShown, RuleShown
from tsbridge.store.rulebooks import Draft
from tsbridge.store.versions import BIGGEST_VERSION
from tsbridge.web.admission import aside, asked_for
from tsbridge.web.etags import IfMatch, content_tag, need_match, tag
from tsbridge.web.inputs import Body, Id, Line, read_body
from tsbridge.web.problems import refuses
from tsbridge.web.roles import Ops
from tsbridge.web.route import DocumentRoute, Made
from tsbridge.web.services import Services

routes = APIRouter(route_class=DocumentRoute, prefix="/v1/rulebook/draft", tags=["rulebook"])


class WholeDraft(Body):
    """`based_on`: the published version that the document takes into account. Without it the draft's base stays what it was."""

    document: Document
    based_on: Annotated[int, Field(ge=1, le=BIGGEST_VERSION)] | None = None


class NewRule(Body):
    """`before`: the key of the rule to stand above. Without it a new rule goes to the end of its kind, but above the catch-all."""

    rule: Document
    before: Line | None = None


@routes.get("")
@asked_for()
async def show_draft(services: Made, by: Ops, response: Response) -> DraftShown:
    """The draft, a copy of live until somebody edits it, and what the check says of it."""
    return await _shown(services, response, *await services.ask(drafting.held))


@routes.put("", responses=refuses(412, 428))
@asked_for()
async def replace_draft(services: Made, by: Ops, body: WholeDraft, response: Response, if_match: IfMatch = None) -> DraftShown:
    """Replace the whole draft. It may have faults: they come back as findings, and publishing refuses them.

    A draft without any change to the version it is based on is live's copy again.
    """
    need_match(if_match)
    changed = partial(_matched, if_match, body.document)
    return await _shown(services, response, *await services.act(by, drafting.edit, changed, "rulebook.draft", base=body.based_on))


@routes.post("/rules", status_code=201, responses=refuses(409))
async def add_rule(services: Made, by: Ops, body: Document, response: Response) -> RuleShown:
    """Add a rule to the draft: the rule itself, or `{"rule": …, "before": key}`. 409 when its key is taken."""
    new, place = _new_rule(body)
    key = documents.key_of(new.rule, place)

    def changed(held: Draft) -> Document:
        return documents.with_rule(held.document, new.rule, new.before)

    response.headers["Location"] = f"/v1/rulebook/draft/rules/{key}"
    return await _rule_shown(services, response, *await services.act(by, drafting.edit, changed, "rulebook.rule.add", key), key)


@routes.get("/rules/{key}")
async def show_rule(services: Made, by: Ops, key: Id, response: Response) -> RuleShown:
    """One rule of the draft. Its ETag is its own, so editors of different rules do not meet; the draft's ETag will do as well."""
    return await _rule_shown(services, response, *await services.ask(drafting.held), key)


@routes.put("/rules/{key}", responses=refuses(409, 412, 428))
async def replace_rule(services: Made, by: Ops, key: Id, body: Document, response: Response, if_match: IfMatch = None) -> RuleShown:
    """Replace one rule of the draft: the rule itself, or `{"rule": …, "before": key}` to move it. It may get another key."""
    need_match(if_match)
    new, place = _new_rule(body)
    new_key = documents.key_of(new.rule, place)

    def changed(held: Draft) -> Document:
        need_match(if_match, content_tag(documents.rule_of(held.document, key)), draft_tag(held))
        return documents.replaced(held.document, key, new.rule, new.before)

    return await _rule_shown(services, response, *await services.act(by, drafting.edit, changed, "rulebook.rule.change", key), new_key)


@routes.delete("/rules/{key}", responses=refuses(412, 428))
async def remove_rule(services: Made, by: Ops, key: Id, response: Response, if_match: IfMatch = None) -> DraftShown:
    """Take one rule out of the draft. Answers with the draft."""
    need_match(if_match)

    def changed(held: Draft) -> Document:
        need_match(if_match, content_tag(documents.rule_of(held.document, key)), draft_tag(held))
        return documents.without(held.document, key)

    return await _shown(services, response, *await services.act(by, drafting.edit, changed, "rulebook.rule.remove", key))


async def take_in(services: Services, by: Caller, response: Response, draft: Draft, document: Document) -> DraftShown:
    """Put a document made out of this very `draft` in its place. Raises 412 when it was changed."""
    changed = partial(_matched, draft_tag(draft), document)
    return await _shown(services, response, *await services.act(by, drafting.edit, changed, "rulebook.import"))


def draft_tag(draft: Draft) -> str:
    return tag(draft.revision)


def _new_rule(body: Document) -> tuple[NewRule, str]:
    """A rule, alone or with its place, and where in the body it stands."""
    if "rule" not in body:
        return NewRule(rule=body), ""
    return read_body(NewRule, body), "/rule"


def _matched(if_match: str | None, document: Document, held: Draft) -> Document:
    need_match(if_match, draft_tag(held))
    return document


async def _shown(services: Services, response: Response, draft: Draft, live: int) -> DraftShown:
    response.headers["ETag"] = draft_tag(draft)
    return drafting.shown(draft, live, await going_live.examined(services, draft.document))


async def _rule_shown(services: Services, response: Response, draft: Draft, live: int, key: str) -> RuleShown:
    found = await aside(documents.findings, draft.document, services.zone, about=key)
    shown = drafting.rule_shown(draft, live, key, found)
    response.headers["ETag"] = content_tag(shown.rule)
    return shown
