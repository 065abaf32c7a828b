"""Who is calling and what they may do: API keys, four roles, and a brake on guessing.

Roles are a ladder, viewer < supervisor < ops < admin. A route says by `roles` the lowest that may.

Guessing: wrong keys are counted per address and per key prefix over a minute, then answered with 429. A key that nobody
can guess (one of ours, or an admin key of 24 characters and more) is let in even then, so that a flood from a shared
address locks nobody out; a short admin key is not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request

from tsbridge.acts.callers import ADMIN, Caller
from tsbridge.acts.security import Security
from tsbridge.core.ports import Clock
from tsbridge.store import keys
from tsbridge.store.db import Database
from tsbridge.web.problems import Problem

WINDOW: Final = timedelta(minutes=1)
PER_ADDRESS: Final = 5
PER_PREFIX: Final = 60
LOCKED_FROM: Final = 60
LONG_ENOUGH: Final = 24
TABLE_SIZE: Final = 50_000
USED_EVERY: Final = timedelta(minutes=5)
LONGEST_KEY: Final = 512
NO_KEY: Final = "This needs a key, as Authorization: Bearer <key>."
LONGEST_HOST: Final = 64
"""Of what a proxy says; an address is shorter."""


class Failures:
    """How often something failed in the current window; at most `size` things are remembered, the latest ones."""

    def __init__(self, size: int = TABLE_SIZE) -> None:
        self._size = size
        self._seen: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def count(self, name: str, now: datetime) -> int:
        start, count = self._seen.get(name, (now, 0))
        return count if timedelta(0) <= now - start < WINDOW else 0

    def add(self, name: str, now: datetime) -> int:
        count = self.count(name, now) + 1
        start = self._seen[name][0] if count > 1 else now
        self._seen[name] = (start, count)
        self._seen.move_to_end(name)
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return count

    def wait_s(self, name: str, now: datetime) -> int:
        """Whole seconds until the window of `name` is over, at least 1."""
        start, _ = self._seen.get(name, (now, 0))
        return max(1, int((start + WINDOW - now).total_seconds()) + 1)


class Gate:
    """Turns an `Authorization` header into a `Caller`. One per process; revocation and expiry count at once everywhere."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        entropy: Callable[[int], bytes],
        admin_key: str | None = None,
        security: Security | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._entropy = entropy
        self._admin = hashlib.sha256(admin_key.encode()).digest() if admin_key else None
        self._admin_is_short = admin_key is not None and len(admin_key) < LONG_ENOUGH
        self.security = security or Security(clock)
        self._failures = Failures()
        self._used: OrderedDict[str, datetime] = OrderedDict()
        self._pepper: bytes | None = None

    async def pepper(self) -> bytes:
        if self._pepper is None:
            self._pepper = await self._database.write(lambda conn: keys.pepper(conn, self._entropy))
        return self._pepper

    async def admit(self, request: Request, role: str) -> Caller:
        """The caller, if their key is good and their role high enough. Raises 401, 403 or 429."""
        presented = _bearer(request)
        if presented is None:
            self.security.saw("key_missing")
            raise unauthenticated(NO_KEY)
        try:
            caller = await self.recognise(presented, request.client.host if request.client else "unknown")
        except Problem as refused:
            self.security.saw("key_locked" if refused.status_code == 429 else "key_refused")
            raise
        if (proven := request.scope.get("state", {}).get("proven")) is not None:
            proven()  # what they send is no stranger's
        if not caller.may(role):
            self.security.saw("role_refused", role=caller.role)
            raise Problem(403, f"This needs the role {role} or higher.")
        return caller

    async def recognise(self, presented: str, host: str) -> Caller:
        """Whoever holds this key, shown from that host. Raises 401 or 429."""
        now, address = self._clock.now(), "address:" + host[:LONGEST_HOST]
        caller = await self._holder(presented, address, now)
        if caller is None:
            raise self._failed(address, _prefix(presented), now)
        return caller

    async def still(self, caller: Caller) -> bool:
        """Whether the key of somebody who was let in is good and of that role even now."""
        if caller.id == ADMIN:
            return True
        found = await self._database.read(lambda conn: keys.find(conn, caller.id))
        return found is not None and found[0].good_at(self._clock.now()) and found[0].role == caller.role

    @property
    def admin_mark(self) -> str:
        """Tells the admin key from every other one, and tells nobody what it is; empty where there is none."""
        return "" if self._admin is None else hashlib.sha256(b"tsbridge session\x00" + self._admin).hexdigest()

    async def _holder(self, presented: str, address: str, now: datetime) -> Caller | None:
        as_admin = self._admin is not None and hmac.compare_digest(hashlib.sha256(presented.encode()).digest(), self._admin)
        if as_admin:
            if self._admin_is_short and self._guessed_at(address, _prefix(presented), now):
                return None
            return Caller(ADMIN, ADMIN, "admin")
        named = keys.parts(presented)
        if named is None:
            return None
        key_id, secret = named
        digest = keys.digest(await self.pepper(), secret)
        found = await self._database.read(lambda conn: keys.find(conn, key_id))
        expected = found[1] if found else "0" * len(digest)
        same = hmac.compare_digest(digest, expected)
        if found is None or not same or not found[0].good_at(now):
            return None
        await self._note_use(key_id, now)
        return Caller(key_id, found[0].name, found[0].role, found[0].expires_at)

    def _guessed_at(self, address: str, prefix: str, now: datetime) -> bool:
        return self._failures.count(address, now) > LOCKED_FROM or self._failures.count(prefix, now) > PER_PREFIX

    def _failed(self, address: str, prefix: str, now: datetime) -> Problem:
        by_address = self._failures.add(address, now)
        by_prefix = self._failures.add(prefix, now)
        if by_address > PER_ADDRESS:
            return _too_many(self._failures.wait_s(address, now))
        if by_prefix > PER_PREFIX:
            return _too_many(self._failures.wait_s(prefix, now))
        return unauthenticated("This key is not good: unknown, expired or revoked.", "invalid_token")

    async def _note_use(self, key_id: str, now: datetime) -> None:
        last = self._used.get(key_id)
        if last is not None and now - last < USED_EVERY:
            return
        self._used[key_id] = now
        self._used.move_to_end(key_id)
        if len(self._used) > TABLE_SIZE:
            self._used.popitem(last=False)
        await self._database.write(lambda conn: keys.touch(conn, key_id, now))


def _bearer(request: Request) -> str | None:
    values = request.headers.getlist("authorization")
    if len(values) != 1:
        return None
    scheme, _, key = values[0].partition(" ")
    key = key.strip()
    return key if scheme.lower() == "bearer" and key and len(key) <= LONGEST_KEY else None


def _prefix(presented: str) -> str:
    named = keys.parts(presented)
    return "prefix:" + (named[0] if named else "other")


def unauthenticated(detail: str, code: str | None = None) -> Problem:
    """401."""
    challenge = 'Bearer realm="tsbridge"' + (f', error="{code}"' if code else "")
    return Problem(401, detail, headers={"WWW-Authenticate": challenge})


def _too_many(wait_s: int) -> Problem:
    return Problem(429, "Too many wrong keys; try again later.", headers={"Retry-After": str(wait_s)})
