"""What somebody changed on a ticket and its story has not heard: it is rung for before we write over it.

A wish is what a story asked for as far as it was heard. A delivery that is late, or lost, must not cost a person's edit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from tsbridge.core.helpdesk import Current
from tsbridge.core.moments import Value
from tsbridge.core.ports import Ids
from tsbridge.store import cases, inbox
from tsbridge.store.desired import ClaimedWish
from tsbridge.vendors.zendesk.trigger import VERSION


def known(conn: Connection, claimed: Sequence[ClaimedWish]) -> dict[str, Mapping[str, Value]]:
    """What the story of each ticket last heard it to read."""
    return cases.facts_of(conn, {wish.ticket: wish.case_id for wish in claimed})


def heard(conn: Connection, ids: Ids, ticket: Current, now: datetime) -> bool:
    """Whether the ticket was read as it stands; else it is rung for. Where nothing more can be heard, what is wished is written."""
    key = f"unheard:{ticket.id}:{ticket.updated_at}"
    if (status := inbox.status_of(conn, "zendesk", key)) is not None:
        return status != "pending"
    body = json.dumps({"tsbridge": VERSION, "type": "ticket.updated", "ticket_id": ticket.id}).encode()
    inbox.keep(conn, [inbox.Delivery(ids.new("evt"), "zendesk", key, now, {}, body, polled=True)])
    return False
