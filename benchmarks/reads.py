"""What hearing costs at Zendesk, and how soon a severity 1 is tagged: reads a ring in a storm and at calm, a Zendesk that answers in
200 ms, and one that is away for reads.

The storm runs on a clock of its own with the default budget; the rest is a service of its own beside the simulated Zendesk.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import uvicorn

from benchmarks.door import free_port
from benchmarks.driver import SECRET
from benchmarks.latency import _Server, _stamp
from benchmarks.service import KEY, Service, running
from benchmarks.writeback import _opened, _sqlite
from tests.clocks import SettableClock
from tests.work.desk import WEBHOOKS_GO_NOWHERE
from tests.work.test_storm import Storm
from tsbridge.simulator.zendesk import Limits, Zendesk
from tsbridge.simulator.zendesk.app import make_app
from tsbridge.store import budget
from tsbridge.vendors.zendesk.verify import SIGNATURE, TIMESTAMP, sign
from tsbridge.work.reads import PER_MINUTE

ANSWERS_IN_S: Final = 0.2
EVERY_S: Final = 1.2
AIM_S: Final = 1.5
AWAY_AIM_S: Final = 3.0
OURS: Final = ("rings", "severe", "facts", "catching_up", "export")
"""The reads that are counted for updates; people's records and the writer's look are counted apart."""


def run_storm(rings: int) -> bool:
    """So many rings at once, a quarter of them agents' answers."""
    print(f"Storm: {rings} rings within seconds, {PER_MINUTE} reads a minute allowed, SQLite\n")
    with _sqlite() as files, _opened(files) as database:
        clock = SettableClock()
        storm = Storm(database, clock, PER_MINUTE)
        storm.begun()
        began, cpu = clock.now(), time.process_time()
        storm.break_out(1, int(rings / 1.2), each=storm.walk.work)
        storm.settle(60)
        took, cpu = (clock.now() - began).total_seconds(), time.process_time() - cpu
        spent = dict(database.read_now(budget.reads).counted)
        ours, most, left = sum(spent.get(name, 0) for name in OURS), storm.most_in_a_minute(), storm.unread()
        print(f"{'rings':>8}{'reads':>8}{'a ring':>9}{'people':>8}{'most a minute':>15}{'all corrected after':>21}{'CPU':>8}")
        print(f"{storm.rings:>8}{ours:>8}{ours / storm.rings:>9.3f}{spent.get('people', 0):>8}{most:>15}{took:>19.0f} s{cpu:>6.0f} s")
        print(f"\nreads by reader: {spent}; left unread: {left}\naim: at most 0.1 a ring, never more than {PER_MINUTE} a minute\n")
        return ours <= 0.1 * storm.rings and most <= PER_MINUTE and not left


class Slow:
    """The simulated Zendesk, answering late; `away`: what reads audits or exports gets no answer at all."""

    def __init__(self, zendesk: Zendesk) -> None:
        self._app = make_app(zendesk, pumping=False)
        self.away = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            reads = scope["path"].removesuffix(".json").endswith("/audits") or "/incremental/" in scope["path"]
            await asyncio.sleep(60 if self.away and reads else ANSWERS_IN_S)
        await self._app(scope, receive, send)


class Beside:
    """A service and the simulated Zendesk it works for."""

    def __init__(self, zendesk: Zendesk, slow: Slow, service: Service, client: httpx.AsyncClient) -> None:
        self.zendesk, self.slow, self.service, self.client = zendesk, slow, service, client
        self.number = 0

    async def report(self) -> tuple[str, float]:
        """Somebody writes of a bite and the trigger rings; the ticket, and when the door had answered."""
        self.number += 1
        person = self.zendesk.world.add_user(f"P{self.number}", f"p{self.number}@example.com")
        said = {"subject": "Help", "comment": {"body": "my dog was bitten"}, "requester_id": person["id"]}
        ticket = self.zendesk.world.create(said, person, via="mail")
        facts = {"status": "new", "created_at": ticket["created_at"], "updated_at": ticket["updated_at"], "requester_id": str(person["id"])}
        texts = {"subject": "Help", "description": "my dog was bitten"}
        body = {"tsbridge": "2", "type": "ticket.created", "ticket_id": str(ticket["id"]), "delivery": str(self.number)}
        raw, stamp = json.dumps({**body, "ticket": facts, "texts": texts}).encode(), _stamp()
        proof = {SIGNATURE: sign(raw, SECRET, stamp), TIMESTAMP: stamp}
        answer = await self.client.post("/webhooks/zendesk", content=raw, headers=proof)
        if answer.status_code != 202:
            raise RuntimeError(f"the door answered {answer.status_code}")
        return str(ticket["id"]), time.monotonic()

    async def tagged(self, ticket: str) -> None:
        await until(lambda: _true("ts_injury" in self.zendesk.world.ticket(int(ticket))["tags"]))

    async def decided(self, ticket: str, event: str) -> None:
        """A decision of this event stands for the ticket."""

        async def stands() -> bool:
            found = (await self.client.get("/v1/audit/routing", params={"ticket": ticket})).json()["items"]
            return any(one["event"] == event and not one.get("retracted") for one in found)

        await until(stands)


@contextlib.asynccontextmanager
async def beside() -> AsyncIterator[Beside]:
    port = free_port()
    zendesk = Zendesk(WEBHOOKS_GO_NOWHERE, lambda: datetime.now(UTC), url=f"http://127.0.0.1:{port}", limits=Limits.off())
    slow = Slow(zendesk)
    server = _Server(uvicorn.Config(slow, port=port, log_level="error", access_log=False))
    serving = asyncio.create_task(server.serve())
    with ExitStack() as stack:
        service = running(zendesk_url=f"http://127.0.0.1:{port}", zendesk_access_token="benchmark", zendesk_updates_per_minute="600")
        made = await asyncio.to_thread(stack.enter_context, service)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=made.url, timeout=10, headers=headers) as client:
            yield Beside(zendesk, slow, made, client)
        await asyncio.to_thread(stack.close)
    server.should_exit = True
    await serving


async def until(holds: Callable[[], Awaitable[bool]], within_s: float = 120) -> None:
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110  # asked of another process
            await asyncio.sleep(0.02)


async def _true(value: bool) -> bool:
    return value


async def _measure(count: int) -> tuple[list[float], list[float], float]:
    """Seconds from ring to tag; from ring to decision while Zendesk is away for reads; until the last of these was corrected."""
    tags, judged = [], []
    async with beside() as both:
        await asyncio.sleep(3)  # it asks who it is
        for _ in range(count):
            began = time.monotonic()
            ticket, rang = await both.report()
            await both.tagged(ticket)
            tags.append(time.monotonic() - rang)
            await asyncio.sleep(max(0.0, began + EVERY_S - time.monotonic()))
        both.slow.away = True
        tickets = []
        for _ in range(max(3, count // 3)):
            ticket, rang = await both.report()
            tickets.append(ticket)
            await both.decided(ticket, "ticket.created")
            judged.append(time.monotonic() - rang)
            await asyncio.sleep(0.3)
        both.slow.away = False
        back = time.monotonic()
        for ticket in tickets:
            await until(lambda ticket=ticket: _read(both, ticket))  # type: ignore[misc]
        return sorted(tags), sorted(judged), time.monotonic() - back


async def _read(both: Beside, ticket: str) -> bool:
    """Whether every ring of the ticket was read behind."""
    found = (await both.client.get("/v1/audit/routing", params={"ticket": ticket})).json()["items"]
    return any(one.get("retracted") for one in found) and any(not one.get("retracted") for one in found)


def run_slow(count: int) -> bool:
    """Print both tables; True when the aims are met."""
    tags, judged, corrected = asyncio.run(_measure(count))
    p50, p95 = (1000 * tags[min(len(tags) - 1, int(len(tags) * share))] for share in (0.5, 0.95))
    print(f"Severity 1 from ring to tag: {count} rings, one every {EVERY_S} s, Zendesk answers in {1000 * ANSWERS_IN_S:.0f} ms, SQLite\n")
    print(f"{'p50 ms':>8}{'p95 ms':>8}\n{p50:>8.0f}{p95:>8.0f}\n\naim: p95 under {1000 * AIM_S:.0f} ms\n")
    print(f"Zendesk away for reads: {len(judged)} rings judged from the first impression after {judged[-1]:.1f} s at most, corrected")
    print(f"{corrected:.1f} s after it was back; aim: judged within {AWAY_AIM_S:.0f} s\n")
    return p95 < 1000 * AIM_S and judged[-1] < AWAY_AIM_S
