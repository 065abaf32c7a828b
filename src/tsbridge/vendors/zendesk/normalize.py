"""Zendesk deliveries into moments: events that were subscribed to, and bodies of triggers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tsbridge.core import strict_json
from tsbridge.core.errors import Malformed
from tsbridge.vendors.reading import Normalized, blank, id_text, text
from tsbridge.vendors.zendesk.payload import is_event, ring_of
from tsbridge.vendors.zendesk.read_event import from_event
from tsbridge.vendors.zendesk.read_fields import NOBODY, OwnUser
from tsbridge.vendors.zendesk.read_trigger import from_body, from_version_2, ring
from tsbridge.vendors.zendesk.trigger import VERSION


def read(raw: bytes, *, received_at: datetime, own: OwnUser = NOBODY, phone_region: str = "US") -> Normalized:
    """The moments of one delivery as it came. A trigger body that is broken behind its leading members still rings for its ticket."""
    try:
        data = strict_json.read(raw)
    except Malformed:
        if (ticket := ring_of(raw)) is None:
            raise
        return ring(ticket, received_at)
    return normalize(data, received_at=received_at, own=own, phone_region=phone_region)


def normalize(data: Any, *, received_at: datetime, own: OwnUser = NOBODY, phone_region: str = "US") -> Normalized:
    """The moments of one delivery. Raises `Malformed` when it is no delivery we know the shape of."""
    if not isinstance(data, dict):
        raise Malformed("not_an_object")
    return _moments(data, received_at, own, phone_region)._replace(account=_account(data))


def _moments(data: Mapping[str, Any], received_at: datetime, own: OwnUser, phone_region: str) -> Normalized:
    if is_event(data):
        return from_event(data, received_at, own)
    rings = not blank(data.get("ticket_id"))
    if rings and data.get("tsbridge") == VERSION:
        return from_version_2(data, received_at, own, phone_region)
    ticket = data.get("ticket")
    if isinstance(ticket, Mapping) and not (rings and blank(ticket.get("id"))):
        return from_body(data, ticket, received_at, own, phone_region)
    if rings:
        ticket = {"id": data["ticket_id"], "updated_at": data.get("updated_at")}
        return from_body(
            {"actor": {"email": data.get("actor_email")}, **data, "type": "ticket.updated"}, ticket, received_at, own, phone_region
        )
    raise Malformed("unknown_shape")


def _account(data: Mapping[str, Any]) -> str | None:
    """Which account says so: events give its number, our trigger bodies its name. Two kinds, never compared with each other."""
    if is_event(data):
        return None if (number := id_text(data.get("account_id"))) is None else f"id:{number}"
    name = text(data.get("account"), 200) if "tsbridge" in data else None
    return None if name is None else f"name:{name}"
