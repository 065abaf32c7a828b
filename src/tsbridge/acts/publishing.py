"""Edits of the draft and the step to the live version, as the API and the command line take them: compared, and on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from tsbridge.acts.documents import Document, difference
from tsbridge.acts.ledger import Entry
from tsbridge.core.rules.language import Rulebook
from tsbridge.rulebook.diff import diff, touched
from tsbridge.store import rulebooks
from tsbridge.store.rulebooks import Draft, Live, StaleBase


def edit_draft(
    conn: Connection,
    changed: Callable[[Draft], Document],
    entry: Entry,
    *,
    action: str,
    subject: str = "draft",
    base: int | None = None,
) -> Draft:
    """Put what `changed` makes of the draft in its place, and record what differs, not two whole books.

    `base`: the version that it is based on from now on; without one that stays.
    """
    held = rulebooks.lock_draft(conn)
    saved = rulebooks.save_draft(conn, changed(held), entry.at, entry.by, base)
    before, after = difference(held.document, saved.document)
    if saved.based_on != held.based_on:
        before, after = {**before, "based_on": held.based_on}, {**after, "based_on": saved.based_on}
    entry.change(conn, action, subject, before, after)
    return saved


def go_live(
    conn: Connection,
    book: Rulebook,
    note: str,
    entry: Entry,
    *,
    action: str = "rulebook.publish",
    base: int | None = None,
) -> int:
    """Make `book` the live version and record what that did to which rules; returns its number.

    `base`: the version it was begun from; without one it is not compared. Raises `StaleBase`.
    """
    rulebooks.lock_draft(conn)
    was: Live = rulebooks.live(conn)
    version = rulebooks.publish(conn, book.document, book.hash, note, entry.at, entry.by, base, book.almanac)
    rules = touched(was.document, book.document)
    before = {"version": was.version, "hash": was.hash}
    after = {"version": version, "hash": book.hash, "note": note, "rules": rules, "almanac": book.almanac.hash}
    entry.change(conn, action, "rulebook", before, after, also=[key for keys in rules.values() for key in keys])
    return version


def stale(found: StaleBase, document: Document) -> dict[str, Any]:
    """What somebody has to know whose base is no longer live: what others changed meanwhile, and which rules both changed."""
    theirs = diff(found.base.document, found.live.document)
    mine = {key for keys in touched(found.base.document, document).values() for key in keys}
    clashes = sorted(mine & {one["key"] for one in theirs["rules"]})
    return {"based_on": found.base.version, "live_version": found.live.version, "difference": theirs, "clashes": clashes}
