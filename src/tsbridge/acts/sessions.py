"""Signing in to the console with a key, and out again."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from tsbridge.acts.callers import ADMIN, PROVIDER, Caller
from tsbridge.store import keys, sessions
from tsbridge.store.sessions import Session

LASTS: Final = timedelta(hours=12)
"""A shift, and a bit."""
A_MINUTE: Final = timedelta(minutes=1)
"""How exactly it is kept when a session was used."""
LONGEST_TOKEN: Final = 64


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token`: what the cookie holds. `csrf`: what every form of this session carries. `used_at`: when it was last used, to the minute."""

    token: str
    caller: Caller
    ends_at: datetime
    used_at: datetime

    @property
    def csrf(self) -> str:
        return hashlib.sha256(b"tsbridge csrf\x00" + self.token.encode()).hexdigest()

    def sent(self, csrf: str) -> bool:
        """Whether a form comes from a page of this session."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode())


def sign_in(conn: Connection, caller: Caller, admin_mark: str, now: datetime, entropy: Callable[[int], bytes]) -> SignedIn:
    """A new session for whoever showed the key of `caller`. It ends by itself, and with the key at the latest."""
    ends_at = min(now + LASTS, caller.expires_at or now + LASTS)
    return _begun(conn, caller, Session(caller.id, admin_mark if caller.id == ADMIN else "", now, ends_at, now), entropy)


def sign_in_as(conn: Connection, name: str, role: str, mark: str, now: datetime, entropy: Callable[[int], bytes]) -> SignedIn:
    """A new session for whom the identity provider knows under this name. `mark`: of the terms by which their role was found."""
    return _begun(conn, Caller(PROVIDER, name, role), Session(PROVIDER, mark, now, now + LASTS, now, name, role), entropy)


def _begun(conn: Connection, caller: Caller, session: Session, entropy: Callable[[int], bytes]) -> SignedIn:
    token = base64.urlsafe_b64encode(entropy(32)).decode().rstrip("=")
    sessions.begin(conn, token, session)
    return SignedIn(token, caller, session.ends_at, session.used_at)


def signed_in(conn: Connection, token: str, marks: Mapping[str, str], now: datetime, idle: timedelta) -> SignedIn | None:
    """Who a cookie stands for. `marks`: by id, of the admin key and the identity provider that there are now; empty where there is none.
    `idle`: how long nobody may have used it."""
    if not 0 < len(token) <= LONGEST_TOKEN:
        return None
    session = sessions.find(conn, token, now, now - idle)
    caller = None if session is None else _holder(conn, session, marks, now)
    return None if session is None or caller is None else SignedIn(token, caller, session.ends_at, session.used_at)


def _holder(conn: Connection, session: Session, marks: Mapping[str, str], now: datetime) -> Caller | None:
    """Whoever has a session, as their key stands now; None once it is good no more."""
    if session.key_id in marks:
        mark = marks[session.key_id]
        if not (mark and hmac.compare_digest(session.mark, mark)):
            return None
        return Caller(ADMIN, ADMIN, "admin") if session.key_id == ADMIN else Caller(PROVIDER, session.name or "", session.role or "viewer")
    found = keys.find(conn, session.key_id)
    if found is None or not found[0].good_at(now):
        return None
    return Caller(found[0].id, found[0].name, found[0].role, found[0].expires_at)


sign_out = sessions.end
use = sessions.use
