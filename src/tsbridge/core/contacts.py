"""How often a person was in touch, counted up to an instant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from tsbridge.core.moments import Value

COUNTS = ("requester.contacts_24h", "requester.contacts_30d", "requester.cases_90d")


def counts_at(contacts: Sequence[tuple[datetime, str]], at: datetime) -> dict[str, Value]:
    """Contacts opened in the last day and month, cases in the last quarter, this one included."""
    if not contacts:
        return dict.fromkeys(COUNTS, 0)
    opened = [when for when, _ in contacts]
    upto = bisect_right(opened, at)

    def since(span: timedelta) -> int:
        return bisect_left(opened, at - span)

    return {
        "requester.contacts_24h": upto - since(timedelta(hours=24)),
        "requester.contacts_30d": upto - since(timedelta(days=30)),
        "requester.cases_90d": len({case_id for _, case_id in contacts[since(timedelta(days=90)) : upto]}),
    }
