"""How often a person was in touch, counted up to an instant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tsbridge.core.moments import Moment, Value

COUNTS = ("requester.contacts_24h", "requester.contacts_30d", "requester.cases_90d")


class Contact(NamedTuple):
    """An interaction of a person: when it was opened, its case, and whether the person reached us by it."""

    at: datetime
    case_id: str
    reached_us: bool = True


def says_none(moment: Moment) -> bool:
    """Whether a moment tells that its call is no contact of the person: we called, or the caller gave up at once."""
    if moment.source != "talkdesk":
        return False
    facts = dict(moment.facts)
    return facts.get("call.direction") in ("outbound", "internal") or facts.get("call.outcome") == "short_abandoned"


def counts_at(contacts: Sequence[Contact], at: datetime) -> dict[str, Value]:
    """Contacts opened in the last day and month, cases in the last quarter, this one included. `contacts`: oldest first."""
    if not contacts:
        return dict.fromkeys(COUNTS, 0)
    opened = [contact.at for contact in contacts if contact.reached_us]
    theirs = [contact for contact in contacts if at - timedelta(days=90) <= contact.at <= at]

    def since(span: timedelta) -> int:
        return bisect_right(opened, at) - bisect_left(opened, at - span)

    return {
        "requester.contacts_24h": since(timedelta(hours=24)),
        "requester.contacts_30d": since(timedelta(days=30)),
        "requester.cases_90d": len({contact.case_id for contact in theirs}),
    }
