"""The key that vouches for decisions until they are sealed. It is never in the database: who can write there cannot make what it proves.

Given by a setting; else in a file beside a SQLite database; else, on PostgreSQL, derived from the password that the database is
reached with, which is the weakest of the three: whoever has it can write there, too.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection

from tsbridge.store.keyfile import read_or_make

OPTION: Final = "seal_keys"
"""The execution option of the engines under which a connection has its keys."""


class SealKeys:
    """The keys of one database: the first one signs, all of them prove. Read, and made where there is none, when first needed."""

    def __init__(self, given: Sequence[str], url: URL) -> None:
        self._given = tuple(given)
        self._url = url
        self._keys: tuple[bytes, ...] = ()

    @property
    def source(self) -> str:
        """Where the key comes from: `setting`, `file`, `password`, or `nothing` where there is not even a password."""
        if self._given:
            return "setting"
        if self._url.get_backend_name() == "sqlite":
            return "file"
        return "password" if self._url.password else "nothing"

    def ready(self) -> None:
        """See that there is a key to sign with. Raises UnusableKey."""
        self._find(make=True)

    def sign(self, text: str) -> str:
        """The MAC of a text: HMAC-SHA-256, hex."""
        return _mac((self._keys or self._find(make=True))[0], text)

    def macs(self, text: str) -> list[str]:
        """The MACs of a text under each of the keys, the one that signs first."""
        return [_mac(key, text) for key in self._keys or self._find(make=True)]

    def proves(self, text: str, mac: str) -> bool:
        """Whether one of the keys made this MAC for this text. Without a key, which nobody signed with yet, nothing is proved."""
        return any(hmac.compare_digest(_mac(key, text).encode(), mac.encode()) for key in self._keys or self._find(make=False))

    def seeds(self) -> tuple[bytes, ...]:
        """What signs heads of the chain (Ed25519), one of each key; none where there is no key yet."""
        return tuple(hmac.digest(key, b"heads of the chain\x01", "sha256") for key in self._keys or self._find(make=False))

    @property
    def file(self) -> Path | None:
        """The file that the key is in, whether it is there or not; None where it is in none."""
        return file_of(self._url) if self.source == "file" else None

    def _find(self, *, make: bool) -> tuple[bytes, ...]:
        if self._given:
            held = self._given
        elif self.source == "file":
            file = file_of(self._url)
            if not make and not file.exists():
                return ()
            held = (read_or_make(file, "the key of this database's seals"),)
        else:
            held = (str(self._url.password or ""),)
        self._keys = tuple(derived(key) for key in held)
        return self._keys


def of(conn: Connection) -> SealKeys:
    """The keys of the database that this connection is to."""
    keys: SealKeys = conn.get_execution_options()[OPTION]
    return keys


def file_of(url: URL) -> Path:
    """Where the key of a SQLite database lies, unless it is given."""
    return Path(f"{url.database}.seal-key")


def derived(secret: str) -> bytes:
    """HKDF-SHA-256 (RFC 5869) of a secret, for this one use: a password that serves elsewhere is not the key itself."""
    extracted = hmac.digest(b"tsbridge", secret.encode(), "sha256")
    return hmac.digest(extracted, b"seal of decisions\x01", "sha256")


def _mac(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()
