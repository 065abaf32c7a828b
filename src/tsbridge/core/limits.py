"""The bounds of what comes from outside, with their units and why they are what they are; docs/limits.md has them all on one page,
with those that are one module's own and what happens when one is reached."""

from __future__ import annotations

from typing import Final

# What other sides answer us

CALL_S: Final = 30.0
"""Seconds one outgoing call may last, its short retries and all of its answer included: a side that sends a byte a second holds nobody."""
ANSWER_BYTES: Final = 32 << 20
"""Of a vendor's answer, unpacked: an incremental page of a thousand tickets is about five million."""
RECEIPT_BYTES: Final = 256 << 10
"""Of a chat's or pager's answer to a message: a status and some words are wanted."""
FEED_BYTES: Final = 2 << 20
"""Of an iCalendar feed: some ten thousand events."""
