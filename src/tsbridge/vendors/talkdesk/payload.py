"""Talkdesk bodies as flat fields, and what makes two deliveries the same one (reference/talkdesk.md sections 1.4, 6, 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from tsbridge.core.errors import Malformed

NESTS: Final = ("data", "traits", "properties", "payload", "call")


def flat(data: Any) -> dict[str, Any]:
    """The fields of a body: flat as our schema asks for, from the classic envelope {auth, data, meta}, or one level down.

    Outer fields win. `meta` ids come as `meta.<name>`; `auth` is dropped: nobody needs to keep credentials.
    """
    if not isinstance(data, Mapping):
        raise Malformed("not_an_object")
    fields: dict[str, Any] = {}
    for nest in NESTS:
        inner = data.get(nest)
        if isinstance(inner, Mapping):
            fields.update({str(k): v for k, v in inner.items() if not isinstance(v, Mapping)})
    meta = data.get("meta")
    if isinstance(meta, Mapping):
        fields.update({f"meta.{k}": v for k, v in meta.items() if not isinstance(v, Mapping)})
    fields.update({str(k): v for k, v in data.items() if not isinstance(v, Mapping)})
    return fields


def delivery_key(data: Any, raw: bytes) -> str:
    """The key of a proven delivery. Talkdesk gives none, so it is the bytes: the same body again is a duplicate,
    another body about the same call a newer word on it."""
    return "body:" + hashlib.sha256(raw).hexdigest()
