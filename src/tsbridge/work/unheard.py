"""What somebody changed on a ticket and its story has not heard: it is rung for before we write over it.

A wish is what a story asked for as far as it was heard. A delivery that is late, or lost, must not cost a person's edit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from tsbridge.core.helpdesk import Current, Edit, Ours, unheard, unsure
from tsbridge.core.moments import Value
from tsbridge.core.ports import Ids
from tsbridge.store import budget, cases, inbox, moments
from tsbridge.store.desired import ClaimedWish
from tsbridge.vendors.zendesk.trigger import VERSION

UNSURE_FOR: Final = timedelta(minutes=10)
"""How long a value waits for the audits that tell whether a first impression was right, where they cannot be had; as long as Zendesk is
being read it waits for its turn, however long that is. Tags are written at once: they come off again."""


@dataclass(frozen=True, slots=True)
class Story:
    """What the story of a ticket last heard it to read, and whether it rests on first impressions."""

    facts: Mapping[str, Value] = field(default_factory=dict, hash=False)
    impression: bool = False


NOTHING: Final = Story()


def stories(conn: Connection, claimed: Sequence[ClaimedWish]) -> dict[str, Story]:
    """The stories of these tickets; those of which nothing was heard are left out."""
    facts = cases.facts_of(conn, {wish.ticket: wish.case_id for wish in claimed})
    impressions = moments.with_impressions(conn, sorted(facts))
    return {ticket: Story(known, ticket in impressions) for ticket, known in facts.items()}


def cannot_be_had(conn: Connection, now: datetime) -> bool:
    """Whether Zendesk did not answer somebody who read it lately. That there are too few reads for all at once is no such thing."""
    closed_until = budget.reads(conn).closed_until
    return closed_until is not None and closed_until > now - UNSURE_FOR


def parts(edit: Edit, current: Current, ours: Ours, story: Story, long: bool) -> tuple[frozenset[str], frozenset[str]]:
    """What of an edit has to wait: until the ticket was read as it stands, and until its first impressions gave way to audits.

    `long`: it waited long enough for audits that cannot be had.
    """
    doubtful = unsure(edit, ours) if story.impression and not long else frozenset()
    return unheard(edit, current, ours, story.facts), doubtful


def heard(conn: Connection, ids: Ids, ticket: Current, now: datetime) -> bool:
    """Whether the ticket was read as it stands; else it is rung for. Where nothing more can be heard, what is wished is written."""
    key = f"unheard:{ticket.id}:{ticket.updated_at}"
    if (status := inbox.status_of(conn, "zendesk", key)) is not None:
        return status != "pending"
    body = json.dumps({"tsbridge": VERSION, "type": "ticket.updated", "ticket_id": ticket.id}).encode()
    inbox.keep(conn, [inbox.Delivery(ids.new("evt"), "zendesk", key, now, {}, body, polled=True)])
    return False
