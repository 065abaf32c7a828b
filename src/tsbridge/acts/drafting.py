"""The draft that ops edit. It may have faults: they are told, and keep it from going live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from tsbridge.acts import documents
from tsbridge.acts.documents import Document
from tsbridge.acts.errors import Invalid
from tsbridge.acts.ledger import Entry
from tsbridge.acts.shape import like
from tsbridge.core.rules.findings import Finding
from tsbridge.rulebook.examine import Examined
from tsbridge.store import rulebooks
from tsbridge.store.rulebooks import Draft


@dataclass(frozen=True, slots=True)
class DraftShown:
    """`ok`: nothing of its own keeps it from being published."""

    document: Document
    based_on: int
    revision: int
    updated_at: datetime
    updated_by: str
    live_version: int
    findings: Sequence[Finding]
    ok: bool


@dataclass(frozen=True, slots=True)
class RuleShown:
    """A rule of the draft. `position`: among all rules, from 0."""

    key: str
    rule: Document
    position: int
    draft_revision: int
    live_version: int
    findings: Sequence[Finding]


def held(conn: Connection) -> tuple[Draft, int]:
    """The draft, a copy of live until somebody edits it, and which version is live."""
    return rulebooks.draft(conn), rulebooks.live_version(conn)


def edit(
    conn: Connection, entry: Entry, changed: Callable[[Draft], Document], action: str, subject: str = "draft", base: int | None = None
) -> tuple[Draft, int]:
    """Put what `changed` makes of the draft in its place, and record what differs, not two whole books. Answers as `held`.

    `base`: the version that it is based on from now on; without one that stays. Raises `Invalid` when it is none.
    """
    was = rulebooks.lock_draft(conn)
    document = changed(was)
    if base is not None and base not in rulebooks.hashes(conn, {base}):
        raise Invalid({"/based_on": "Expected the number of a published version."}, "version")
    saved = rulebooks.save_draft(conn, document, entry.at, entry.by, base)
    before, after = documents.difference(was.document, saved.document)
    if saved.based_on != was.based_on:
        before, after = {**before, "based_on": was.based_on}, {**after, "based_on": saved.based_on}
    entry.change(conn, action, subject, before, after)
    return saved, rulebooks.live_version(conn)


def shown(draft: Draft, live: int, found: Examined) -> DraftShown:
    told, ok = (*found.own, *found.beside), documents.passes(found.own)
    return like(DraftShown, draft, live_version=live, findings=told, ok=ok)


def rule_shown(draft: Draft, live: int, key: str, found: Sequence[Finding]) -> RuleShown:
    """Raises `NotFound` without the rule."""
    rule, place = documents.rule_of(draft.document, key), documents.position_of(draft.document, key)
    return RuleShown(key, rule, place, draft.revision, live, found)
