"""Who sent it: Zendesk's webhook signature (reference/zendesk.md section 2; developer.zendesk.com, verifying webhooks).

base64(HMAC-SHA256(secret as its literal text, timestamp header + raw body)), no separator. The freshness window is ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from tsbridge.core.errors import Refused

SIGNATURE: Final = "x-zendesk-webhook-signature"
TIMESTAMP: Final = "x-zendesk-webhook-signature-timestamp"
FUTURE: Final = timedelta(seconds=60)
DIGEST_BYTES: Final = hashlib.sha256().digest_size
PUBLIC_TEST_SECRET: Final = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105  # printed in Zendesk's documentation: proves nothing


class Proof(NamedTuple):
    """A proven sender. `secret`: which of the configured secrets fitted, counted from 0."""

    secret: int
    timestamp: str


def verify(body: bytes, claim: tuple[bytes, str], secrets: Sequence[str], now: datetime, tolerance: timedelta) -> Proof:
    """Prove a delivery by what its headers claim (`claimed`). Raises `Refused` with `bad_signature` or `stale`.

    Every secret is tried, whether one fitted before or not. `tolerance`: how old a signature may be; none switches the window off.
    """
    digest, timestamp = claim
    message = timestamp.encode("utf-8", "surrogateescape") + body
    fitting = None
    for place, secret in enumerate(secrets):
        expected = hmac.digest(secret.encode(), message, "sha256")
        if hmac.compare_digest(expected, digest) and secret != PUBLIC_TEST_SECRET and fitting is None:
            fitting = place
    if fitting is None:
        raise Refused("bad_signature")
    if tolerance:
        signed = read_timestamp(timestamp)
        if signed is None or not -FUTURE <= now - signed <= tolerance:
            raise Refused("stale")
    return Proof(fitting, timestamp)


def claimed(headers: Mapping[str, str]) -> tuple[bytes, str]:
    """The digest and the timestamp that the headers (names in lower case) bring, as far as they can be right. Raises `Refused` with
    `missing_signature` or `bad_signature`, whatever the body is."""
    given, timestamp = headers.get(SIGNATURE), headers.get(TIMESTAMP)
    if not given or timestamp is None:
        raise Refused("missing_signature")
    return _digest(given), timestamp


def sign(body: bytes, secret: str, timestamp: str) -> str:
    """The signature Zendesk would send."""
    return base64.b64encode(hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()).decode()


@lru_cache(maxsize=64)  # what is signed in one second says the same
def read_timestamp(text: str) -> datetime | None:
    """The header's time, ISO 8601 with Z or an offset; None when it cannot be read as one."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _digest(text: str) -> bytes:
    try:
        digest = binascii.a2b_base64(text.strip().encode("ascii"), strict_mode=True)
    except (binascii.Error, ValueError):
        raise Refused("bad_signature") from None
    if len(digest) != DIGEST_BYTES:
        raise Refused("bad_signature")
    return digest
