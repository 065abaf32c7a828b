"""Wishes planned and settled in a second, against a simulated Zendesk over real HTTP and without limits, beside a bare HTTP client.

The bare client makes the same calls: the tickets read 25 at a time, then one guarded update each, eight in flight. It keeps nothing; the
bridge writes down its intent before each call and what came of it after, on SQLite with fsync. Both end with the same tags.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx

from benchmarks.door import free_port
from tests.work.desk import tags
from tsbridge.http import Http
from tsbridge.store import desired, schema
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.vendors.zendesk.client import AccessToken, ZendeskClient
from tsbridge.wiring.clock_and_ids import SystemClock, TimedIds, entropy
from tsbridge.work.conclude import Conclusions
from tsbridge.work.pace import Pace
from tsbridge.work.writeback import AT_ONCE, BATCH, Writeback

ENDLESS: Final = 1e9
HEADERS: Final = {"Authorization": "Bearer token"}


def run(count: int) -> bool:
    """Print the table; True when both left the tickets as wished."""
    print(f"Writes: {count} tickets each, a simulated Zendesk without limits\n")
    with _zendesk() as url, tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        path = f"sqlite:///{Path(folder) / 'tsbridge.db'}"
        with Database.open(path) as database:
            schema.migrate(database)
            return asyncio.run(_compare(url, database, count))


async def _compare(url: str, database: Database, count: int) -> bool:
    good = True
    async with httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=30) as client:
        await client.put("/_sim/limits", json={"account": 0, "updates": 0, "per_ticket": 0, "incremental": 0})
        rows = []
        for name, alike in (("bare HTTP client", False), ("bridge", False), ("bridge, all alike", True)):
            tickets = await _tickets(client, count)
            wished = {ticket: "ts_a" if alike else f"ts_{ticket}" for ticket in tickets}
            before = await _requests(client)
            started = time.perf_counter()
            if name == "bare HTTP client":
                await _bare(client, wished)
            else:
                started = await _bridge(url, database, wished)
            took = time.perf_counter() - started
            calls = await _requests(client) - before - 1  # the question itself is one
            rows.append((name, count / took, calls / count))
            good &= await _tags(client, tickets) == {ticket: [tag] for ticket, tag in wished.items()}
    print(f"{'':<20}{'wishes a second':>16}{'calls a ticket':>16}{'ratio':>8}")
    for name, rate, calls in rows:
        print(f"{name:<20}{rate:>16.0f}{calls:>16.2f}{rate / rows[0][1]:>8.2f}")
    print("\nthe same tags on every ticket\n" if good else "\nNOT the same tags\n")
    return good


async def _bare(client: httpx.AsyncClient, wished: dict[str, str]) -> None:
    tickets, gate = list(wished), asyncio.Semaphore(AT_ONCE)

    async def update(ticket: dict[str, Any]) -> None:
        changes = {"tags": [*ticket["tags"], wished[str(ticket["id"])]], "metadata": {"tsbridge": "int", "notes": []}}
        body = {"ticket": {**changes, "safe_update": True, "updated_stamp": ticket["updated_at"]}}
        async with gate:
            answer = await client.put(f"/api/v2/tickets/{ticket['id']}.json", json=body)
        answer.raise_for_status()

    for start in range(0, len(tickets), BATCH):
        ids = ",".join(tickets[start : start + BATCH])
        found = (await client.get("/api/v2/tickets/show_many.json", params={"ids": ids})).json()["tickets"]
        await asyncio.gather(*map(update, found))


async def _bridge(url: str, database: Database, wished: dict[str, str]) -> float:
    """Writes what is wished; returns when it began: the wishes are there before."""
    clock, ids, pace = SystemClock(), TimedIds(SystemClock(), entropy), Pace(ENDLESS)
    http = Http(url, sleep=asyncio.sleep)
    client = ZendeskClient(http, AccessToken("token"), pace.heard)
    live = LiveRulebook(ZoneInfo("UTC"))
    writer = Writeback(
        database, clock, ids, client, pace, "bench", lambda what, **named: None, Conclusions(live, ids, lambda: "salt"), live
    )
    wishes = [desired.Wished(ticket, "case", tags(tag), None, 0) for ticket, tag in wished.items()]
    await database.write(lambda conn: desired.wishes_changed(conn, wishes, clock.now(), ids.new))
    started = time.perf_counter()
    while await writer.round() is not None:
        pass
    await http.close()
    return started


async def _tickets(client: httpx.AsyncClient, count: int) -> list[str]:
    made: list[str] = []
    for start in range(0, count, 100):
        plain = [{"subject": "a dog", "comment": {"body": "a bite"}} for _ in range(min(100, count - start))]
        job = (await client.post("/api/v2/tickets/create_many.json", json={"tickets": plain})).json()["job_status"]["id"]
        ended = (await client.get(f"/api/v2/job_statuses/{job}.json")).json()["job_status"]
        made += [str(one["id"]) for one in ended["results"]]
    return made


async def _tags(client: httpx.AsyncClient, tickets: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for start in range(0, len(tickets), 100):
        answer = await client.get("/api/v2/tickets/show_many.json", params={"ids": ",".join(tickets[start : start + 100])})
        found |= {str(ticket["id"]): ticket["tags"] for ticket in answer.json()["tickets"]}
    return found


async def _requests(client: httpx.AsyncClient) -> int:
    stats = (await client.get("/_sim/stats")).json()
    return sum(stats["requests"].values())


@contextmanager
def _zendesk() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "tsbridge", "simulate", "zendesk", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                httpx.get(f"{url}/_sim/stats", timeout=2)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)
