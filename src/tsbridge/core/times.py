"""Times and days as callers write them and as they are shown; for commands, too, which know no web framework."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final

from tsbridge.core.rules.facts import YEARS

TIME_WORDS: Final = "Expected an RFC 3339 time with its zone, like 2026-11-22T09:16:02Z."
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def read_time(text: str) -> datetime:
    """An RFC 3339 instant as an aware UTC datetime. Raises `ValueError` with words that do not quote the text."""
    if not _TIME.fullmatch(text):
        raise ValueError(TIME_WORDS)
    text = text.upper()
    # datetime reads at most six fraction digits; nanoseconds are cut
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(TIME_WORDS) from None


def read_date(text: str) -> date:
    """A day of a year that calendars reach. Raises `ValueError` with words that do not quote the text."""
    try:
        found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or found.year not in YEARS:
        raise ValueError("Expected a date like 2026-12-24.")
    return found


def time_text(at: datetime | None) -> str | None:
    """RFC 3339 UTC as the API shows it: microseconds only where there are any."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
