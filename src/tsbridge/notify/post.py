"""One JSON body by POST, once, and what the answer means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater
from tsbridge.http import Answer, Http, retry_after
from tsbridge.notify.ways import Address

_LATER: Final = frozenset({408, 425, 429})


class Poster:
    """Posts by clients of `http(origin)`, each closed again; one post lasts at most `limit_s`."""

    def __init__(self, http: Callable[[str], Http], limit_s: float) -> None:
        self._http = http
        self._limit_s = limit_s

    async def json(self, to: Address, value: Mapping[str, Any]) -> Answer:
        return await self.post(to, json.dumps(value, ensure_ascii=False).encode(), {})

    async def post(self, to: Address, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer, 2xx. Raises TryLater (408, 425, 429, 5xx with their Retry-After, or it never left), GiveUp (any other, redirects
        among them) or OutcomeUnknown (it may have arrived)."""
        client = self._http(to.origin)
        try:
            async with asyncio.timeout(self._limit_s):
                answer = await client.call("POST", to.path, body=body, headers={"Content-Type": "application/json", **headers}, once=True)
        except TimeoutError:
            raise OutcomeUnknown("cut") from None
        finally:
            await client.close()
        if 200 <= answer.status < 300:
            return answer
        if answer.status in _LATER or answer.status >= 500:
            raise TryLater(f"status_{answer.status}", retry_after(answer.headers.get("retry-after"), answer.date()))
        raise GiveUp("redirected" if 300 <= answer.status < 400 else f"status_{answer.status}")


def words_of(answer: Answer, said: str = "") -> str:
    return f"{answer.status} {said}".strip()
