"""Who sent it: Talkdesk signs no call events, so a shared secret must do (reference/talkdesk.md section 1.2).

Presented in one of three ways: `X-Tsbridge-Key`, `Authorization: Bearer`, or the password of HTTP Basic.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterator, Mapping, Sequence

from tsbridge.core.errors import Refused


def verify(headers: Mapping[str, str], secrets: Sequence[str]) -> int:
    """Which of the secrets was presented, counted from 0. Raises `Refused` with `missing_key` or `bad_key`."""
    presented = list(_presented(headers))
    if not presented:
        raise Refused("missing_key")
    fitting = None
    for place, secret in enumerate(secrets):
        for candidate in presented:
            if hmac.compare_digest(secret.encode(), candidate) and fitting is None:
                fitting = place
    if fitting is None:
        raise Refused("bad_key")
    return fitting


def _presented(headers: Mapping[str, str]) -> Iterator[bytes]:
    if key := headers.get("x-tsbridge-key"):
        yield key.strip().encode("utf-8", "surrogateescape")
    scheme, _, rest = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and rest.strip():
        yield rest.strip().encode("utf-8", "surrogateescape")
    elif scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(rest.strip().encode("ascii"), validate=True)
        except (binascii.Error, ValueError):
            return
        _, colon, password = decoded.partition(b":")
        if colon and password:
            yield password
