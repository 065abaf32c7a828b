"""Personal values as they are kept: packed, then encrypted under the newest data key; what is not encrypted is read as it is.

A value says under which key it stands: `~2`, six characters of the key's id, and what the key made of it. In a text of PostgreSQL that is
Base64; everything else holds bytes, with a NUL before, which SQLite keeps in columns of text as well. An empty value stays empty.
What people are found by (addresses, numbers) is `~3` and what an index key of its own made of it, always the same: rotation leaves it.
Where there is no data key a value is kept as it would be without this module; one that would pass for an encrypted one gets `~0` before it.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Dialect

from tsbridge.aes import ID, Cipher, Index, Refused
from tsbridge.core.unreadable import Unreadable
from tsbridge.store.packing import SHORT, compressed, decompressed, inflated, packed, unpacked

MARK: Final = "~2"
FOUND: Final = "~3"
"""How what is encrypted to be found again begins."""
AS_IT_IS: Final = "~0"
PREFIX: Final = len(MARK) + ID
"""Characters before what a key made of a text; bytes have a NUL more."""
IN_USE: Final = 4096
_ENCRYPTED: Final = re.compile(rf"{MARK}([0-9a-f]{{{ID}}})", re.ASCII)
_BYTES: Final = b"\0" + MARK.encode()
_BYTES_AS_THEY_ARE: Final = b"\0" + AS_IT_IS.encode()
_PLAIN: Final = b"\x00"
_DEFLATED: Final = b"\x01"
_COMPRESSED: Final = b"\x02"
_PACKED: Final = {_COMPRESSED: decompressed, _DEFLATED: inflated}


class Vault:
    """The data keys of one database: the first one encrypts, all of them decrypt. Without a key everything is kept as it is.

    `raw`: columns of text take bytes, too (SQLite). `more`: keys that have come meanwhile, asked for when one is missing.
    """

    def __init__(self, *, raw: bool = False, more: Callable[[], Iterable[str]] = tuple) -> None:
        self._raw = raw
        self._more = more
        self._ciphers: dict[str, Cipher] = {}
        self.newest: Cipher | None = None
        self._keep_identity: Callable[[str], str] = str
        self._read_identity: Callable[[str], str] = str

    def fill(self, secrets: Iterable[str]) -> None:
        """Have these keys, the newest first."""
        ciphers = [Cipher(secret) for secret in secrets]
        self._ciphers = {cipher.id: cipher for cipher in ciphers}
        self.newest = ciphers[0] if ciphers else None

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(self._ciphers)

    def keep_json(self, place: str, text: str) -> str | bytes:
        """A canonical JSON text as its column keeps it, packed where that is worth it."""
        if self.newest is None:
            return packed(text)
        return self._kept_text(self.newest, place, _COMPRESSED + compressed(text) if len(text) >= SHORT else _PLAIN + text.encode())

    def read_json(self, place: str, kept: str | bytes) -> str:
        """The JSON text of what is kept. Raises Unreadable."""
        opened = self._opened(place, kept)
        try:
            return unpacked(str(kept)) if opened is None else _text(opened)
        except ValueError:
            raise Unreadable(f"{place}: expected what was kept packed, came something else") from None

    def keep_text(self, place: str, text: str) -> str | bytes:
        """A text of people as its column keeps it."""
        if self.newest is None or not text:
            return AS_IT_IS + text if text.startswith("~") else text
        return self._kept_text(self.newest, place, _PLAIN + text.encode())

    def read_text(self, place: str, kept: str | bytes) -> str:
        """Raises Unreadable."""
        opened = self._opened(place, kept)
        try:
            return str(kept).removeprefix(AS_IT_IS) if opened is None else _text(opened)
        except ValueError:
            raise Unreadable(f"{place}: expected a text, came something else") from None

    def keep_bytes(self, place: str, body: bytes) -> bytes:
        """Bytes as their column keeps them."""
        if self.newest is None or not body:
            return _BYTES_AS_THEY_ARE + body if body.startswith((_BYTES, _BYTES_AS_THEY_ARE)) else body
        return _BYTES + self.newest.id.encode() + self.newest.encrypt(place.encode(), body)

    def read_bytes(self, place: str, kept: bytes) -> bytes:
        """Raises Unreadable."""
        kept = bytes(kept)
        opened = self._opened(place, kept)
        return kept.removeprefix(_BYTES_AS_THEY_ARE) if opened is None else opened

    def find_by(self, secret: bytes) -> None:
        """Have the key that addresses and numbers are found by. Those in use are looked up many times for each delivery."""
        index = Index(secret)

        def keep(value: str) -> str:
            return FOUND + b2a_base64(index.encrypt(value.encode()), newline=False).decode("ascii")

        def read(kept: str) -> str:
            try:
                return index.decrypt(a2b_base64(kept[len(FOUND) :], strict_mode=True)).decode()
            except (Error, Refused):
                return kept  # an id that somebody gave this look

        self._keep_identity, self._read_identity = lru_cache(IN_USE)(keep), lru_cache(IN_USE)(read)

    def keep_identity(self, value: str) -> str:
        """What somebody is known by, as it is kept and looked for: addresses and numbers encrypted, ids as they are."""
        return self._keep_identity(value) if tells_somebody(value) else value

    def read_identity(self, kept: str) -> str:
        """What does not open is taken as it is."""
        return self._read_identity(kept) if kept.startswith(FOUND) else kept

    def wrap(self, place: str, text: str) -> str:
        """A text encrypted under the newest key, to stand in a JSON value. There has to be a key."""
        if self.newest is None:
            raise LookupError("there is no data key")
        return self._sealed_text(self.newest, place, _PLAIN + text.encode())

    def is_newest(self, start: Any) -> bool:
        """Whether a value needs nothing more, by how it starts: nothing there, empty, under the newest key, or there is no key."""
        if self.newest is None or not start:
            return True
        told = start if isinstance(start, str) else bytes(start).decode("latin-1").removeprefix("\0")
        return told.startswith(f"{MARK}{self.newest.id}")

    def _kept_text(self, cipher: Cipher, place: str, payload: bytes) -> str | bytes:
        if self._raw:
            return _BYTES + cipher.id.encode() + cipher.encrypt(place.encode(), payload)
        return self._sealed_text(cipher, place, payload)

    def _sealed_text(self, cipher: Cipher, place: str, payload: bytes) -> str:
        made = cipher.encrypt(place.encode(), payload)
        return f"{MARK}{cipher.id}{b2a_base64(made, newline=False).decode('ascii')}"

    def _opened(self, place: str, kept: str | bytes) -> bytes | None:
        """What was encrypted; None of a value that was not."""
        if isinstance(kept, str):
            found = _ENCRYPTED.match(kept)
            if found is None:
                return None
            try:
                made = a2b_base64(kept[PREFIX:], strict_mode=True)
            except Error:
                raise Unreadable(f"{place}: expected an encrypted value, came one that was changed") from None
            id_ = found[1]
        elif kept.startswith(_BYTES):
            id_, made = kept[len(_BYTES) : PREFIX + 1].decode("latin-1"), kept[PREFIX + 1 :]
        else:
            return None
        cipher = self._ciphers.get(id_) or self._since(id_)
        if cipher is None:
            raise Unreadable(f"{place}: the data key {id_} that this value is encrypted under is not among those given")
        try:
            return cipher.decrypt(place.encode(), made)
        except Refused as refused:
            raise Unreadable(f"{place}: {refused}") from None

    def _since(self, id_: str) -> Cipher | None:
        """A key that another process encrypts under by now."""
        self._ciphers |= {cipher.id: cipher for cipher in map(Cipher, self._more()) if cipher.id == id_}
        return self._ciphers.get(id_)


def tells_somebody(value: str) -> bool:
    """Whether what somebody is known by is an address or a number: ids of vendors tell of nobody by themselves."""
    return "@" in value or value.startswith("+")


def _text(payload: bytes) -> str:
    read = _PACKED.get(payload[:1])
    return payload[1:].decode() if read is None else read(payload[1:])


_NONE: Final = Vault()
_NAME: Final = "tsbridge_vault"


def give(dialect: Dialect, vault: Vault) -> None:
    """From now on the columns of this engine are kept by this vault."""
    setattr(dialect, _NAME, vault)


def of(dialect: Dialect) -> Vault:
    """The vault of the database whose engine has this dialect; one without keys for any other engine."""
    vault: Vault = getattr(dialect, _NAME, _NONE)
    return vault
