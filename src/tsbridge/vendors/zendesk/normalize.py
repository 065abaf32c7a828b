"""Zendesk deliveries into moments: events that were subscribed to, and bodies of triggers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tsbridge.vendors.errors import Malformed
from tsbridge.vendors.reading import Normalized, blank
from tsbridge.vendors.zendesk.payload import is_event
from tsbridge.vendors.zendesk.read_event import from_event
from tsbridge.vendors.zendesk.read_fields import NOBODY, OwnUser
from tsbridge.vendors.zendesk.read_trigger import from_body


def normalize(data: Any, *, received_at: datetime, own: OwnUser = NOBODY, phone_region: str = "US") -> Normalized:
    """The moments of one delivery. Raises `Malformed` when it is no delivery we know the shape of."""
    if not isinstance(data, Mapping):
        raise Malformed("not_an_object")
    if is_event(data):
        return from_event(data, received_at, own)
    if isinstance(data.get("ticket"), Mapping):
        return from_body(data, data["ticket"], received_at, own, phone_region)
    if not blank(data.get("ticket_id")):
        ticket = {"id": data["ticket_id"], "updated_at": data.get("updated_at")}
        return from_body(
            {"actor": {"email": data.get("actor_email")}, **data, "type": "ticket.updated"}, ticket, received_at, own, phone_region
        )
    raise Malformed("unknown_shape")
