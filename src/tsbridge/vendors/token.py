"""An access token by OAuth client credentials, as both vendors hand it out; how it is asked for is each one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from tsbridge.core.backoff import TOKEN
from tsbridge.core.errors import TryLater, Unauthorized
from tsbridge.core.ports import Clock
from tsbridge.http import Answer, Http, retry_after

RENEW_AT: Final = 0.8
"""Of a token's life."""
LONGEST_S: Final = 10**9
"""What is said to live longer is not believed."""

Ask = Callable[[Http], Awaitable[Answer]]
"""Asks for a token, safely repeated; the answer's `access_token` and `expires_in` (whole seconds) are read."""


class ClientCredentials:
    """Renewed in good time, one renewal at a time; the old token serves while there is no new one to be had.

    `life`: of a token whose answer does not say. `renewed`: called when there is a new one.
    """

    def __init__(self, ask: Ask, clock: Clock, life: timedelta, renewed: Callable[[], None] = lambda: None) -> None:
        self._ask = ask
        self._clock = clock
        self._life = life
        self._renewed = renewed
        self._header: str | None = None
        self._renew_at: datetime | None = None
        self._ends_at: datetime | None = None
        self._failures = 0
        self._renewing = asyncio.Lock()

    async def header(self, http: Http) -> str:
        """The value of `Authorization`. Raises Unauthorized when there is no token for us, TryLater when there is none just now."""
        if (header := self._fresh()) is not None:
            return header
        async with self._renewing:
            return self._fresh() or await self._renew(http)

    def refused(self, header: str) -> bool:
        """It was not accepted: a new one will be asked for, unless there is one already. True: another try makes sense."""
        if header == self._header:
            self._header = None
        return True

    def _fresh(self) -> str | None:
        return self._header if self._renew_at is not None and self._clock.now() < self._renew_at else None

    async def _renew(self, http: Http) -> str:
        asked_at = self._clock.now()
        try:
            answer = await self._ask(http)
            if answer.status >= 500 or answer.status == 429:
                raise TryLater("token_unavailable", retry_after(answer.headers.get("retry-after"), answer.date()), waiting=True)
        except TryLater as failure:
            now = self._clock.now()
            if self._header is None or self._ends_at is None or now >= self._ends_at:
                raise
            self._failures += 1
            self._renew_at = min(self._ends_at, now + (failure.after or TOKEN.after(self._failures)))
            return self._header
        content = answer.content if isinstance(answer.content, Mapping) else {}
        token, life = content.get("access_token"), content.get("expires_in")
        if answer.status not in (200, 201) or not isinstance(token, str) or not token:
            raise Unauthorized("client_refused")
        self._renewed()
        lasts = timedelta(seconds=life) if type(life) is int and 0 < life < LONGEST_S else self._life
        self._header, self._failures = f"Bearer {token}", 0
        self._renew_at, self._ends_at = asked_at + lasts * RENEW_AT, asked_at + lasts
        return self._header
