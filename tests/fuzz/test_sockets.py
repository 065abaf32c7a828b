"""Broken requests on real sockets: none makes the server stumble, and of those who sent them nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any, Final

import pytest

from tests.fuzz.mutations import mutated
from tests.seeds import first
from tests.test_server import ends, until, up
from tsbridge.connections import Connections
from tsbridge.protocols import DeadlineProtocol

pytestmark = pytest.mark.anyio

REQUESTS: Final = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /at-once HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /known HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET http://x/headers HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: a,b\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
)
SMUGGLED: Final = (
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /headers HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b: c\r\n\r\n",
)


async def sent(port: int, raw: bytes, dice: random.Random) -> None:
    """In two pieces, perhaps with an end behind them; whatever comes back."""
    with contextlib.suppress(OSError, TimeoutError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        cut = dice.randrange(len(raw) + 1)
        writer.write(raw[:cut])
        await asyncio.sleep(0)
        writer.write(raw[cut:])
        if dice.random() < 0.5:
            writer.write_eof()
        try:
            await asyncio.wait_for(reader.read(65_536), 0.5)
        finally:
            writer.transport.abort()


@pytest.mark.parametrize("seed", first(1, range(20)))
async def test_broken_requests_leave_nothing_behind_and_others_are_served(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeadlineProtocol, "head_deadline_s", 0.2)
    monkeypatch.setattr(DeadlineProtocol, "deadline_s", 0.3)
    failed: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failed.append(context))
    house, dice = Connections(), random.Random(seed)  # noqa: S311
    async with up(house) as port:
        await asyncio.gather(*(sent(port, mutated(dice, REQUESTS), dice) for _ in range(60)))
        await until(lambda: len(house) == 0)
        assert (house.waiting, house.held) == (0, 0)
        assert (await ends(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).endswith(b"ok")
    assert not failed


@pytest.mark.parametrize("raw", SMUGGLED)
async def test_of_two_ways_to_read_a_request_neither_is_taken(raw: bytes) -> None:
    async with up(Connections()) as port:
        answer = await ends(port, raw)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
