"""What a change of the rulebook does: to the tests of both rulebooks, and to the newest stories on record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection

from tsbridge.acts.documents import Document
from tsbridge.core.contacts import COUNTS
from tsbridge.core.replay import contested
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import RulebookError
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.language import Rulebook
from tsbridge.roster.document import read as read_roster
from tsbridge.rulebook import diff
from tsbridge.rulebook.staffed import staffed
from tsbridge.store import history
from tsbridge.store.history import StoredCase

Newest = tuple[Sequence[StoredCase], datetime | None]
"""The newest cases, and the newest instant that anything was decided about."""


def newest(conn: Connection, most: int) -> Newest:
    return (history.recent(conn, most, contacts=True, staff=True) if most else ()), history.last_at(conn)


def compared(before: Document, after: Document, found: Newest, zone: tzinfo) -> dict[str, Any]:
    """What changed from one document to the other, in words and in effect. Takes its time."""
    return {**diff.diff(before, after), "effect": effect(before, after, found, zone)}


def effect(before: Document, after: Document, found: Newest, zone: tzinfo) -> dict[str, Any] | None:
    """The tests that the two decide differently, and what would move among these cases; None when one has faults. Takes its time."""
    try:
        one, other = read(before), read(after)
    except RulebookError:
        return None
    return {
        "tests": diff.effect(staffed(one, read_roster), staffed(other, read_roster), zone),
        "stories": _stories(one, other, found, zone),
    }


def _stories(one: Rulebook, other: Rulebook, found: Newest, zone: tzinfo) -> dict[str, Any] | None:
    cases, until = found
    if not cases or until is None:
        return None
    counted = bool((one.reads | other.reads) & set(COUNTS))
    tally = contested(cases, Judge(one, zone), Judge(other, zone), until, zone, counted=counted)
    return {"cases": len(cases), "summary": tally.summary()}
