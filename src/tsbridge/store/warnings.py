"""What deliveries held that could not be taken as it was said: counted by kind, with a few of the words that name it.

A warning is `kind` or `kind:detail`. Kinds are ours and few; a detail is the name of a field or a channel's word, never what
people wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.moments import instant_text, read_instant
from tsbridge.store import stored_values

KINDS: Final = (
    "placeholder",
    "channel",
    "zoneless",
    "time_ahead",
    "time_too_old",
    "time_unreadable",
    "history_cut",
    "text_cut",
    "kills_its_reader",
    "other",
)
DETAILS: Final = 20
DETAIL_LENGTH: Final = 60
_NAME: Final = "warnings"


@dataclass(frozen=True, slots=True)
class Noted:
    """How often a kind was met, since when, when last, and the first few details, sorted."""

    count: int
    since: datetime
    last: datetime
    details: tuple[str, ...]


def note(conn: Connection, warnings: Iterable[str], now: datetime) -> None:
    """Count these. Who does so at the same time waits for this transaction's end."""
    found = list(warnings)
    if not found:
        return
    kept: dict[str, Any] = stored_values.lock(conn, _NAME, {})
    at = instant_text(now)
    for warning in found:
        name, _, detail = warning.partition(":")
        detail = detail[:DETAIL_LENGTH]
        of = kept.setdefault(name if name in KINDS else "other", {"count": 0, "since": at, "details": []})
        of |= {"count": of["count"] + 1, "last": at}
        if detail and detail not in of["details"] and len(of["details"]) < DETAILS:
            of["details"] = sorted([*of["details"], detail])
    stored_values.put(conn, _NAME, kept)


def noted(conn: Connection) -> dict[str, Noted]:
    """What was met so far, by kind."""
    kept: dict[str, Any] = stored_values.get(conn, _NAME) or {}
    return {
        kind: Noted(of["count"], read_instant(of["since"]), read_instant(of["last"]), tuple(of["details"]))
        for kind, of in sorted(kept.items())
    }
