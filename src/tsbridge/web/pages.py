"""Keyset pages: `?limit=` (1 to 200) and `?cursor=`, answered as `{"items": [...], "next_cursor": "..." | null}`.

A cursor names the last row seen by its sort key, so rows that are added while somebody walks the pages are neither
doubled nor lost. It is opaque to callers; one that we did not make for this list is refused with 422.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import Field

from tsbridge.web.inputs import whole_number
from tsbridge.web.problems import invalid

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
_SEAL: Final = 6
_BIGGEST: Final = (1 << 63) - 1

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Key = tuple[int | str, ...]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Listed(Generic[Item]):
    """A page of a list."""

    items: Sequence[Item]
    next_cursor: Annotated[str | None, Field(description="For the next page; null on the last.")]


class Page:
    """What the caller asked for: at most `limit` rows behind the row that `cursor` names. `open`: they said neither."""

    def __init__(
        self,
        limit: Annotated[
            str | None,
            Query(
                description="How many items, 1 to 200; 50 unless told.",
                json_schema_extra={"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
            ),
        ] = None,
        cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=600)] = None,
    ) -> None:
        self.limit = DEFAULT_LIMIT if limit is None else whole_number("query", "limit", limit, 1, MAX_LIMIT)
        self.cursor = cursor
        self.open = limit is None and cursor is None

    def after(self, name: str, *kinds: type) -> Key | None:
        """The sort key to go on behind; None for the first page. `name` is the list's, `kinds` the types of its key."""
        return None if self.cursor is None else open_cursor(self.cursor, name, kinds)

    def after_number(self, name: str) -> int | None:
        """As `after`, in a list by a number."""
        last = self.after(name, int)
        return None if last is None else int(last[0])

    def after_text(self, name: str) -> str | None:
        """As `after`, in a list by a text."""
        last = self.after(name, str)
        return None if last is None else str(last[0])

    def after_instant(self, name: str) -> tuple[datetime, str] | None:
        """As `after`, in a list by an instant and, of those of one instant, an id."""
        last = self.after(name, int, str)
        return None if last is None else (instant_of(last[0]), str(last[1]))

    def of(self, name: str, found: Sequence[Item], key: Callable[[Item], Key]) -> Listed[Item]:
        """The page of up to `limit + 1` items: the one too many only says that there is a next page."""
        here = found[: self.limit]
        return Listed(here, seal_cursor(name, key(here[-1])) if len(found) > self.limit else None)


Paged = Annotated[Page, Depends(Page)]


def instant_part(at: datetime) -> int:
    """A time as part of a key: microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant_of(part: int | str) -> datetime:
    """The way back. Raises 422 for a number that is no time we know."""
    try:
        return _EPOCH + timedelta(microseconds=int(part))
    except OverflowError:
        raise invalid("query", "cursor", "Expected the next_cursor of an earlier page of this list, unchanged.", code="cursor") from None


def seal_cursor(name: str, key: Key) -> str:
    payload = json.dumps([name, *key], separators=(",", ":"), ensure_ascii=True).encode()
    return base64.urlsafe_b64encode(_digest(payload) + payload).decode().rstrip("=")


def open_cursor(text: str, name: str, kinds: Sequence[type]) -> Key:
    """The key inside, or 422. The seal finds accidents, not attackers: every part is checked as input all the same."""
    refused = invalid("query", "cursor", "Expected the next_cursor of an earlier page of this list, unchanged.", code="cursor")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise refused from None
    seal, payload = raw[:_SEAL], raw[_SEAL:]
    if seal != _digest(payload) or base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise refused
    try:
        parts = json.loads(payload)
    except (ValueError, RecursionError):
        raise refused from None
    if not isinstance(parts, list) or parts[:1] != [name] or len(parts) != len(kinds) + 1:
        raise refused
    for part, kind in zip(parts[1:], kinds, strict=True):
        if type(part) is not kind or (isinstance(part, int) and abs(part) > _BIGGEST):
            raise refused
        if isinstance(part, str) and ("\x00" in part or not part.isprintable()):
            raise refused
    return tuple(parts[1:])


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(b"tsbridge cursor\x00" + payload).digest()[:_SEAL]
