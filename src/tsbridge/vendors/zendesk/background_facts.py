"""Background facts of a ticket, from Zendesk's REST answers (reference/zendesk.md section 4; user records section 8.2).

A REST ticket is a snapshot of *now*, while the facts moment stands at the ticket's creation. So it carries only what
event deliveries never tell (who the requester is, custom fields) and the opening texts, never status, tags or group.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tsbridge.core.moments import FACTS, Actor, Moment, Text, Value
from tsbridge.vendors import reading
from tsbridge.vendors.zendesk.read_fields import follows, inside, names_in, scalar


def facts_of(ticket: Mapping[str, Any], user: Mapping[str, Any] | None, phone_region: str, now: datetime) -> Moment | None:
    """The facts moment of one REST ticket and its requester's user record; None for a ticket without id or creation.

    Where the creation's time cannot be believed it stands at `now`, when we were told.
    """
    id_, created = reading.whole_id(ticket.get("id")), reading.time(ticket.get("created_at"))
    if id_ is None or created is None:
        return None
    believed = reading.doubt(created, now) is None
    known = user or {"id": ticket.get("requester_id")}
    person, people = reading.person_facts(known.get("id"), known.get("name"), known.get("email"), known.get("phone"), phone_region)
    facts: dict[str, Value] = dict(person)
    if user is not None and "tags" in user:
        facts["requester.tags"] = reading.tags(user["tags"])
    if (followed := follows(inside(ticket, "via"))) is not None:
        facts["ticket.follows"] = followed
    for entry in ticket.get("custom_fields") or ():
        if isinstance(entry, Mapping) and reading.whole_id(entry.get("id")):
            facts[f"ticket.custom.{entry['id']}"] = scalar(entry.get("value"))
    texts = [Text("subject", t)] if (t := reading.text(ticket.get("subject"), reading.SUBJECT_LENGTH)) else []
    texts += [Text("description", t)] if (t := reading.text(ticket.get("description"))) else []
    return Moment(
        source="zendesk",
        interaction=id_,
        event=FACTS,
        at=created if believed else now,
        at_known=believed,
        facts=tuple(sorted(facts.items())),
        texts=tuple(texts),
        names=names_in(facts),
        people=people,
        actor=Actor("system"),
    )
