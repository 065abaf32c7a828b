"""The one module that knows the library of ciphers: AES-256-GCM under one data key, AES-SIV for what is looked for (ADR 24).

The nonce of the first is a keyed hash of the place and the text, and the second needs none: nothing here is random, the same text gives
the same bytes each time, and no nonce ever stands for two texts.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

ID: Final = 6
"""Characters of a key's id: hex, for three bytes of a hash of the key."""
_NONCE: Final = 12
_TAG: Final = 16
_PIECE: Final = 2047
"""Of more at once the library lets go of the interpreter, for a few microseconds, and then waits for whoever took it."""


class Refused(ValueError):
    """What was to be decrypted is not what was encrypted under this key for this place."""


class Cipher:
    """One data key. A place is `table.column`: what was encrypted for one place is refused in another."""

    def __init__(self, secret: str) -> None:
        self._root = hmac.digest(b"tsbridge data", secret.encode(), "sha256")
        self.id: Final = self.derived(b"id").hex()[:ID]

    def derived(self, use: bytes) -> bytes:
        """HKDF-SHA-256 (RFC 5869), one block: a key of 32 bytes for one use alone."""
        return hmac.digest(self._root, use + b"\x01", "sha256")

    @cached_property
    def _aead(self) -> AESGCM:
        return AESGCM(self.derived(b"values"))

    @cached_property
    def _nonces(self) -> bytes:
        return self.derived(b"nonces")

    def encrypt(self, place: bytes, plain: bytes) -> bytes:
        """Nonce, ciphertext and tag."""
        hashed = hashlib.blake2b(place, digest_size=_NONCE, key=self._nonces)
        hashed.update(b"\0")
        for at in range(0, len(plain), _PIECE):
            hashed.update(plain[at : at + _PIECE])
        nonce = hashed.digest()
        return nonce + self._aead.encrypt(nonce, plain, place)

    def decrypt(self, place: bytes, sealed: bytes) -> bytes:
        """Raises Refused."""
        if len(sealed) < _NONCE + _TAG:
            raise Refused("expected an encrypted value, came the beginning of one")
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], place)
        except InvalidTag:
            raise Refused("expected a value that was encrypted for this column, came another one, or a changed one") from None


class Index:
    """What is encrypted to be found again: the bytes begin with a keyed hash of the text (RFC 5297), and equal ones are equal texts."""

    def __init__(self, secret: bytes) -> None:
        self._aead = AESSIV(hmac.digest(secret, b"index\x01", "sha256") + hmac.digest(secret, b"index\x02", "sha256"))

    def encrypt(self, plain: bytes) -> bytes:
        return self._aead.encrypt(plain, None)

    def decrypt(self, sealed: bytes) -> bytes:
        """Raises Refused."""
        try:
            return self._aead.decrypt(sealed, None)
        except (InvalidTag, ValueError):
            raise Refused("expected a value that was encrypted to be found, came another one") from None
