"""Deliveries that the server hands to their door itself are answered as the application would, on real connections."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from starlette.applications import Starlette

from benchmarks.hostile import hostile, kinds
from tests.clocks import CountingIds, SettableClock
from tsbridge.acts.security import Security
from tsbridge.server import Server, config
from tsbridge.store import inbox_tables
from tsbridge.store.db import Database
from tsbridge.store.intake import Intake
from tsbridge.web import webhooks
from tsbridge.web.counters import Counters
from tsbridge.web.webhooks import BODY_CAP, READ_ASIDE, Door, Entrance

pytestmark = pytest.mark.anyio

SECRET = "secret"
HEAD = b"POST /webhooks/%b HTTP/1.1\r\nHost: door\r\n"


class Asked(Starlette):
    """The application, counting what the server asks of it."""

    def __init__(self, doors: dict[str, Door]) -> None:
        super().__init__(routes=webhooks.routes(doors))
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += scope["type"] == "http"
        await super().__call__(scope, receive, send)


class Told(Server):
    """A server that says when it is up, on which port."""

    def __init__(self, app: Any, doors: list[Door]) -> None:
        super().__init__(config(app, "127.0.0.1", 0, doors))
        self.up: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.up.set_result(int(self.servers[0].sockets[0].getsockname()[1]))


@dataclass
class House:
    database: Database
    clock: SettableClock
    counters: Counters
    app: Asked
    port: int

    def signed(self, body: bytes) -> dict[str, str]:
        stamp = self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        mac = hmac.digest(SECRET.encode(), stamp.encode() + body, hashlib.sha256)
        return {"X-Zendesk-Webhook-Signature": base64.b64encode(mac).decode(), "X-Zendesk-Webhook-Signature-Timestamp": stamp}

    def raw(self, body: bytes, more: bytes = b"") -> bytes:
        """A whole request, as bytes."""
        lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in self.signed(body).items())
        return HEAD % b"zendesk" + lines + more + b"Content-Length: %d\r\n\r\n" % len(body) + body

    async def post(self, body: bytes, source: str = "zendesk", **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
            return await client.post(f"/webhooks/{source}", content=body, headers={**self.signed(body), **headers})

    async def through_the_application(self, body: bytes, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://door") as client:
            return await client.post("/webhooks/zendesk", content=body, headers={**self.signed(body), **headers})

    def bodies(self) -> list[bytes]:
        inbox = inbox_tables.inbox
        return self.database.read_now(lambda conn: list(conn.execute(select(inbox.c.body).order_by(inbox.c.seq)).scalars()))


@contextlib.asynccontextmanager
async def house(database: Database, clock: SettableClock, **entrances: Entrance) -> AsyncIterator[House]:
    counters, intake = Counters(), Intake(database, clock, CountingIds())
    security = Security(clock, counters.security)
    made = {"zendesk": webhooks.zendesk([SECRET], 900), "talkdesk": webhooks.talkdesk([]), **entrances}
    doors = {source: Door(entrance, intake, clock, counters, lambda: None, security) for source, entrance in made.items()}
    app = Asked(doors)
    server = Told(app, list(doors.values()))
    task = asyncio.create_task(server.serve())
    try:
        yield House(database, clock, counters, app, await server.up)
    finally:
        server.handle_exit(signal.SIGTERM, None)
        await task


@pytest.fixture
async def open_house(database: Database, clock: SettableClock) -> AsyncIterator[House]:
    async with house(database, clock) as made:
        yield made


def event(name: str, filling: int = 0) -> bytes:
    return json.dumps({"id": name, "type": "zen:event-type:ticket.created", "detail": {"id": "1", "subject": "a" * filling}}).encode()


async def sent(port: int, *pieces: bytes, wait_for: bytes | None = None) -> bytes:
    """What comes back for these pieces, each sent after the other, until `wait_for` or the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read() if wait_for is None else reader.readuntil(wait_for), 30)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


CASES: dict[str, tuple[bytes, dict[str, str], int]] = {
    "new": (event("one"), {}, 202),
    "no JSON": (b"{", {}, 202),
    "wrong signature": (event("one"), {"X-Zendesk-Webhook-Signature": "AAAA"}, 401),
    "compressed": (event("one"), {"Content-Encoding": "gzip"}, 415),
    "too large": (b"a" * (BODY_CAP + 1), {}, 413),
    "empty": (b"", {}, 202),
}


@pytest.mark.parametrize("case", list(CASES))
async def test_the_server_answers_what_the_application_would(open_house: House, case: str) -> None:
    body, headers, status = CASES[case]
    answer = await open_house.post(body, **headers)
    same = await open_house.through_the_application(body, **headers)
    assert answer.status_code == same.status_code == status
    assert {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")} == {
        name: value for name, value in same.headers.items() if name != "content-length"
    }
    if status == 202:
        assert answer.json()["event_id"] == same.json()["event_id"]
        assert (answer.json()["status"], same.json()["status"]) == (
            "quarantined" if case in ("no JSON", "empty") else "accepted",
            "duplicate",
        )
        assert open_house.bodies() == [body]
    else:
        assert answer.json() == same.json()
        assert open_house.bodies() == []


async def test_a_delivery_that_is_all_there_asks_no_application(open_house: House) -> None:
    assert (await open_house.post(event("one"))).status_code == 202
    assert (await open_house.post(event("two", READ_ASIDE))).status_code == 202
    assert open_house.app.asked == 1  # for the large one
    counted = open_house.counters.registry.get_sample_value
    assert counted("tsbridge_door_answers_total", {"source": "zendesk", "status": "202", "reason": "accepted"}) == 2
    assert counted("tsbridge_http_requests_total", {"method": "POST", "route": "/webhooks/zendesk", "status": "202"}) == 2


async def test_a_door_without_a_secret_is_closed(open_house: House) -> None:
    answer = await open_house.post(b"{}", "talkdesk")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")


@pytest.mark.parametrize(
    ("source", "headers"),
    [
        ("zendesk", b""),
        ("zendesk", b"X-Zendesk-Webhook-Signature: AAAA\r\nX-Zendesk-Webhook-Signature-Timestamp: 2026-11-22T09:00:00Z\r\n"),
        ("talkdesk", b""),
        ("talkdesk", b"X-Tsbridge-Key: wrong\r\n"),
    ],
)
async def test_what_a_head_shows_to_be_nobodys_is_refused_before_its_body_comes(
    database: Database, clock: SettableClock, source: str, headers: bytes
) -> None:
    async with house(database, clock, talkdesk=webhooks.talkdesk([SECRET])) as made:
        head = HEAD % source.encode() + headers + b"Content-Length: 900000\r\n\r\n"
        answer = await sent(made.port, head, wait_for=b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 401 ")
        counted = made.counters.registry.get_sample_value
        assert counted("tsbridge_http_requests_total", {"method": "POST", "route": f"/webhooks/{source}", "status": "401"}) == 1
        assert counted("tsbridge_security_events_total", {"kind": "signature_refused"}) == 1
        assert made.app.asked == 0


async def test_a_body_that_is_told_too_large_is_refused_before_it_comes(open_house: House) -> None:
    head, _, _ = open_house.raw(b"").partition(b"Content-Length")
    answer = await sent(open_house.port, head + b"Content-Length: 24000000\r\n\r\n", wait_for=b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_honest_senders_are_served_beside_hostile_ones(open_house: House) -> None:
    attack = asyncio.create_task(hostile(open_house.port, 42, 0.8, spread=True, within=0.1))
    answers = []
    for number in range(20):
        answers.append((await open_house.post(event(f"honest {number}", 2_000))).status_code)
        await asyncio.sleep(0.02)
    assert answers == [202] * 20
    assert len(await attack) == len(kinds())
    assert len(open_house.bodies()) == 20


async def test_only_posts_are_the_doors(open_house: House) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{open_house.port}") as client:
        assert (await client.get("/webhooks/zendesk")).status_code == 405
        assert (await client.post("/webhooks/other")).status_code == 404
    assert open_house.app.asked == 2


async def test_deliveries_piled_up_on_one_connection_are_answered_in_their_order(open_house: House) -> None:
    names = [f"e{number}" for number in range(5)]
    requests = [open_house.raw(event(name)) for name in names]
    answer = await sent(open_house.port, b"".join([*requests, open_house.raw(event("last"), b"Connection: close\r\n")]))
    told = [json.loads(line.partition(b"HTTP/1.1")[0]) for line in answer.split(b"\r\n\r\n")[1:]]
    assert [one["status"] for one in told] == ["accepted"] * 6
    assert open_house.bodies() == [event(name) for name in [*names, "last"]]


async def test_a_body_in_pieces_and_in_chunks_is_one_body(open_house: House) -> None:
    body = event("pieces", 30_000)
    request = open_house.raw(body, b"Connection: close\r\n")
    assert b" 202 " in await sent(open_house.port, *(request[n : n + 7_000] for n in range(0, len(request), 7_000)))
    chunked = event("chunks")
    head, _, _ = open_house.raw(chunked, b"Connection: close\r\nTransfer-Encoding: chunked\r\n").partition(b"Content-Length")
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (chunked[:20], chunked[20:]))
    assert b" 202 " in await sent(open_house.port, head + b"\r\n", chunks, b"0\r\n\r\n")
    assert open_house.bodies() == [body, chunked]


async def test_a_chunked_body_without_an_end_is_too_large(open_house: House) -> None:
    head = open_house.raw(b"", b"Connection: close\r\nTransfer-Encoding: chunked\r\n").partition(b"Content-Length")[0] + b"\r\n"
    assert b" 413 " in await sent(open_house.port, head, *[b"10000\r\n" + b"a" * 65_536 + b"\r\n"] * 17, wait_for=b"\r\n")
    assert open_house.bodies() == []


async def test_a_sender_that_waits_to_be_told_to_go_on_is_told(open_house: House) -> None:
    request = open_house.raw(event("expects"), b"Expect: 100-continue\r\nConnection: close\r\n")
    head, _, body = request.partition(b"\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", open_house.port)
    writer.write(head + b"\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).startswith(b"HTTP/1.1 100 ")
    writer.write(body)
    assert b" 202 " in await asyncio.wait_for(reader.read(), 30)
    writer.close()
    await writer.wait_closed()


async def test_an_old_client_gets_its_answer_and_the_end_of_the_connection(open_house: House) -> None:
    answer = await sent(open_house.port, open_house.raw(event("old")).replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert b" 202 " in answer
    assert b"connection: close" in answer


async def test_a_sender_that_goes_away_within_a_body_leaves_nothing_and_others_are_served(open_house: House) -> None:
    request = open_house.raw(event("half"))
    _, writer = await asyncio.open_connection("127.0.0.1", open_house.port)
    writer.write(request[:-5])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await open_house.post(event("whole"))).status_code == 202
    assert open_house.bodies() == [event("whole")]


async def test_what_a_door_stumbles_over_is_answered_and_others_are_served(database: Database, clock: SettableClock) -> None:
    def stumble(value: Any, body: bytes, headers: Any) -> str:
        if b"stone" in body:
            raise LookupError
        return "sound"

    async with house(database, clock, zendesk=replace(webhooks.zendesk([SECRET], 900), key=stumble)) as made:
        assert (await made.post(event("stone"))).status_code == 500
        assert (await made.post(event("sound"))).status_code == 202
        assert made.bodies() == [event("sound")]


async def test_a_database_that_cannot_store_is_said_to_be_unavailable(open_house: House) -> None:
    open_house.database.write_now(lambda conn: conn.execute(text("ALTER TABLE inbox RENAME TO elsewhere")) and None)
    answer = await open_house.post(event("one"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
