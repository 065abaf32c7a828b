"""What lies between the bridge and the world: ways into Zendesk, from the vendors to the door, and to people. Each goes wrong as told."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx

from tests.world.history import History
from tests.world.house import Process
from tests.world.traits import Traits
from tests.world.virtual import Time
from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater
from tsbridge.notify.messages import Message, Recipient
from tsbridge.simulator.zendesk import Zendesk
from tsbridge.simulator.zendesk.account import Cut

LATE = (0.0, 0.0, 0.0, 1.0, 2.0, 10.0, 40.0)
"""Seconds that a delivery is under way."""


class ToZendesk(httpx.AsyncBaseTransport):
    """One process's way into the account. Time passes on it; answers get lost on it, of writes that were done or not."""

    def __init__(
        self,
        process: Process,
        zendesk: Zendesk,
        time: Time,
        history: History,
        rng: random.Random,
        of: Traits,
        before: Callable[[str], None],
    ) -> None:
        """`before`: somebody is quicker than an update of this ticket."""
        self._process = process
        self._zendesk = zendesk
        self._time = time
        self._history = history
        self._rng = rng
        self._of = of
        self._before = before
        self.calm = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        writes = request.method != "GET"
        path = request.url.path
        if writes:
            self._history.add(self._time.now(), "asked", process=self._process.name, method=request.method, path=path)
        await asyncio.sleep(self._of.api_slow * self._rng.random())
        await self._process.gate()
        lost = not self.calm and self._rng.random() < self._of.api_lost
        undone = lost and self._rng.random() < 0.5
        if undone:
            self._said(writes, path, "lost before")
            raise httpx.ReadTimeout("lost on its way", request=request)
        if writes and path.startswith("/api/v2/tickets/"):
            self._before(path.rpartition("/")[2].removesuffix(".json"))
        content = json.loads(request.content) if request.content else None
        try:
            answer = await self._zendesk.call(request.method, path, dict(request.url.params), content, dict(request.headers))
        except Cut:
            self._said(writes, path, "cut")
            raise httpx.ReadError("cut", request=request) from None
        self._said(writes, path, "lost" if lost else answer.status_code)
        if lost:
            raise httpx.ReadTimeout("no answer came", request=request)
        await asyncio.sleep(self._of.api_slow * self._rng.random())
        await self._process.gate()
        headers = {**dict(answer.headers), "date": format_datetime(self._time.now(), usegmt=True)}
        return httpx.Response(answer.status_code, headers=headers, content=bytes(answer.body))

    def _said(self, writes: bool, path: str, status: int | str) -> None:
        if writes:
            self._history.add(self._time.now(), "answered", path=path, status=status)


class ToDoor(httpx.AsyncBaseTransport):
    """The vendors' way to the door of whichever process serves."""

    def __init__(self, serving: Callable[[], Process | None], time: Time, history: History, rng: random.Random, of: Traits) -> None:
        self._serving = serving
        self._time = time
        self._history = history
        self._rng = rng
        self._of = of
        self.calm = False
        self.under_way = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        source = request.url.path.rpartition("/")[2]
        self.under_way += 1
        try:
            if self._of.late and not self.calm:
                await asyncio.sleep(self._rng.choice(LATE))
            return await (self._offered(source, request) if source == "zendesk" else self._until_taken(source, request))
        finally:
            self.under_way -= 1

    async def _until_taken(self, source: str, request: httpx.Request) -> httpx.Response:
        """Talkdesk's flow as the guide has it: what was not taken is sent again."""
        while True:
            try:
                answer = await self._offered(source, request)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 202:
                return answer
            await asyncio.sleep(5.0)

    async def _offered(self, source: str, request: httpx.Request) -> httpx.Response:
        body = bytes(request.content)
        process = self._serving()
        status, headers, said = 0, {}, b""
        if process is not None:
            try:
                status, headers, said = await process.answer(source, dict(request.headers), body)
            except BaseException as failure:
                if not process.dead:
                    raise failure
        lost = status == 202 and not self.calm and self._rng.random() < self._of.answers_lost
        self._history.add(
            self._time.now(),
            "offered",
            source=source,
            body=body,
            status=0 if lost else status,
            answer=json.loads(said) if said and not lost else None,
        )
        if lost:
            raise httpx.ReadTimeout("no answer came", request=request)
        if status == 0:
            raise httpx.ConnectError("nobody is there", request=request)
        return httpx.Response(status, headers=headers, content=said, request=request)


class ToPeople:
    """Ways of the roster; what arrives is in the history. `wrong`: by way, how it fails now."""

    def __init__(self, time: Time, history: History) -> None:
        self._time = time
        self._history = history
        self.wrong: dict[str, str] = {}

    def make(self, process: Process, way: Any) -> _Way:
        return _Way(self, process, way.key)

    async def take(self, process: Process, way: str, to: Recipient, message: Message) -> str:
        await asyncio.sleep(0.2)
        await process.gate()
        wrong = self.wrong.get(way)
        if wrong == "later":
            raise TryLater("away", timedelta(seconds=10))
        if wrong == "refused":
            raise GiveUp("refused")
        if wrong == "unknown":
            raise OutcomeUnknown("timeout")
        about = {"subject": message.subject, "text": message.text, "data": dict(message.data), "link": message.acknowledge_link}
        self._history.add(self._time.now(), "told", way=way, agent=to.agent, message=message.id, **about)
        if wrong == "arrives":
            raise OutcomeUnknown("timeout")
        await asyncio.sleep(0.2)
        await process.gate()
        return "ok"


class _Way:
    def __init__(self, people: ToPeople, process: Process, key: str) -> None:
        self._people = people
        self._process = process
        self._key = key

    async def send(self, to: Recipient, message: Message) -> str:
        return await self._people.take(self._process, self._key, to, message)


def plain(named: Mapping[str, object]) -> dict[str, Any]:
    """What an alarm names, as data."""
    return json.loads(json.dumps(dict(named), default=str))
