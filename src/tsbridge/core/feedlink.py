"""Links to feeds of duties: `<public address>/f/<token>.ics`. A token is for one person or one queue, until it is made void.

`<kind>.<whose it is>.<proof>`: base64url, the proof 128 bits of HMAC-SHA256 over all before it under a secret that only this link has.
Whoever has the address may read the feed; it cannot be made, changed or guessed without the secret, and another secret makes it void.
"""

from __future__ import annotations

import binascii
import hmac
import re
from dataclasses import dataclass
from typing import Final, Literal

from tsbridge.core.signed import base64url, proof, unbase64url

LONGEST: Final = 1_200
FOLDER: Final = "/f/"
ENDING: Final = ".ics"
_SHAPE: Final = re.compile(r"([aq])\.([A-Za-z0-9_-]{1,1100})\.[A-Za-z0-9_-]{22}", re.ASCII)
_PURPOSE: Final = b"tsbridge feed link\x00"


@dataclass(frozen=True, slots=True)
class FeedLink:
    """Whose duties a feed has. `key`: of an agent or a queue."""

    kind: Literal["agent", "queue"]
    key: str


def sign(link: FeedLink, secret: bytes) -> str:
    """The token."""
    said = f"{link.kind[0]}.{base64url(link.key.encode())}"
    token = f"{said}.{proof(_PURPOSE, said, secret)}"
    if len(token) > LONGEST:
        raise ValueError("expected a short key of a person or a queue")
    return token


def claimed(token: str) -> FeedLink | None:
    """Whose feed a token says that it is for, which `proven` has to confirm; None for everything that cannot be one."""
    found = _SHAPE.fullmatch(token) if len(token) <= LONGEST else None
    if found is None:
        return None
    try:
        key = unbase64url(found[2]).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return None if "\x00" in key else FeedLink("agent" if found[1] == "a" else "queue", key)


def proven(token: str, link: FeedLink, secret: bytes) -> bool:
    """Whether the token is the one that `sign` makes, to the letter."""
    return hmac.compare_digest(sign(link, secret).encode(), token.encode())


def path(token: str) -> str:
    return f"{FOLDER}{token}{ENDING}"
