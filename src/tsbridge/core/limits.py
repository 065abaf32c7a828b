"""The bounds of what comes from outside, with their units and why they are what they are; docs/limits.md has them all on one page,
with those that are one module's own and what happens when one is reached."""

from __future__ import annotations

from typing import Final

# What other sides answer us

CALL_S: Final = 20.0
"""Seconds one outgoing call may last, its short retries and all of its answer included: a side that sends a byte a second holds nobody."""
EXPORT_S: Final = 60.0
"""The same for a page of an export, which has a thousand tickets in it."""
LIST_PAGES: Final = 1_000
"""Of one list at a vendor: Talkdesk's paging ends at 10,000 items, a hundred thousand triggers or agents has nobody; more is a circle."""
ANSWER_BYTES: Final = 32 << 20
"""Of a vendor's answer, unpacked: an incremental page of a thousand tickets is about five million."""
RECEIPT_BYTES: Final = 256 << 10
"""Of a chat's or pager's answer to a message: a status and some words are wanted."""
PROVIDER_BYTES: Final = 256 << 10
"""Of an identity provider's answer: its discovery, its keys, a token."""
FEED_BYTES: Final = 2 << 20
"""Of an iCalendar feed: some ten thousand events."""
