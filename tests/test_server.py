"""The server on a real socket: slow senders are cut off, others are not; it ends with 0."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tsbridge.server import DeadlineProtocol, Server, config


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(0.5)
    said = b" ".join(name for name, _ in scope["headers"]) if scope["path"] == "/headers" else b"ok"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(said)).encode())]})
    await send({"type": "http.response.body", "body": said})


class Told(Server):
    """A server that says when it is up, on which port."""

    def __init__(self) -> None:
        super().__init__(config(app, "127.0.0.1", 0))
        self.up: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.up.set_result(int(self.servers[0].sockets[0].getsockname()[1]))


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(DeadlineProtocol, "deadline_s", 0.3)
    server = Told()
    task = asyncio.create_task(server.serve())
    yield await server.up
    server.should_exit = True
    await task


async def ends(port: int, first: bytes, until: bytes = b"", then: bytes = b"") -> bytes:
    """What comes back until the server closes the connection; `then` is sent once `until` has come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(first)
        await writer.drain()
        heard = await reader.readuntil(until) if until else b""
        writer.write(then)
        with contextlib.suppress(ConnectionResetError):
            heard += await asyncio.wait_for(reader.read(), 5)
        return heard
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        b"POST / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
    ],
    ids=["silent", "half a line", "half a head", "half a body", "half the chunks"],
)
async def test_a_request_that_does_not_end_is_cut_off(port: int, sent: bytes) -> None:
    assert b"200" not in await ends(port, sent)


@pytest.mark.anyio
async def test_a_bare_line_break_keeps_no_connection_open(port: int) -> None:
    answered = await ends(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", until=b"ok", then=b"\r\n")
    assert answered.count(b"HTTP/1.1 200") == 1


@pytest.mark.anyio
async def test_a_slow_answer_is_not_the_callers_fault(port: int) -> None:
    answered = await ends(port, b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answered.endswith(b"ok")
    assert b"server:" not in answered.lower()


@pytest.mark.anyio
async def test_a_signal_ends_the_server_in_good_order_and_is_not_raised_again() -> None:
    server = Told()
    task = asyncio.create_task(server.serve())
    await server.up
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(task, 5)
    assert server.should_exit
    assert not server.force_exit


async def sent_until_refused(port: int, first: bytes, more: bytes) -> tuple[int, bytes]:
    """Send `more` again and again until the server closes; how many bytes went out, and what came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(reader.read())
    sent = len(first)
    writer.write(first)
    with contextlib.suppress(ConnectionError):
        while not answer.done() and sent < 1 << 20:
            writer.write(more)
            await writer.drain()
            sent += len(more)
            await asyncio.sleep(0)
    try:
        with contextlib.suppress(ConnectionError):
            return sent, await asyncio.wait_for(answer, 5)
        return sent, b""
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


ENDLESS = {
    "url": (b"GET /", b"a" * 1_000),
    "one header": (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"a" * 1_000),
    "headers": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: " + b"a" * 995 + b"\r\n"),
    "small headers": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X: a\r\n"),
    "trailers": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"X: " + b"a" * 995 + b"\r\n"),
    "one trailer": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ", b"a" * 1_000),
    "line breaks": (b"", b"\r\n" * 500),
}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", list(ENDLESS))
async def test_what_has_no_end_before_or_behind_a_body_is_refused(port: int, kind: str) -> None:
    sent, answer = await sent_until_refused(port, *ENDLESS[kind])
    assert answer.startswith(b"HTTP/1.1 431 "), answer[:80]
    assert sent <= 64 << 10


@pytest.mark.anyio
async def test_a_long_body_behind_a_head_is_no_head(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n"
    body = b"a" * 900_000
    padding = b"X: " + b"a" * 30_000 + b"\r\n"
    answered = await ends(
        port, head + padding + b"\r\n" + body, until=b"ok", then=head + b"Connection: close\r\n" + padding + b"\r\n" + body
    )
    assert answered.count(b"HTTP/1.1 200") == 2


@pytest.mark.anyio
async def test_a_chunked_body_in_single_bytes_is_a_body(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert (await ends(port, head + b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.anyio
async def test_a_trailer_is_no_header(port: int) -> None:
    chunks = (
        b"POST /headers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\nX-Key: secret\r\n\r\n"
    )
    assert b"x-key" not in (await ends(port, chunks)).split(b"\r\n\r\n", 1)[1]


@pytest.mark.anyio
async def test_many_trailers_are_read_over(port: int) -> None:
    head = b"POST /headers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\n"
    assert (await ends(port, head + b"X: a\r\n" * 500 + b"\r\n")).startswith(b"HTTP/1.1 200")
