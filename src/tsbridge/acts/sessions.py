"""Signing in to the console with a key, and out again."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from tsbridge.acts.callers import ADMIN, Caller
from tsbridge.store import keys, sessions
from tsbridge.store.sessions import Session

LASTS: Final = timedelta(hours=12)
"""A shift, and a bit."""
LONGEST_TOKEN: Final = 64


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token`: what the cookie holds. `csrf`: what every form of this session carries."""

    token: str
    caller: Caller
    ends_at: datetime

    @property
    def csrf(self) -> str:
        return hashlib.sha256(b"tsbridge csrf\x00" + self.token.encode()).hexdigest()

    def sent(self, csrf: str) -> bool:
        """Whether a form comes from a page of this session."""
        return hmac.compare_digest(self.csrf.encode(), csrf.encode())


def sign_in(conn: Connection, caller: Caller, admin_mark: str, now: datetime, entropy: Callable[[int], bytes]) -> SignedIn:
    """A new session for whoever showed the key of `caller`. It ends by itself, and with the key at the latest."""
    token = base64.urlsafe_b64encode(entropy(32)).decode().rstrip("=")
    ends_at = min(now + LASTS, caller.expires_at or now + LASTS)
    sessions.begin(conn, token, Session(caller.id, admin_mark if caller.id == ADMIN else "", now, ends_at))
    return SignedIn(token, caller, ends_at)


def signed_in(conn: Connection, token: str, admin_mark: str, now: datetime) -> SignedIn | None:
    """Who a cookie stands for. `admin_mark`: of the admin key that there is now; empty where there is none."""
    if not 0 < len(token) <= LONGEST_TOKEN:
        return None
    session = sessions.find(conn, token, now)
    caller = None if session is None else _holder(conn, session, admin_mark, now)
    return None if session is None or caller is None else SignedIn(token, caller, session.ends_at)


def _holder(conn: Connection, session: Session, admin_mark: str, now: datetime) -> Caller | None:
    """Whoever has the key of a session, as the key stands now; None once it is good no more."""
    if session.key_id == ADMIN:
        same = admin_mark and hmac.compare_digest(session.mark, admin_mark)
        return Caller(ADMIN, ADMIN, "admin") if same else None
    found = keys.find(conn, session.key_id)
    if found is None or not found[0].good_at(now):
        return None
    return Caller(found[0].id, found[0].name, found[0].role, found[0].expires_at)


sign_out = sessions.end
