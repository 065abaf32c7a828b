"""Sending what the automations fired: through an injected client, with faults, one pump at a time.

Talkdesk promises nothing: no order, no retry, no event id. So a delivery is sent once and forgotten; what the receiver
answers is only remembered here. Nothing runs by itself: `pump` sends what has fired so far and returns.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from tsbridge.simulator.talkdesk.automations import Style, body
from tsbridge.simulator.talkdesk.world import Firing, World

Present = Literal["header", "bearer", "basic"]


@dataclass(slots=True)
class Faults:
    """Shares in percent. `down`: the API answers 503 (automations go on). `too_many`: so many API answers are 429."""

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    down: bool = False
    too_many: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request sent, and the answer: its status, or 0 where none came."""

    event: str
    body: dict[str, Any]
    status: int


def credentials(key: str, present: Present) -> dict[str, str]:
    """The shared secret in one of the three ways a Connections action can present it."""
    if present == "header":
        return {"X-Tsbridge-Key": key}
    if present == "bearer":
        return {"Authorization": f"Bearer {key}"}
    return {"Authorization": "Basic " + base64.b64encode(f"talkdesk:{key}".encode()).decode()}


class Automations:
    """The account's automations, all pointing to one URL, `at_once` requests at a time. Counts `sent`, `dropped`, `duplicated`."""

    def __init__(
        self,
        world: World,
        client: httpx.AsyncClient,
        url: str,
        key: str,
        rng: random.Random,
        *,
        present: Present = "header",
        style: Style = "literal",
        faults: Faults | None = None,
        at_once: int = 1,
    ) -> None:
        self.world = world
        self.faults = faults or Faults()
        self.deliveries: list[Delivery] = []
        self.sent = self.dropped = self.duplicated = 0
        self._client, self._url, self._random = client, url, rng
        self._headers = {"Content-Type": "application/json", "User-Agent": "Talkdesk", **credentials(key, present)}
        self._style = style
        self._done = 0
        self._lanes = asyncio.Semaphore(at_once)

    @property
    def waiting(self) -> int:
        return len(self.world.firings) - self._done

    async def pump(self) -> int:
        """Send everything that has fired since the last pump; returns how many requests were made."""
        fired = self.world.firings[self._done :]
        self._done += len(fired)
        batch = self._disturb(fired)
        await asyncio.gather(*(self._send(firing) for firing in batch))
        return len(batch)

    def _disturb(self, fired: list[Firing]) -> list[Firing]:
        kept: list[Firing] = []
        for firing in fired:
            if self._chance(self.faults.drop):
                self.dropped += 1
                continue
            kept.append(firing)
            if self._chance(self.faults.duplicate):
                self.duplicated += 1
                kept.append(firing)
        for i in range(len(kept)):
            if self._chance(self.faults.reorder):
                j = self._random.randrange(len(kept))
                kept[i], kept[j] = kept[j], kept[i]
        return kept

    def _chance(self, percent: float) -> bool:
        return percent > 0 and self._random.random() * 100 < percent

    async def _send(self, firing: Firing) -> None:
        content = body(firing, self._style)
        try:
            async with self._lanes:
                answer = await self._client.post(self._url, content=json.dumps(content), headers=self._headers)
            status = answer.status_code
        except httpx.HTTPError:
            status = 0
        self.sent += 1
        self.deliveries.append(Delivery(firing.event, content, status))
