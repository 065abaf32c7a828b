"""What signed links are written in: base64url without padding, and the proof of what a link says."""

from __future__ import annotations

import base64
import hashlib
import hmac


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unbase64url(text: str) -> bytes:
    """Raises `binascii.Error` for what cannot be base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def proof(purpose: bytes, said: str, key: bytes) -> str:
    """128 bits of HMAC-SHA256 over what a link says. `purpose`: no link for one thing proves another."""
    return base64url(hmac.new(key, purpose + said.encode(), hashlib.sha256).digest()[:16])
