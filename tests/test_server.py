"""The server on a real socket: slow senders are cut off, others are not; it ends with 0."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from tests.world.virtual import VirtualLoop, run
from tsbridge.connections import LONG_S, PER_ADDRESS, UNPROVEN_BYTES, Connections, neighbourhood
from tsbridge.door_protocol import DoorProtocol, OneByOne
from tsbridge.protocols import HEAD_BYTES, PILED_UP, UNWANTED_BYTES, DeadlineProtocol
from tsbridge.server import Server, config, room


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    more = scope["path"] != "/at-once"
    while more:
        more = (await receive()).get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(0.5)
    if scope["path"] == "/known":
        scope["state"]["proven"]()
    said = scope["client"][0].encode() if scope["path"] == "/client" else b"ok"
    said = b"ok" * (4 << 20) if scope["path"] == "/long" else said
    said = b" ".join(name for name, _ in scope["headers"]) if scope["path"] == "/headers" else said
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
    monkeypatch.setattr(DeadlineProtocol, "head_deadline_s", 0.2)
    monkeypatch.setattr(DeadlineProtocol, "deadline_s", 0.4)
    monkeypatch.setattr(DeadlineProtocol, "stall_s", 0.2)
    async with up(Connections()) as found:
        yield found


@asynccontextmanager
async def up(house: Connections) -> AsyncIterator[int]:
    """A server with these connections, by its port."""
    server = Told()
    server.config.http = partial(DoorProtocol, {}, house, OneByOne())  # type: ignore[assignment]
    task = asyncio.create_task(server.serve())
    yield await server.up
    server.handle_exit(signal.SIGTERM, None)
    await task


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what the server is about to do."""
    for _ in range(5_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come to be")


async def ends(port: int, first: bytes, until: bytes = b"", then: bytes = b"") -> bytes:
    """What comes back until the server closes the connection; `then` is sent once `until` has come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(first)
        await writer.drain()
        heard = await reader.readuntil(until) if until else b""
        writer.write(then)
        with contextlib.suppress(ConnectionResetError):
            heard += await asyncio.wait_for(reader.read(), 30)
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
async def test_a_body_that_does_not_end_is_408(port: int) -> None:
    answer = await ends(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer


@pytest.mark.anyio
async def test_one_who_takes_no_answer_is_not_waited_for(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.5)
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    with contextlib.suppress(ConnectionError):
        assert len(await asyncio.wait_for(reader.read(), 30)) < 8 << 20
    writer.close()


@pytest.mark.anyio
async def test_a_body_that_nobody_wants_is_not_read_to_its_end(port: int) -> None:
    head = b"POST /at-once HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
    sent = 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    with contextlib.suppress(ConnectionError):
        while sent < 100_000_000:
            writer.write(b"a" * 65_536)
            await asyncio.wait_for(writer.drain(), 30)
            sent += 65_536
    assert UNWANTED_BYTES < sent < 50_000_000  # what the system holds of it is no matter of ours
    with contextlib.suppress(ConnectionError):
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()


@pytest.mark.anyio
async def test_a_connection_goes_on_behind_a_small_body_that_nobody_wanted(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(b"POST /at-once HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"ok"), 30)).startswith(b"HTTP/1.1 200 ")
        writer.write(b"a" * 9_000)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 30)).endswith(b"ok")
    writer.close()


@pytest.mark.anyio
async def test_requests_are_piled_up_in_bounds(port: int) -> None:
    one = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    assert await ends(port, one * (PILED_UP * 10)) == b""
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert (await ends(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * (PILED_UP // 2) + last)).count(b"200 OK") == PILED_UP // 2 + 1


@pytest.mark.anyio
async def test_what_is_held_of_the_unproven_is_bounded_and_who_came_first_goes() -> None:
    house = Connections()
    size = 1_000_000
    async with up(house) as port:
        open_ones = []
        for _ in range(UNPROVEN_BYTES // size + 1):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (size + 1) + b"a" * size)
            await writer.drain()
            await until(lambda: house.held >= min(len(open_ones) + 1, UNPROVEN_BYTES // size) * size)
            open_ones.append((reader, writer))
        (first, _), *others = open_ones
        answer = await asyncio.wait_for(first.read(), 30)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 30\r\n" in answer
        assert house.held == len(others) * size <= UNPROVEN_BYTES
        for reader, writer in others:
            writer.write(b"a")
            assert (await asyncio.wait_for(reader.readuntil(b"ok"), 30)).startswith(b"HTTP/1.1 200 ")
        assert house.held == 0
        for _, writer in open_ones:
            writer.close()


@pytest.mark.anyio
async def test_strangers_of_one_address_make_room_for_each_other() -> None:
    hour = 0.0
    house = Connections(monotonic=lambda: hour)
    async with up(house) as port:
        known = await asyncio.open_connection("127.0.0.1", port)
        known[1].write(b"GET /known HTTP/1.1\r\nHost: x\r\n\r\n")
        await known[0].readuntil(b"ok")
        strangers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(PER_ADDRESS)]
        elsewhere = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.9", 0))
        await until(lambda: len(house) == PER_ADDRESS + 2)
        hour = LONG_S
        strangers.append(await asyncio.open_connection("127.0.0.1", port))
        assert await asyncio.wait_for(strangers[0][0].read(), 30) == b""
        for reader, writer in (known, elsewhere, *strangers[1:]):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await asyncio.wait_for(reader.readuntil(b"ok"), 30)
        for _, writer in (known, elsewhere, *strangers):
            writer.close()


@pytest.mark.anyio
async def test_an_honest_burst_from_one_address_is_answered_whole() -> None:
    async with up(Connections()) as port:
        burst = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(PER_ADDRESS * 4)))
        for _, writer in burst:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for reader, writer in burst:
            assert await asyncio.wait_for(reader.readuntil(b"ok"), 30)
            writer.close()


def test_those_who_waited_long_leave_until_there_are_few_and_none_who_has_just_come() -> None:
    hour = 0.0
    house = Connections(monotonic=lambda: hour)
    early = [Standing() for _ in range(PER_ADDRESS + 10)]
    for guest in early:
        house.come(guest, "10.0.0.1")
    hour = LONG_S
    late = [Standing() for _ in range(PER_ADDRESS + 10)]
    for guest in late:
        house.come(guest, "10.0.0.1")
    assert all(guest.told == ["leave"] for guest in early)
    assert not any(guest.told for guest in late)


class Standing:
    """A guest that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def leave(self) -> None:
        self.told.append("leave")

    def refuse(self) -> None:
        self.told.append("refuse")


def test_behind_a_trusted_proxy_an_address_has_no_bound_of_its_own() -> None:
    house = Connections(["10.0.0.0/24"])
    guests = [Standing() for _ in range(PER_ADDRESS * 4)]
    assert all(house.come(guest, "10.0.0.7" if place % 2 else "::ffff:10.0.0.8") for place, guest in enumerate(guests))
    assert not any(guest.told for guest in guests)
    assert len(house) == len(guests)


@pytest.mark.anyio
@pytest.mark.parametrize(("proxies", "client"), [((), b"127.0.0.1"), (("127.0.0.0/8",), b"203.0.113.9")])
async def test_only_a_trusted_proxy_says_for_whom_it_speaks(proxies: tuple[str, ...], client: bytes) -> None:
    server = Told()
    server.config = config(app, "127.0.0.1", 0, proxies=proxies)
    task = asyncio.create_task(server.serve())
    asking = b"GET /client HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.1, 203.0.113.9\r\nConnection: close\r\n\r\n"
    assert (await ends(await server.up, asking)).endswith(b"\r\n\r\n" + client)
    server.handle_exit(signal.SIGTERM, None)
    await task


def test_whoever_is_being_answered_is_not_asked_to_leave() -> None:
    house = Connections(most=4)
    guests = [Standing() for _ in range(4)]
    for place, guest in enumerate(guests):
        house.come(guest, f"10.0.0.{place}")
        house.busy(guest)
    late = Standing()
    assert not house.come(late, "10.0.1.1")
    house.waits(guests[2])
    assert house.come(late, "10.0.1.1")
    assert [guest.told for guest in guests] == [[], [], ["leave"], []]
    for guest in (*guests, late):
        house.go(guest)
        house.waits(guest)
    assert len(house) == 0


def test_the_address_with_the_most_strangers_makes_room_before_those_who_are_known() -> None:
    house = Connections(most=10)
    known, lone, *many = (Standing() for _ in range(10))
    house.come(known, "10.0.0.1")
    house.proven(known)
    house.come(lone, "10.0.0.2")
    for guest in many:
        house.come(guest, "10.0.0.3")
    assert house.come(Standing(), "10.0.0.4")
    assert [guest.told for guest in (known, lone, *many)] == [[], [], ["leave"], *[[]] * 7]


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    assert neighbourhood("2001:db8:1:2:3::9") == neighbourhood("2001:db8:1:2::1") != neighbourhood("2001:db8:1:3::1")
    assert neighbourhood("::ffff:10.0.0.1") == neighbourhood("10.0.0.1") == "10.0.0.1"
    assert neighbourhood("no address") == "no address"


def test_there_is_room_for_as_many_as_the_system_lets_be_open() -> None:
    assert 64 <= room() <= 2_000


@pytest.mark.anyio
async def test_a_bare_line_break_keeps_no_connection_open(port: int) -> None:
    answered = await ends(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", until=b"ok", then=b"\r\n")
    assert answered.count(b"HTTP/1.1 200") == 1


@pytest.mark.anyio
async def test_a_slow_answer_is_not_the_callers_fault(port: int) -> None:
    answered = await ends(port, b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answered.endswith(b"ok")
    assert b"server:" not in answered.lower()


def test_a_server_at_rest_looks_once_a_second_and_ends_at_once() -> None:
    class Ticks(Server):
        ticks = 0

        async def on_tick(self, counter: int) -> bool:
            self.ticks += 1
            return await super().on_tick(counter)

    async def main(loop: VirtualLoop) -> tuple[float, int]:
        made = config(app, "127.0.0.1", 0)
        made.load()
        server = Ticks(made)
        loop.call_at(60.5, server.handle_exit, signal.SIGTERM, None)
        await server.main_loop()
        return loop.passed, server.ticks

    ended, ticks = run(main)
    assert ended == 60.5
    assert 60 <= ticks <= 63


@pytest.mark.anyio
async def test_a_signal_ends_the_server_in_good_order_and_is_not_raised_again() -> None:
    server = Told()
    task = asyncio.create_task(server.serve())
    await server.up
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(task, 30)
    assert server.should_exit
    assert not server.force_exit


@pytest.mark.anyio
@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"], ids=["GET", "POST of nothing"])
async def test_requests_without_a_body_may_come_by_one_connection_for_ever(port: int, length: bytes) -> None:
    one = (b"POST" if length else b"GET") + b" / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000 + b"\r\n" + length + b"\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2 * HEAD_BYTES // len(one)):
        writer.write(one)
        assert (await asyncio.wait_for(reader.readuntil(b"ok"), 30)).startswith(b"HTTP/1.1 200 ")
    writer.close()


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
            return sent, await asyncio.wait_for(answer, 30)
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
