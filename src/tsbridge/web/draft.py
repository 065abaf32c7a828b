"""The draft that ops edit, whole or one rule at a time. It may have faults: they are told, and keep it from going live."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import Connection

from tsbridge.acts import documents, publishing
from tsbridge.acts.documents import Document
from tsbridge.rulebook.examine import Examined
from tsbridge.store import rosters
from tsbridge.store import rulebooks as store
from tsbridge.store.rulebooks import Draft
from tsbridge.store.versions import BIGGEST_VERSION
from tsbridge.web.asked import aside, asked_for
from tsbridge.web.auth import Ops
from tsbridge.web.desk import Desk, Made
from tsbridge.web.etags import IfMatch, content_tag, need_match, tag
from tsbridge.web.inputs import Body, Id, Line, read_body
from tsbridge.web.problems import invalid
from tsbridge.web.route import DocumentRoute
from tsbridge.web.shapes import draft_item

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
async def show_draft(desk: Made, by: Ops, response: Response) -> dict[str, Any]:
    """The draft, a copy of live until somebody edits it, and what the check says of it."""
    draft, live = await desk.database.read(lambda conn: (store.draft(conn), store.live_version(conn)))
    response.headers["ETag"] = draft_tag(draft)
    return await _with_findings(desk, draft, live)


@routes.put("")
@asked_for()
async def replace_draft(desk: Made, by: Ops, body: WholeDraft, response: Response, if_match: IfMatch = None) -> dict[str, Any]:
    """Replace the whole draft. It may have faults: they come back as findings, and publishing refuses them.

    A draft without any change to the version it is based on is live's copy again.
    """
    need_match(if_match)
    changed = partial(_matched, if_match, body.document)
    draft, live = await _edit(desk, by.name, "rulebook.draft", "draft", changed, body.based_on)
    response.headers["ETag"] = draft_tag(draft)
    return await _with_findings(desk, draft, live)


@routes.post("/rules", status_code=201)
async def add_rule(desk: Made, by: Ops, body: Document, response: Response) -> dict[str, Any]:
    """Add a rule to the draft: the rule itself, or `{"rule": …, "before": key}`. 409 when its key is taken."""
    new, place = _new_rule(body)
    key = documents.key_of(new.rule, place)

    def changed(held: Draft) -> Document:
        return documents.with_rule(held.document, new.rule, new.before)

    draft, live = await _edit(desk, by.name, "rulebook.rule.add", key, changed)
    rule = documents.rule_of(draft.document, key)
    response.headers["ETag"] = content_tag(rule)
    response.headers["Location"] = f"/v1/rulebook/draft/rules/{key}"
    return await _rule_shown(desk, draft, live, key)


@routes.get("/rules/{key}")
async def show_rule(desk: Made, by: Ops, key: Id, response: Response) -> dict[str, Any]:
    """One rule of the draft. Its ETag is its own, so editors of different rules do not meet; the draft's ETag will do as well."""
    draft, live = await desk.database.read(lambda conn: (store.draft(conn), store.live_version(conn)))
    response.headers["ETag"] = content_tag(documents.rule_of(draft.document, key))
    return await _rule_shown(desk, draft, live, key)


@routes.put("/rules/{key}")
async def replace_rule(desk: Made, by: Ops, key: Id, body: Document, response: Response, if_match: IfMatch = None) -> dict[str, Any]:
    """Replace one rule of the draft: the rule itself, or `{"rule": …, "before": key}` to move it. It may get another key."""
    need_match(if_match)
    new, place = _new_rule(body)
    new_key = documents.key_of(new.rule, place)

    def changed(held: Draft) -> Document:
        need_match(if_match, content_tag(documents.rule_of(held.document, key)), draft_tag(held))
        return documents.replaced(held.document, key, new.rule, new.before)

    draft, live = await _edit(desk, by.name, "rulebook.rule.change", key, changed)
    response.headers["ETag"] = content_tag(new.rule)
    return await _rule_shown(desk, draft, live, new_key)


@routes.delete("/rules/{key}")
async def remove_rule(desk: Made, by: Ops, key: Id, response: Response, if_match: IfMatch = None) -> dict[str, Any]:
    """Take one rule out of the draft. Answers with the draft."""
    need_match(if_match)

    def changed(held: Draft) -> Document:
        need_match(if_match, content_tag(documents.rule_of(held.document, key)), draft_tag(held))
        return documents.without(held.document, key)

    draft, live = await _edit(desk, by.name, "rulebook.rule.remove", key, changed)
    response.headers["ETag"] = draft_tag(draft)
    return await _with_findings(desk, draft, live)


async def take_in(desk: Desk, by: str, draft: Draft, document: Document) -> tuple[dict[str, Any], str]:
    """Put a document made out of this very `draft` in its place: what is shown of it then, and its ETag. Raises 412 when it was changed."""
    saved, live = await _edit(desk, by, "rulebook.import", "draft", partial(_matched, draft_tag(draft), document))
    return await _with_findings(desk, saved, live), draft_tag(saved)


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


async def _edit(
    desk: Desk, by: str, action: str, subject: str, changed: Callable[[Draft], Document], based_on: int | None = None
) -> tuple[Draft, int]:
    """Edit the draft in one transaction; raises 422 for a base that is no version. Also answers which version is live."""
    entry = desk.entry(by)

    def write(conn: Connection) -> tuple[Draft, int]:
        def based(held: Draft) -> Document:
            document = changed(held)
            if based_on is not None and based_on not in store.hashes(conn, {based_on}):
                raise invalid("body", "#/based_on", "Expected the number of a published version.", code="version")
            return document

        saved = publishing.edit_draft(conn, based, entry, action=action, subject=subject, base=based_on)
        return saved, store.live_version(conn)

    return await desk.database.write(write, urgent=True)


async def examined(desk: Desk, document: Document, triggers: Any = None) -> Examined:
    """As `documents.examined`, by the live roster."""
    return await aside(documents.examined, desk.apart, document, desk.zone, await live_roster(desk), triggers)


async def live_roster(desk: Desk) -> Document | None:
    live = await desk.database.read(rosters.live)
    return None if live is None else live.document


async def _with_findings(desk: Desk, draft: Draft, live: int) -> dict[str, Any]:
    found = await examined(desk, draft.document)
    own = documents.told(found.own)
    return {**draft_item(draft, live), "findings": [*own, *documents.told(found.beside)], "ok": documents.passes(own)}


async def _rule_shown(desk: Desk, draft: Draft, live: int, key: str) -> dict[str, Any]:
    findings = await aside(documents.findings, draft.document, desk.zone, about=key)
    return {
        "key": key,
        "rule": documents.rule_of(draft.document, key),
        "position": documents.position_of(draft.document, key),
        "draft_revision": draft.revision,
        "live_version": live,
        "findings": findings,
    }
