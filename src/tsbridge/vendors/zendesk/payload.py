"""What a Zendesk delivery is before it is read: which other one it repeats, whose ticket it rings for. From signed content only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from tsbridge.vendors.zendesk.verify import TIMESTAMP

EVENT: Final = "zen:event-type:"
_LEADING: Final = re.compile(
    # version 2 and, behind the bar, version 1; nothing that people type stands in what these take
    rb"""\s*\{\s*"tsbridge"\s*:\s*"
    (?:2"\s*,\s*"type"\s*:\s*"ticket\.[a-z]+"\s*,\s*"ticket_id"
      |1"\s*,\s*"type"\s*:\s*"ticket\.[a-z]+"\s*,\s*"delivery"\s*:\s*"[^"\\]*"\s*,\s*"ticket"\s*:\s*\{\s*"id")
    \s*:\s*"([0-9]{1,19})"\s*[,}]""",
    re.VERBOSE,
)


def delivery_key(data: Any, raw: bytes, headers: Mapping[str, str]) -> str:
    """The key of a proven delivery; `data` is None when it could not be read.

    Events carry an id of their own. Of trigger bodies not even equal bytes make the same delivery, two changes within one minute
    may look alike: they are known by their signed timestamp and bytes. One that cannot be read at all by its bytes alone.
    """
    if data is None and ring_of(raw) is None:
        return "raw:" + hashlib.sha256(raw).hexdigest()
    if isinstance(data, Mapping) and is_event(data) and isinstance(data.get("id"), str) and data["id"]:
        return "id:" + str(data["id"])[:200]
    signed = headers.get(TIMESTAMP, "").encode("utf-8", "surrogateescape") + raw
    return "signed:" + hashlib.sha256(signed).hexdigest()


def is_event(data: Mapping[str, Any]) -> bool:
    """Whether it is an event subscription's body rather than one typed by an admin."""
    kind = data.get("type")
    return isinstance(kind, str) and kind.startswith(EVENT)


def ring_of(raw: bytes) -> str | None:
    """The ticket that a body of our triggers rings for, by its leading members alone: the rest may be broken. None for any other body.

    Zendesk fills in what people typed as it is, so a quote or a line break can spoil everything behind the leading members.
    """
    found = _LEADING.match(raw)
    return None if found is None else found[1].decode("ascii")
