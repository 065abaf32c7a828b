"""The draft: one rule at a time with findings at their lines, what it changes, and the step to the live version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from tsbridge.acts import documents, drafting, going_live, publishing
from tsbridge.acts.documents import Document
from tsbridge.acts.errors import Changed, Faulty, Refused
from tsbridge.console.frame import NoPage, Visit
from tsbridge.console.rulebook import DONE, compared
from tsbridge.core.rules.findings import Finding
from tsbridge.store.rulebooks import Draft

RULE_BYTES: Final = 200_000
FINDINGS: Final = 60
NEW: Final = """\
key: a-new-rule
kind: escalation
title: What it is about
when:
  any:
    - field: text.requester
      operator: contains_any
      value: [a word, another one]
then:
  - set_severity: 2
"""


@dataclass(frozen=True, slots=True)
class Said:
    """A finding, the line of the text it is about, and that line. Without a line: about the whole."""

    severity: str
    message: str
    line: int | None
    text: str


async def page(visit: Visit) -> Response:
    """What the draft changes, in words and in effect; what the check says of it; and the step to live."""
    draft, live = await visit.console.database.read(drafting.held)
    base = (await visit.console.database.read(lambda conn: publishing.version(conn, None))).document
    async with visit.turn():
        told = await compared(visit, base, draft.document)
        found = await going_live.examined(visit.console, draft.document)
    return _page(visit, draft, live, told, [*found.own, *found.beside])


def _page(visit: Visit, draft: Draft, live: int, told: Any, findings: Sequence[Finding], wrong: str = "", failed: Any = ()) -> Response:
    worst = documents.ordered(findings)
    return visit.show(
        "draft.html",
        here="rulebook",
        draft=draft,
        live=live,
        told=told,
        findings=worst[:FINDINGS],
        left_out=max(0, len(worst) - FINDINGS),
        sound=documents.passes(findings),
        wrong=wrong,
        failed=failed,
        done=visit.done(DONE),
    )


async def show_rule(visit: Visit) -> Response:
    """A rule of the draft, to be edited."""
    key = visit.in_path("key")
    draft, _ = await visit.console.database.read(drafting.held)
    rule = documents.rule_of(draft.document, key)
    text = visit.console.yaml_dump(documents.arranged(rule, documents.RULE))
    return await _edited(visit, key, text, _mark(rule), draft.document)


async def new_rule(visit: Visit) -> Response:
    """A form for a rule that is not there yet."""
    return _editor(visit, "", visit.request.query_params.get("text", NEW)[:10_000], "", [])


async def check(visit: Visit) -> Response:
    """What the check would say of the draft with this text in place of the rule. Nothing is kept."""
    key, text = visit.in_path("key"), _text(visit)
    draft, _ = await visit.console.database.read(drafting.held)
    try:
        document, _ = _with(visit, draft.document, key, text)
    except NotRead as bad:
        return _editor(visit, key, text, visit.sent("seen"), bad.said)
    return await _edited(visit, key, text, visit.sent("seen"), document, "Checked; the draft does not have it yet.")


async def save(visit: Visit) -> Response:
    """Put the rule into the draft. Somebody else's change meanwhile is not written over: the text stays in the form."""
    key, text, seen = visit.in_path("key"), _text(visit), visit.sent("seen")

    def changed(held: Draft) -> Document:
        if key and _mark(documents.rule_of(held.document, key)) != seen:
            raise Changed("This rule was changed meanwhile. What you wrote stands here still; open the rule once more beside it.")
        return _with(visit, held.document, key, text)[0]

    try:
        draft, _ = await visit.console.database.read(drafting.held)
        _, new_key = _with(visit, draft.document, key, text)
        action = "rulebook.rule.change" if key else "rulebook.rule.add"
        await visit.act(drafting.edit, changed, action, key or new_key)
    except NotRead as bad:
        return _editor(visit, key, text, seen, bad.said)
    except Refused as refused:
        return _editor(visit, key, text, seen, [Said("error", str(refused), None, "")])
    return visit.go(f"/rulebook/draft/rules/{new_key}?done=saved")


async def remove(visit: Visit) -> Response:
    """Take a rule out of the draft."""
    key, seen = visit.in_path("key"), visit.sent("seen")

    def changed(held: Draft) -> Document:
        if _mark(documents.rule_of(held.document, key)) != seen:
            raise Changed
        return documents.without(held.document, key)

    await visit.act(drafting.edit, changed, "rulebook.rule.remove", key)
    return visit.go("/rulebook/draft?done=removed")


async def begin_again(visit: Visit) -> Response:
    """The draft is a copy of live again."""
    live = await visit.console.database.read(lambda conn: publishing.version(conn, None))
    await visit.act(drafting.edit, lambda held: live.document, "rulebook.draft", base=live.version)
    return visit.go("/rulebook/draft?done=begun")


async def publish(visit: Visit) -> Response:
    """Make the draft that was looked at live, or say why not."""
    draft, live = await visit.console.database.read(drafting.held)
    note, seen = visit.needed("note", 1_000), visit.sent("seen")

    def looked_at(held: Draft) -> None:
        if str(held.revision) != seen:
            raise Changed("The draft was changed since you looked at it; look again.")

    try:
        await going_live.publish_draft(visit.console, visit.by, note, looked_at)
    except Changed as told:
        if told.kind is None:
            raise
        return _page(visit, draft, live, told.more["difference"], [], f"{told} Both changed: {', '.join(told.more['clashes']) or 'none'}.")
    except Faulty as faulty:
        findings = [Finding(**one) for one in faulty.more.get("findings", ())]
        return _page(visit, draft, live, None, findings, str(faulty), faulty.more.get("failed_tests", ()))
    return visit.go("/rulebook?done=published")


async def restore(visit: Visit) -> Response:
    """Publish an earlier version's content again, as a new version."""
    text = str(visit.request.path_params["number"])
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise NoPage(422, "Expected the number of a version.")
    await going_live.restore(visit.console, visit.by, int(text))
    return visit.go("/rulebook?done=restored")


class NotRead(Exception):
    """The text is no rule. `said`: why, and on which line."""

    def __init__(self, said: list[Said]) -> None:
        super().__init__("not read")
        self.said = said


def _with(visit: Visit, document: Document, key: str, text: str) -> tuple[Document, str]:
    """The document with this text in place of the rule, or as a new one; and the rule's key. Raises `NotRead`."""
    try:
        rule = visit.console.yaml_read(text.encode())
    except ValueError as bad:
        line = getattr(bad, "line", None)
        raise NotRead([Said("error", f"The text {getattr(bad, 'words', bad)}", line, _line(text, line))]) from None
    if not isinstance(rule, dict):
        raise NotRead([Said("error", "Expected a rule: key, kind, when, then.", 1, _line(text, 1))])
    new_key = documents.key_of(rule)
    changed = documents.replaced(document, key, rule) if key else documents.with_rule(document, rule, None)
    return changed, new_key


async def _edited(visit: Visit, key: str, text: str, seen: str, document: Document, done: str = "") -> Response:
    """The form with what the check says of the rule, each finding at its line."""
    console = visit.console
    try:
        rule_key = key if not text else documents.key_of(console.yaml_read(text.encode()))
        place = f"/rules/{documents.position_of(document, rule_key)}"
    except (ValueError, Refused):
        rule_key, place = key, "/rules/-"
    async with visit.turn():
        found: Sequence[Finding] = await console.aside(documents.findings, document, console.zone, about=rule_key)
    lines = console.yaml_lines(text.encode())
    said = []
    for one in documents.ordered(found)[:FINDINGS]:
        line = lines(one.path.removeprefix(place)) if one.path.startswith(place) else None
        said.append(Said(one.severity, one.message, line, _line(text, line)))
    return _editor(visit, key, text, seen, said, done)


def _editor(visit: Visit, key: str, text: str, seen: str, said: Sequence[Said], done: str = "") -> Response:
    return visit.show(
        "edit.html",
        here="rulebook",
        key=key,
        text=text,
        seen=seen,
        said=said,
        done=done or visit.done(DONE),
        rows=min(40, text.count("\n") + 4),
    )


def _mark(rule: Document) -> str:
    """Names the state of a rule that somebody looks at."""
    return hashlib.sha256(json.dumps(rule, sort_keys=True).encode()).hexdigest()[:16]


def _line(text: str, line: int | None) -> str:
    lines = text.split("\n")
    return lines[line - 1].strip()[:120] if line is not None and 0 < line <= len(lines) else ""


def _text(visit: Visit) -> str:
    text = visit.form.get("text", "").replace("\r\n", "\n")
    if len(text.encode()) > RULE_BYTES:
        raise NoPage(413, f"Expected a rule of at most {RULE_BYTES} bytes; larger ones are edited as a file.")
    return text
