"""The step to the live version: compared with what is live, and on record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Connection

from tsbridge.acts import documents
from tsbridge.acts.documents import Document
from tsbridge.acts.errors import Changed, Faulty, NotFound
from tsbridge.acts.ledger import Entry
from tsbridge.core.rules.findings import Finding
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.language import Rulebook
from tsbridge.rulebook.diff import diff, touched
from tsbridge.rulebook.ready import Ready
from tsbridge.store import rulebooks
from tsbridge.store.rulebooks import Draft, Live, StaleBase
from tsbridge.store.versions import Version


@dataclass(frozen=True, slots=True)
class VersionMade:
    """`findings`: what the version names that Zendesk does not have."""

    version: int
    hash: str
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed from one rulebook to another, in words, and in `effect`; None where one of them has faults."""

    since: Annotated[int | str, Field(alias="from")]
    until: Annotated[int | str, Field(alias="to")]
    same: bool
    rules: list[dict[str, Any]]
    order_changed: bool
    parts: list[dict[str, Any]]
    other: list[dict[str, Any]]
    effect: dict[str, Any] | None


def version(conn: Connection, number: int | None = None) -> Version:
    """A published version; without a number the live one. Raises `NotFound`."""
    try:
        return rulebooks.get(conn, rulebooks.live_version(conn) if number is None else number)
    except rulebooks.NoRulebook:
        raise NotFound("version") from None


def chosen(conn: Connection, document: Document | None, number: int | None) -> Document:
    """A document, else a version's, else the draft's. Raises `NotFound`."""
    if document is None:
        document = rulebooks.draft(conn).document if number is None else version(conn, number).document
    return document


def judge_of(ready: Ready, found: Sequence[Finding]) -> Judge:
    """What may go live. Raises `Faulty`; `found`: what there is to say besides where tests fail."""
    if ready.judge is None:
        raise documents.faulty(ready.faults)
    if ready.failed:
        told = {"findings": [one.to_json() for one in found], "failed_tests": [test.to_json() for test in ready.failed]}
        raise Faulty("The rulebook fails tests of its own.", "rulebook-tests-failed", **told)
    return ready.judge


def go_live(
    conn: Connection,
    entry: Entry,
    book: Rulebook,
    note: str,
    action: str = "rulebook.publish",
    base: int | None = None,
    seen: Callable[[Draft], None] = lambda held: None,
) -> int:
    """Make `book` the live version and record what that did to which rules; returns its number.

    `base`: the version it was begun from; without one it is not compared. `seen` is shown the draft and may
    refuse. Raises `StaleBase`.
    """
    seen(rulebooks.lock_draft(conn))
    was: Live = rulebooks.live(conn)
    number = rulebooks.publish(conn, book.document, book.hash, note, entry.at, entry.by, base, book.almanac)
    rules = touched(was.document, book.document)
    before = {"version": was.version, "hash": was.hash}
    after = {"version": number, "hash": book.hash, "note": note, "rules": rules, "almanac": book.almanac.hash}
    entry.change(conn, action, "rulebook", before, after, also=[key for keys in rules.values() for key in keys])
    return number


def stale(found: StaleBase, document: Document) -> Changed:
    """What somebody has to know whose base is no longer live: what others changed meanwhile, and which rules both changed."""
    theirs = diff(found.base.document, found.live.document)
    mine = {key for keys in touched(found.base.document, document).values() for key in keys}
    clashes = sorted(mine & {one["key"] for one in theirs["rules"]})
    told: dict[str, Any] = {"based_on": found.base.version, "live_version": found.live.version, "difference": theirs, "clashes": clashes}
    return Changed(f"The draft is {found}: what differs is in difference.", "stale_base", **told)
