"""The stage of the demo: both simulators and the bridge, wired to each other on free loopback ports, with secrets made for this run."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from tsbridge.demo.people import People
from tsbridge.demo.process import Bridge
from tsbridge.simulator.scenario_play import Ticket
from tsbridge.simulator.scenario_talkdesk import TalkdeskAccount
from tsbridge.simulator.scenario_zendesk import ZendeskAccount
from tsbridge.simulator.talkdesk import Talkdesk
from tsbridge.simulator.talkdesk import make_app as make_talkdesk
from tsbridge.simulator.zendesk import Display, Limits, Zendesk
from tsbridge.simulator.zendesk import make_app as make_zendesk

DUPLICATES, DISORDER = 3.0, 15.0
"""Percent of the deliveries that come twice, and out of order."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    bridge: Bridge
    key: str
    zendesk: Zendesk
    zendesk_url: str
    talkdesk: Talkdesk
    talkdesk_url: str
    people: ZendeskAccount
    callers: TalkdeskAccount
    told: People

    def sent(self) -> int:
        return sum(len(d.attempts) for d in self.zendesk.webhooks.log) + self.talkdesk.automations.sent

    def on_its_way(self) -> int:
        return self.zendesk.webhooks.waiting + self.talkdesk.automations.waiting

    def refused(self) -> int:
        """Requests that the bridge did not take."""
        by_zendesk = sum(not 200 <= status < 300 for d in self.zendesk.webhooks.log for status in d.attempts)
        return by_zendesk + sum(not 200 <= d.status < 300 for d in self.talkdesk.automations.deliveries)

    async def look(self, ticket_id: str) -> Ticket:
        """The ticket as it is, without a request: there are hundreds to look at, again and again."""
        ticket = self.zendesk.world.ticket(int(ticket_id))
        group = self.zendesk.world.store.groups.get(ticket["group_id"] or 0)
        return Ticket(frozenset(ticket["tags"]), group["name"] if group else "", ticket["status"])

    def written(self) -> int:
        """Requests with which the bridge changed tickets."""
        return len(self.zendesk.writes)


@contextlib.asynccontextmanager
async def set_up(folder: Path, seed: int) -> AsyncIterator[Stage]:
    """Both simulators and the bridge, wired to each other, with secrets made for this run."""
    key, talkdesk_key, client_secret = (secrets.token_urlsafe(32) for _ in range(3))
    zendesk_at, zendesk_url = _listener()
    talkdesk_at, talkdesk_url = _listener()
    settings = {
        "TSBRIDGE_DATABASE_URL": f"sqlite:///{folder / 'demo.db'}",
        "TSBRIDGE_ZENDESK_URL": zendesk_url,
        "TSBRIDGE_ZENDESK_CLIENT_ID": "tsbridge-demo",
        "TSBRIDGE_ZENDESK_CLIENT_SECRET": client_secret,
        "TSBRIDGE_TALKDESK_WEBHOOK_SECRETS": talkdesk_key,
        "TSBRIDGE_ADMIN_KEY": key,
        "TSBRIDGE_ZENDESK_UPDATES_PER_MINUTE": "700",
        "TSBRIDGE_ZENDESK_READS_PER_MINUTE": "20000",
    }
    async with contextlib.AsyncExitStack() as stack:
        told = await stack.enter_async_context(People(folder))
        settings |= told.settings
        sender = await stack.enter_async_context(httpx.AsyncClient(timeout=12, trust_env=False))
        zendesk = Zendesk(
            sender,
            now,
            seed=seed,
            url=zendesk_url,
            limits=Limits.off(),  # a weekend of sixty hours passes in seconds: limits per minute would not be the real ones
            strict=True,
            client_id="tsbridge-demo",
            client_secret=client_secret,
            display=Display(stamps="minutes"),
        )
        # Zendesk is served first: the bridge has the webhook and the triggers made there before it starts.
        desk = make_zendesk(zendesk, pumping=True)
        await stack.enter_async_context(_served(desk, zendesk_at))
        bridge = await stack.enter_async_context(Bridge(folder, settings, key))
        talkdesk = Talkdesk(sender, now, webhook_url=f"{bridge.url}/webhooks/talkdesk", key=talkdesk_key, seed=seed, at_once=4)
        app = make_talkdesk(talkdesk, pumping=True)
        await stack.enter_async_context(_served(app, talkdesk_at))
        for faults in (zendesk.faults, talkdesk.faults):
            faults.duplicate, faults.reorder = DUPLICATES, DISORDER
        hand = await stack.enter_async_context(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=talkdesk_url))
        at_desk = await stack.enter_async_context(httpx.AsyncClient(transport=httpx.ASGITransport(desk), base_url=zendesk_url))
        yield Stage(bridge, key, zendesk, zendesk_url, talkdesk, talkdesk_url, ZendeskAccount(at_desk), TalkdeskAccount(hand), told)


def now() -> datetime:
    return datetime.now(UTC)


class _Server(uvicorn.Server):
    """A server among others in one process: signals are not its business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def _served(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    server = _Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="on"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _listener() -> tuple[socket.socket, str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"
