"""Background facts of a ticket, from Zendesk's REST answers (reference/zendesk.md section 4; user records section 8.2).

A REST ticket is a snapshot of *now*, while the facts moment stands at the ticket's creation. So it carries only what
event deliveries never tell (who the requester is, custom fields) and the opening texts, never status, tags or group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsbridge.core.moments import FACTS, Actor, Moment, Text, Value
from tsbridge.vendors.zendesk.normalize import read_time, requester_facts, requester_handles, scalar


def facts_of(ticket: Mapping[str, Any], user: Mapping[str, Any] | None, phone_region: str) -> Moment:
    """The facts moment of one REST ticket and its requester's user record (None when it is unknown)."""
    facts: dict[str, Value] = {}
    people = ()
    if user is not None:
        facts.update(requester_facts(user, phone_region))
        people = requester_handles(user, phone_region)
    for entry in ticket.get("custom_fields") or ():
        if isinstance(entry, Mapping) and entry.get("id") is not None:
            facts[f"ticket.custom.{entry['id']}"] = scalar(entry.get("value"))
    texts = [Text("subject", ticket["subject"])] if ticket.get("subject") else []
    texts += [Text("description", ticket["description"])] if ticket.get("description") else []
    return Moment(
        source="zendesk",
        interaction=str(ticket["id"]),
        event=FACTS,
        at=read_time(ticket["created_at"]),
        facts=tuple(sorted(facts.items())),
        texts=tuple(texts),
        people=people,
        actor=Actor("system"),
    )
