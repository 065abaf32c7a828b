"""The delivery key of a Zendesk webhook: what makes two deliveries the same one. From signed content only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from tsbridge.vendors.zendesk.verify import TIMESTAMP

EVENT: Final = "zen:event-type:"


def delivery_key(data: Any, raw: bytes, headers: Mapping[str, str]) -> str:
    """The key of a proven delivery; `data` is None when it could not be read.

    Events carry an id of their own. A trigger body carries the `delivery` our template puts in, which names a ticket and
    a second: the body counts too, or the second of two changes within one second would be lost. A body without either is
    known by its signed timestamp and bytes; one that cannot be read by its bytes alone.
    """
    if data is None:
        return "raw:" + hashlib.sha256(raw).hexdigest()
    if isinstance(data, Mapping):
        if is_event(data) and isinstance(data.get("id"), str) and data["id"]:
            return "id:" + str(data["id"])[:200]
        delivery = data.get("delivery")
        if isinstance(delivery, str) and delivery and "{{" not in delivery:
            return f"delivery:{delivery[:200]}:{hashlib.sha256(raw).hexdigest()}"
    signed = headers.get(TIMESTAMP, "").encode("utf-8", "surrogateescape") + raw
    return "signed:" + hashlib.sha256(signed).hexdigest()


def is_event(data: Mapping[str, Any]) -> bool:
    """Whether it is an event subscription's body rather than one typed by an admin."""
    kind = data.get("type")
    return isinstance(kind, str) and kind.startswith(EVENT)
