"""API keys: `tsb_<8 id>_<43 secret>`, kept as HMAC-SHA256 under a pepper, shown once.

The secret has 256 random bits, so a fast digest is enough and guessing is hopeless; the pepper keeps a stolen table
useless without the row in `kept`. A key is never deleted, only revoked: the audit names it for ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, and_, insert, or_, select, update

from tsbridge.core.times import time_text
from tsbridge.store.service_tables import kept
from tsbridge.store.service_tables import keys as table
from tsbridge.store.statements import insert_into

PEPPER: Final = "pepper"
_KEY: Final = re.compile(r"tsb_([A-Za-z0-9]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it may be shown. `role`: viewer | supervisor | ops | admin."""

    id: str
    name: str
    role: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def good_at(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Minted:
    """A fresh key. `text` is what its owner gets, this once; `repr` hides it."""

    id: str
    secret: str

    @property
    def text(self) -> str:
        return f"tsb_{self.id}_{self.secret}"

    def __repr__(self) -> str:
        return f"Minted(id={self.id!r})"


def mint(entropy: Callable[[int], bytes]) -> Minted:
    """A new key from `entropy(n) -> n random bytes`."""
    identity = "".join(_LETTERS[byte % len(_LETTERS)] for byte in entropy(8))
    return Minted(identity, base64.urlsafe_b64encode(entropy(32)).decode().rstrip("="))


def parts(text: str) -> tuple[str, str] | None:
    """(id, secret) of a key's text, or None when it has another form."""
    found = _KEY.fullmatch(text)
    return (found[1], found[2]) if found else None


def digest(pepper: bytes, secret: str) -> str:
    return hmac.new(pepper, secret.encode(), hashlib.sha256).hexdigest()


def known_pepper(conn: Connection) -> bytes | None:
    """This installation's pepper; None before it was made."""
    found = conn.execute(select(kept.c.value).where(kept.c.name == PEPPER)).scalar_one_or_none()
    return None if found is None else bytes.fromhex(found)


def pepper(conn: Connection, entropy: Callable[[int], bytes]) -> bytes:
    """This installation's pepper, made on first asking. Needs a write transaction."""
    conn.execute(insert_into(conn, kept).values(name=PEPPER, value=entropy(32).hex()).on_conflict_do_nothing())
    return bytes.fromhex(conn.execute(select(kept.c.value).where(kept.c.name == PEPPER)).scalar_one())


def create(conn: Connection, minted: Minted, *, name: str, role: str, at: datetime, expires_at: datetime | None, pepper: bytes) -> Key:
    conn.execute(
        insert(table).values(id=minted.id, name=name, role=role, digest=digest(pepper, minted.secret), created_at=at, expires_at=expires_at)
    )
    return Key(minted.id, name, role, at, expires_at, None, None)


def recorded(conn: Connection, key_id: str) -> dict[str, Any]:
    """What the change that makes a key says of it: all but its secret, of which a fingerprint."""
    row = conn.execute(select(table).where(table.c.id == key_id)).mappings().one()
    times = {name: time_text(row[name]) for name in ("created_at", "expires_at")}
    return {"name": row["name"], "role": row["role"], **times, "secret": fingerprint(row["digest"])}


def fingerprint(digest: str) -> str:
    """Whoever puts the digest of another secret into a key's row is found by this."""
    return hashlib.sha256(digest.encode()).hexdigest()


def find(conn: Connection, key_id: str) -> tuple[Key, str] | None:
    """The key and its digest."""
    row = conn.execute(select(table).where(table.c.id == key_id)).mappings().one_or_none()
    return None if row is None else (_key(row), row["digest"])


def touch(conn: Connection, key_id: str, at: datetime) -> None:
    conn.execute(update(table).where(table.c.id == key_id).values(last_used_at=at))


def revoke(conn: Connection, key_id: str, at: datetime) -> bool:
    """Revoked for good from `at` on. False when there is no such key or it is revoked already."""
    done = conn.execute(update(table).where(table.c.id == key_id, table.c.revoked_at.is_(None)).values(revoked_at=at))
    return done.rowcount == 1


def listed(conn: Connection, limit: int, after: tuple[datetime, str] | None = None) -> list[Key]:
    """Newest first."""
    query = select(table).order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit)
    if after is not None:
        at, key_id = after
        query = query.where(or_(table.c.created_at < at, and_(table.c.created_at == at, table.c.id < key_id)))
    return [_key(row) for row in conn.execute(query).mappings()]


def _key(row: RowMapping) -> Key:
    return Key(**{name: row[name] for name in Key.__slots__})
