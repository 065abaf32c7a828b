"""The rulebook as people read it: rules, versions, what differs between two of them in words and in effect, and how facts are judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import documents, effects, publishing, trial
from tsbridge.acts.documents import Document
from tsbridge.acts.errors import Refused
from tsbridge.acts.trial import TestResult, Tried
from tsbridge.console.forms import Table
from tsbridge.console.frame import NoPage, Visit
from tsbridge.console.render import address
from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.rules.shown import NEAR
from tsbridge.store import almanacs, rulebooks
from tsbridge.store.versions import Version

A_PAGE: Final = 60
VERSIONS: Final = 50
STORIES: Final = 100
LIVE, DRAFT = "live", "draft"
KEYS: Final = ("position", "kind", "key", "title", "does")
DONE: Final = {
    "published": "It is live.",
    "restored": "It is live, as a new version.",
    "saved": "The draft has it.",
    "removed": "The draft has it no more.",
    "begun": "The draft is a copy of the live version again.",
}


async def page(visit: Visit) -> Response:
    """The rules of a version, in their order; with words only those that have them in key, title or actions."""
    name, words = visit.word("version") or LIVE, visit.word("q")
    start = visit.number("start", 6) or 0
    document, title = await _document(visit, name)
    found = _rules(document, words)
    told = {"version": None if name == LIVE else name, "q": words}
    return visit.show(
        "rulebook.html",
        here="rulebook",
        name=name,
        title=title,
        rules=found[start : start + A_PAGE],
        count=len(found),
        q=words or "",
        earlier=address("rulebook", **told, start=max(0, start - A_PAGE)) if start else None,
        more=address("rulebook", **told, start=start + A_PAGE) if start + A_PAGE < len(found) else None,
        parts=[(part, len(document[part])) for part in ("queues", "policies", "lists", "calendars", "tests") if document.get(part)],
        done=visit.done(DONE),
        query=visit.request.url.query,
    )


async def table(visit: Visit) -> Table:
    document, _ = await _document(visit, visit.word("version") or LIVE)
    rows = [[one[key] for key in KEYS] for one in _rules(document, visit.word("q"))]
    return Table("rulebook", KEYS, rows)


async def rule(visit: Visit) -> Response:
    """One rule as it is written."""
    name, key = visit.word("version") or LIVE, visit.in_path("key")
    document, title = await _document(visit, name)
    found = documents.rule_of(document, key)
    text = visit.console.yaml_dump(documents.arranged(found, documents.RULE))
    return visit.show("rule.html", here="rulebook", name=name, title=title, key=key, rule=found, text=text)


async def versions(visit: Visit) -> Response:
    found = await visit.console.database.read(lambda conn: rulebooks.versions(conn, VERSIONS + 1, visit.number("before", 6)))
    more = address("rulebook/versions", before=found[VERSIONS - 1].version) if len(found) > VERSIONS else None
    return visit.show("versions.html", here="rulebook", versions=found[:VERSIONS], more=more)


async def difference(visit: Visit) -> Response:
    """From one version to another, in words and in effect."""
    one, other = visit.word("from") or LIVE, visit.word("to") or LIVE
    before, after = (await _document(visit, one))[0], (await _document(visit, other))[0]
    async with visit.turn():
        told = await compared(visit, before, after)
    return visit.show("difference.html", here="rulebook", one=one, other=other, told=told)


async def compared(visit: Visit, before: Document, after: Document) -> Mapping[str, Any]:
    """In words, and in effect on the newest stories. Takes its time."""
    newest = await visit.console.database.read(lambda conn: effects.newest(conn, STORIES))
    found: Mapping[str, Any] = await visit.console.aside(visit.console.apart, effects.compared, before, after, newest, visit.console.zone)
    return found


async def tests(visit: Visit) -> Response:
    """What the document's own tests say of it."""
    name = visit.word("version") or DRAFT
    document, title = await _document(visit, name)
    async with visit.turn():
        console = visit.console
        await console.aside(documents.refuse_faulty, console.apart, document)
        found: TestResult = await console.aside(console.apart, trial.tested, document, console.zone)
    return visit.show("tests.html", here="rulebook", name=name, title=title, found=found)


async def trying(visit: Visit) -> Response:
    """Facts that somebody made up, or a decision on record, judged by a version. Nothing is kept."""
    name, given = visit.word("version") or DRAFT, _lines(visit, "given")
    decision, wrong, found = visit.word("decision"), "", None
    if given or decision:
        try:
            async with visit.turn():
                found = await _tried(visit, name, given, decision)
        except Refused as refused:
            wrong = str(refused)
    return visit.show("try.html", here="rulebook", name=name, given=given, decision=decision or "", found=found, wrong=wrong)


async def _tried(visit: Visit, name: str, given: str, decision: str | None) -> Tried:
    console = visit.console
    try:
        facts = console.yaml_read(given.encode()) or {}
    except ValueError as bad:
        raise NoPage(422, f"What was given {bad}.") from None
    if not isinstance(facts, dict):
        raise NoPage(422, "Expected facts, one on each line, like channel: email.")
    trial_id = console.ids.new("dec")

    def chosen(conn: Connection) -> tuple[int, Document, trial.Asked, Almanac]:
        asked = trial.instead(trial.recorded(conn, None, decision), facts, None) if decision else trial.made_up(facts, visit.now, trial_id)
        if name == DRAFT:
            return 0, rulebooks.draft(conn).document, asked, INSTALLED
        version = publishing.version(conn, _number(name))
        return version.version, version.document, asked, almanacs.get(conn, version.almanac)

    number, document, asked, almanac = await console.database.read(chosen)
    await console.aside(documents.refuse_faulty, console.apart, document)
    found: Tried = await console.aside(console.apart, trial.tried, document, number or None, console.zone, asked, trial_id, NEAR, almanac)
    return found


async def _document(visit: Visit, name: str) -> tuple[Document, str]:
    """The document of a version and what it is called. The draft is nobody's below ops."""
    if name == DRAFT:
        if not visit.may("ops"):
            raise NoPage(403, "Looking at the draft needs the role ops or higher.")
        draft = await visit.console.database.read(rulebooks.draft)
        return draft.document, "the draft"
    version: Version = await visit.console.database.read(lambda conn: publishing.version(conn, _number(name)))
    words = f"version {version.version}, published by {version.published_by}"
    return version.document, f"live: {words}" if name == LIVE else words


def _number(name: str) -> int | None:
    if name == LIVE:
        return None
    if not (name.isascii() and name.isdigit() and len(name) <= 9):
        raise NoPage(422, "Expected live, draft or the number of a version.")
    return int(name)


def _rules(document: Document, words: str | None) -> list[dict[str, Any]]:
    """Each with its place, and what it does in one line."""
    found = []
    for position, one in enumerate(documents.rules(document)):
        if not isinstance(one, Mapping):
            continue
        does = actions(one.get("then") or ())
        line = {"position": position, "kind": one.get("kind"), "key": one.get("key"), "title": one.get("title") or "", "does": does}
        text = f"{line['key']} {line['title']} {does}".lower()
        if words is None or all(word in text for word in words.lower().split()):
            found.append(line)
    return found


def actions(then: Sequence[Any]) -> str:
    """What a rule does, in one line."""
    said = []
    for one in then if isinstance(then, list | tuple) else ():
        for name, value in one.items() if isinstance(one, Mapping) else ():
            shown = " ".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str | int) else json.dumps(value)
            said.append(f"{str(name).replace('_', ' ')} {shown}")
    return "; ".join(said)[:300]


def _lines(visit: Visit, name: str) -> str:
    return visit.request.query_params.get(name, "").replace("\r\n", "\n").strip()[:4_000]
