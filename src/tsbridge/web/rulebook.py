"""The rulebook: the live one, its versions, the draft that ops edit, and the way from draft to live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Response
from fastapi.exceptions import RequestValidationError
from pydantic import StringConstraints, ValidationError
from sqlalchemy import Connection

from tsbridge.store import chain
from tsbridge.store import rulebooks as store
from tsbridge.store.rulebooks import Draft, NoRulebook
from tsbridge.web import documents, trial
from tsbridge.web.auth import Ops, Viewer
from tsbridge.web.desk import Desk, Made
from tsbridge.web.etags import need_match, tag
from tsbridge.web.inputs import Body, Id, Line, Time, whole_number
from tsbridge.web.pages import Paged
from tsbridge.web.problems import Problem, invalid, not_found
from tsbridge.web.route import DocumentRoute
from tsbridge.web.shapes import draft_item, version_item

routes = APIRouter(route_class=DocumentRoute, prefix="/v1/rulebook", tags=["rulebook"])

IfMatch = Annotated[str | None, Header(max_length=1000, description="The ETag of what is being replaced.")]
Note = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Document = dict[str, Any]
BIGGEST: Final = (1 << 31) - 1


class WholeDraft(Body):
    document: Document


class NewRule(Body):
    """`before`: the key of the rule to stand above. Without it: the end of its kind, but above the catch-all routing rule."""

    rule: Document
    before: Line | None = None


class Publication(Body):
    note: Note = ""


class Trial(Body):
    """Facts by field name as in a rule test, with `previous.<field>` for the `changed` operators."""

    given: dict[str, Any]
    at: Time | None = None
    document: Document | None = None
    version: int | Literal["draft"] | None = None


# The live one and the versions


@routes.get("")
async def show_live(desk: Made, by: Viewer, response: Response) -> dict[str, Any]:
    """The live version with its document."""
    version = await desk.database.read(lambda conn: store.get(conn, store.live_version(conn)))
    response.headers["ETag"] = tag(version.version)
    return {**version_item(version), "document": version.document}


@routes.get("/versions")
async def list_versions(desk: Made, by: Viewer, page: Paged) -> dict[str, Any]:
    """All versions, newest first, without their documents."""
    last = page.after("versions", int)
    before = None if last is None else int(last[0])
    rows = await desk.database.read(lambda conn: store.versions(conn, page.limit + 1, before))
    return page.answer("versions", rows, lambda row: (row.version,), version_item)


@routes.get("/versions/diff")
async def diff_versions(desk: Made, by: Viewer, since: documents.From, until: documents.To) -> dict[str, Any]:
    """What changed from one version to another, rule by rule and part by part."""
    one = whole_number("query", "from", since, 1, BIGGEST)
    other = whole_number("query", "to", until, 1, BIGGEST)
    before, after = await desk.database.read(lambda conn: (_version(conn, one), _version(conn, other)))
    return {"from": before.version, "to": after.version, **documents.diff(before.document, after.document)}


@routes.get("/versions/{version}")
async def show_version(desk: Made, by: Viewer, version: Id) -> dict[str, Any]:
    """One version with its document."""
    number = whole_number("path", "version", version, 1, BIGGEST)
    found = await desk.database.read(lambda conn: _version(conn, number))
    return {**version_item(found), "document": found.document}


@routes.post("/versions/{version}/restore", status_code=201)
async def restore_version(desk: Made, by: Ops, version: Id, body: Publication | None = None) -> dict[str, Any]:
    """Publish an earlier version's content again, as a new version, live at once."""
    number = whole_number("path", "version", version, 1, BIGGEST)
    note = (body.note if body else "") or f"restored from version {number}"
    found = await desk.database.read(lambda conn: _version(conn, number))
    await _refuse_bad(desk, found.document)
    return await desk.database.write(_publication(desk, found.document, note, by.id, "rulebook.restore"), urgent=True)


# The draft


@routes.get("/draft")
async def show_draft(desk: Made, by: Ops, response: Response) -> dict[str, Any]:
    """The draft, a copy of live until somebody edits it, and what the check says of it."""
    draft, live = await desk.database.read(lambda conn: (store.draft(conn), store.live_version(conn)))
    response.headers["ETag"] = _draft_tag(draft)
    return await _with_findings(draft, live)


@routes.put("/draft")
async def replace_draft(desk: Made, by: Ops, body: WholeDraft, response: Response, if_match: IfMatch = None) -> dict[str, Any]:
    """Replace the whole draft. It may have faults: they come back as findings, and publishing refuses them."""
    need_match(if_match)
    draft, live = await _edit(desk, by.id, "rulebook.draft", "draft", lambda held: _matched(held, if_match, body.document))
    response.headers["ETag"] = _draft_tag(draft)
    return await _with_findings(draft, live)


@routes.post("/draft/rules", status_code=201)
async def add_rule(desk: Made, by: Ops, body: Document, response: Response) -> dict[str, Any]:
    """Add a rule to the draft: the rule itself, or `{"rule": …, "before": key}`. 409 when its key is taken."""
    new = _new_rule(body)
    key = documents.key_of(new.rule)

    def changed(held: Draft) -> Document:
        return documents.with_rule(held.document, new.rule, new.before)

    draft, live = await _edit(desk, by.id, "rulebook.rule.add", key, changed)
    rule = documents.rule_of(draft.document, key)
    response.headers["ETag"] = documents.rule_tag(rule)
    response.headers["Location"] = f"/v1/rulebook/draft/rules/{key}"
    return await _rule_shown(draft, live, key)


@routes.get("/draft/rules/{key}")
async def show_rule(desk: Made, by: Ops, key: Id, response: Response) -> dict[str, Any]:
    """One rule of the draft. Its ETag is its own, so editors of different rules do not meet; the draft's ETag will do as well."""
    draft, live = await desk.database.read(lambda conn: (store.draft(conn), store.live_version(conn)))
    response.headers["ETag"] = documents.rule_tag(documents.rule_of(draft.document, key))
    return await _rule_shown(draft, live, key)


@routes.put("/draft/rules/{key}")
async def replace_rule(desk: Made, by: Ops, key: Id, body: Document, response: Response, if_match: IfMatch = None) -> dict[str, Any]:
    """Replace one rule of the draft where it stands: the rule itself, or `{"rule": …}`. It may get another key."""
    need_match(if_match)
    rule = _new_rule(body).rule
    new_key = documents.key_of(rule)

    def changed(held: Draft) -> Document:
        need_match(if_match, documents.rule_tag(documents.rule_of(held.document, key)), _draft_tag(held))
        return documents.replaced(held.document, key, rule)

    draft, live = await _edit(desk, by.id, "rulebook.rule.change", key, changed)
    response.headers["ETag"] = documents.rule_tag(rule)
    return await _rule_shown(draft, live, new_key)


@routes.delete("/draft/rules/{key}")
async def remove_rule(desk: Made, by: Ops, key: Id, response: Response, if_match: IfMatch = None) -> dict[str, Any]:
    """Take one rule out of the draft. Answers with the draft."""
    need_match(if_match)

    def changed(held: Draft) -> Document:
        need_match(if_match, documents.rule_tag(documents.rule_of(held.document, key)), _draft_tag(held))
        return documents.without(held.document, key)

    draft, live = await _edit(desk, by.id, "rulebook.rule.remove", key, changed)
    response.headers["ETag"] = _draft_tag(draft)
    return await _with_findings(draft, live)


# Looking before publishing


@routes.post("/check")
async def check_rulebook(desk: Made, by: Ops, body: Document) -> dict[str, Any]:
    """What is wrong with a document (the body itself, or `{"document": …}`); with `{}`, with the draft."""
    document = await _meant(desk, body)
    findings = await asyncio.to_thread(documents.findings, document)
    return {"ok": documents.passes(findings), "findings": findings}


@routes.post("/test")
async def run_tests(desk: Made, by: Ops, body: Document | None = None) -> dict[str, Any]:
    """Run a document's own tests (`{}` or nothing: the draft's)."""
    document = await _meant(desk, body or {})
    findings = await asyncio.to_thread(documents.findings, document)
    if not documents.passes(findings):
        raise _faulty(findings)
    tests = await asyncio.to_thread(trial.run_tests, document, desk.zone)
    return {"ok": all(test["ok"] for test in tests), "tests": tests}


@routes.post("/try")
async def try_rulebook(desk: Made, by: Ops, body: Trial) -> dict[str, Any]:
    """Judge facts as if they had just been heard: by live, another version, the draft, or a document. Nothing is kept."""
    if body.document is not None and body.version is not None:
        raise invalid("body", "#/version", "Expected a document or a version, not both.")

    def chosen(conn: Connection) -> tuple[int, Document]:
        if body.document is not None or body.version == "draft":
            return 0, store.draft(conn).document if body.document is None else body.document
        version = _version(conn, store.live_version(conn) if body.version is None else int(body.version))
        return version.version, version.document

    version, document = await desk.database.read(chosen)
    findings = await asyncio.to_thread(documents.findings, document)
    if not documents.passes(findings):
        raise _faulty(findings)
    now = desk.clock.now()
    return await asyncio.to_thread(trial.tried, document, version or None, desk.zone, body.given, body.at or now, desk.ids.new("dec"))


@routes.post("/publish", status_code=201)
async def publish_draft(desk: Made, by: Ops, body: Publication, if_match: IfMatch = None) -> dict[str, Any]:
    """Make the draft live. Refused with its findings or failed tests; `If-Match` names the draft that was looked at."""
    need_match(if_match)
    draft = await desk.database.read(store.draft)
    need_match(if_match, _draft_tag(draft))
    await _refuse_bad(desk, draft.document)
    publish = _publication(desk, draft.document, body.note, by.id, "rulebook.publish")

    def write(conn: Connection) -> dict[str, Any]:
        need_match(if_match, _draft_tag(store.lock_draft(conn)))
        return publish(conn)

    return await desk.database.write(write, urgent=True)


def _version(conn: Connection, version: int) -> store.Version:
    try:
        return store.get(conn, version)
    except NoRulebook:
        raise not_found("version") from None


def _new_rule(body: Document) -> NewRule:
    if "rule" not in body:
        return NewRule(rule=body)
    try:
        return NewRule.model_validate(body)
    except ValidationError as refused:
        raise RequestValidationError([{**error, "loc": ("body", *error["loc"])} for error in refused.errors()]) from None


def _draft_tag(draft: Draft) -> str:
    return tag(draft.revision)


def _matched(held: Draft, if_match: str | None, document: Document) -> Document:
    need_match(if_match, _draft_tag(held))
    return document


async def _edit(desk: Desk, by: str, action: str, subject: str, changed: Callable[[Draft], Document]) -> tuple[Draft, int]:
    """Edit the draft in one transaction and record who did it; the record keeps what differs, not two whole books."""
    now, change_id, salt = desk.clock.now(), desk.ids.new("chg"), desk.salt()

    def write(conn: Connection) -> tuple[Draft, int]:
        held = store.lock_draft(conn)
        document = changed(held)
        saved = store.save_draft(conn, document, now, by)
        before, after = documents.difference(held.document, document)
        chain.add_change(conn, id=change_id, at=now, actor=by, action=action, subject=subject, before=before, after=after, salt=salt)
        return saved, store.live_version(conn)

    return await desk.database.write(write, urgent=True)


def _publication(desk: Desk, document: Document, note: str, by: str, action: str) -> Callable[[Connection], dict[str, Any]]:
    """The write that makes `document` live. Runs inside the caller's transaction."""
    now, change_id, salt = desk.clock.now(), desk.ids.new("chg"), desk.salt()
    book_hash = documents.hash_of(document)

    def write(conn: Connection) -> dict[str, Any]:
        before = store.live(conn)
        version = store.publish(conn, document, book_hash, note, now, by)
        was = {"version": before.version, "hash": before.hash}
        became = {"version": version, "hash": book_hash}
        noted = {**became, "note": note}
        chain.add_change(conn, id=change_id, at=now, actor=by, action=action, subject="rulebook", before=was, after=noted, salt=salt)
        return became

    return write


async def _refuse_bad(desk: Desk, document: Document) -> None:
    """Raises 422 with `findings` or `failed_tests` unless the document may go live."""
    findings = await asyncio.to_thread(documents.findings, document)
    if not documents.passes(findings):
        raise _faulty(findings)
    failed = [test for test in await asyncio.to_thread(trial.run_tests, document, desk.zone) if not test["ok"]]
    if failed:
        raise Problem(422, "The rulebook fails tests of its own.", kind="rulebook-tests-failed", findings=findings, failed_tests=failed)


def _faulty(findings: list[dict[str, Any]]) -> Problem:
    return Problem(422, "The rulebook has faults; see findings.", kind="rulebook-faulty", findings=findings, failed_tests=[])


async def _meant(desk: Desk, body: Document) -> Document:
    """The document that a check or test is about: the draft for an empty body."""
    if not body:
        return (await desk.database.read(store.draft)).document  # type: ignore[no-any-return]
    if set(body) == {"document"}:
        if not isinstance(body["document"], dict):
            raise invalid("body", "#/document", "Expected an object.", code="dict_type")
        return body["document"]
    return body


async def _with_findings(draft: Draft, live: int) -> dict[str, Any]:
    findings = await asyncio.to_thread(documents.findings, draft.document)
    return {**draft_item(draft, live), "findings": findings, "ok": documents.passes(findings)}


async def _rule_shown(draft: Draft, live: int, key: str) -> dict[str, Any]:
    findings = await asyncio.to_thread(documents.findings, draft.document)
    return {
        "key": key,
        "rule": documents.rule_of(draft.document, key),
        "position": documents.position_of(draft.document, key),
        "draft_revision": draft.revision,
        "live_version": live,
        "findings": [finding for finding in findings if finding["rule"] == key],
    }
