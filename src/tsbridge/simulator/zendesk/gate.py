"""Who calls and how often: credentials, OAuth tokens, rate limits with their headers (reference/zendesk.md sections 5, 6)."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tsbridge.simulator.zendesk.answers import Rejected, too_many, too_many_exports, unauthenticated
from tsbridge.simulator.zendesk.world import World

TOKEN_LIFE_S: Final = 1_800


@dataclass(slots=True)
class Limits:
    """Requests a minute, ticket updates a minute, updates of one ticket by one user in ten minutes; 0 switches one off."""

    account: int = 700
    updates: int = 100
    per_ticket: int = 30
    incremental: int = 10

    @classmethod
    def off(cls) -> Limits:
        return cls(0, 0, 0, 0)


@dataclass(slots=True)
class _Bucket:
    started: datetime
    used: int = 0


class Gate:
    """Authenticates and counts. A new token always needs the client's secret; otherwise lenient unless `strict`:
    any token is accepted, a Basic address picks the acting user."""

    def __init__(
        self,
        world: World,
        real: Callable[[], datetime],
        rng: random.Random,
        limits: Limits,
        *,
        strict: bool,
        client_id: str,
        client_secret: str,
    ) -> None:
        self.world = world
        self.limits = limits
        self.strict = strict
        self.client = (client_id, client_secret)
        self.tokens: dict[str, tuple[datetime, int, str]] = {}
        self.refused = 0
        self.updates: list[datetime] = []
        self._real = real
        self._random = rng
        self._buckets: dict[str, _Bucket] = {}

    def mint(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """A token for client credentials."""
        if form.get("grant_type") != "client_credentials":
            raise Rejected(
                400,
                {
                    "error": "unsupported_grant_type",
                    "error_description": "The authorization grant type is not supported by the authorization server.",
                },
            )
        given = (str(form.get("client_id") or ""), str(form.get("client_secret") or ""))
        if given != self.client:
            raise Rejected(
                401,
                {
                    "error": "invalid_client",
                    "error_description": "Client authentication failed.",
                },
            )
        life = form.get("expires_in")
        seconds = int(str(life)) if str(life).isdigit() and 300 <= int(str(life)) <= 172_800 else TOKEN_LIFE_S
        token = "".join(self._random.choice("0123456789abcdef") for _ in range(64))
        scope = str(form.get("scope") or "read write")
        self.tokens[token] = (self._real() + timedelta(seconds=seconds), self.world.bridge["id"], scope)
        return {"access_token": token, "token_type": "bearer", "scope": scope, "expires_in": seconds}

    def who(self, headers: Mapping[str, str]) -> dict[str, Any] | None:
        """The acting user; None for a request without credentials. Raises 401 for wrong ones."""
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() == "bearer" and rest:
            known = self.tokens.get(rest)
            if known is not None:
                if self._real() >= known[0]:
                    raise unauthenticated()
                return self.world.user(known[1])
            if self.strict or rest.startswith("expired"):
                raise unauthenticated()
            return self.world.bridge
        if scheme.lower() == "basic":
            try:
                name, _, password = base64.b64decode(rest).decode().partition(":")
            except ValueError:
                raise unauthenticated() from None
            if self.strict and not name.endswith("/token"):
                raise unauthenticated()  # passwords are gone, only API tokens are left
            email = name.removesuffix("/token")
            if not email or not password:
                raise unauthenticated()
            known_user = self.world.user_by_email(email)
            if known_user is None:
                if self.strict:
                    raise unauthenticated()
                known_user = self.world.add_user(email.partition("@")[0], email, role="admin")
            return known_user
        raise unauthenticated()

    def count(self, method: str, path: str, user_id: int) -> dict[str, str]:
        """Count a request; its rate headers. Raises 429 with Retry-After, and with them, when a limit is used up."""
        headers: dict[str, str] = {}
        try:
            self._count(method, path, user_id, headers)
        except Rejected as refused:
            refused.headers = {**headers, **refused.headers}
            raise
        return headers

    def _count(self, method: str, path: str, user_id: int, headers: dict[str, str]) -> None:
        if self.limits.account:
            left, reset = self._take("account", self.limits.account, timedelta(minutes=1))
            headers |= {
                "X-Rate-Limit": str(self.limits.account),
                "X-Rate-Limit-Remaining": str(max(left, 0)),
                "ratelimit-limit": str(self.limits.account),
                "ratelimit-remaining": str(max(left, 0)),
                "ratelimit-reset": str(reset),
            }
            self._within(left, reset)
        parts = path.strip("/").removesuffix(".json").split("/")
        if method == "PUT" and len(parts) >= 4 and parts[2] == "tickets" and parts[3].isdigit():
            self._count_update(parts[3], user_id, headers)
        if method == "PUT" and parts[2:] == ["tickets", "update_many"]:
            self._count_update(None, user_id, headers)
        if len(parts) > 2 and parts[2] == "incremental" and self.limits.incremental:
            left, reset = self._take("incremental", self.limits.incremental, timedelta(minutes=1))
            headers["Zendesk-RateLimit-incremental-exports"] = f"total={self.limits.incremental}; remaining={max(left, 0)}; resets={reset}"
            if left < 0:
                self.refused += 1
                raise too_many_exports(str(reset))

    def _count_update(self, ticket: str | None, user_id: int, headers: dict[str, str]) -> None:
        self.updates.append(self._real())
        if self.limits.updates:
            left, reset = self._take("updates", self.limits.updates, timedelta(minutes=1))
            headers["Zendesk-RateLimit-tickets-update"] = f"total={self.limits.updates}; remaining={max(left, 0)}; resets={reset}"
            self._within(left, reset)
        if self.limits.per_ticket and ticket is not None:
            left, reset = self._take(f"{user_id}:{ticket}", self.limits.per_ticket, timedelta(minutes=10))
            self._within(left, reset)

    def _within(self, left: int, reset: int) -> None:
        if left < 0:
            self.refused += 1
            raise too_many(str(reset))

    def _take(self, name: str, limit: int, window: timedelta) -> tuple[int, int]:
        now = self._real()
        bucket = self._buckets.get(name)
        if bucket is None or now - bucket.started >= window:
            bucket = self._buckets[name] = _Bucket(now)
        reset = max(1, int((bucket.started + window - now).total_seconds()) + 1)
        if bucket.used >= limit:
            return -1, reset
        bucket.used += 1
        return limit - bucket.used, reset
