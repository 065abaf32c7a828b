"""A delivery that comes in one piece skips the parser, and is answered as if it had not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from uvicorn.server import ServerState

from tests.clocks import CountingIds, SettableClock
from tests.fuzz.mutations import mutated
from tests.seeds import first
from tsbridge.connections import Connections
from tsbridge.door_protocol import DoorProtocol, OneByOne, Plain
from tsbridge.protocols import HEADERS, PIECE_BYTES, DeadlineProtocol
from tsbridge.server import config
from tsbridge.store.db import Database
from tsbridge.store.intake import Intake
from tsbridge.web import webhooks
from tsbridge.web.counters import Counters
from tsbridge.web.webhooks import READ_ASIDE, Door, Entrance

pytestmark = pytest.mark.anyio

SECRET = "secret"


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    """The application: whatever a door does not take is not found."""
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Wire(asyncio.Transport):
    """A connection as the server sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.closed = False
        self.heard = asyncio.Event()

    def write(self, data: Any) -> None:
        self.said += data
        self.heard.set()

    def close(self) -> None:
        self.closed = True
        self.heard.set()

    abort = write_eof = close
    pause_reading = resume_reading = lambda self: None

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.1", 5_000) if name == "peername" else default


class Sender:
    """One who is connected."""

    def __init__(self, made: DoorProtocol) -> None:
        self.wire, self.protocol = Wire(), made
        made.connection_made(self.wire)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            if piece and not self.wire.closed:
                self.protocol.data_received(piece)

    async def answers(self, many: int = 1) -> list[int]:
        """The statuses of what comes back, once there are so many or the connection is at its end."""
        async with asyncio.timeout(10):
            while self.wire.said.count(b"HTTP/1.1 ") < many and not self.wire.closed:
                self.wire.heard.clear()
                await self.wire.heard.wait()
        return [int(one[:3]) for one in self.wire.said.split(b"HTTP/1.1 ")[1:]]

    @property
    def short(self) -> bool:
        """Whether the last request went past the parser."""
        return isinstance(self.protocol.cycle, Plain)


class House:
    """A server without its sockets."""

    def __init__(self, database: Database, clock: SettableClock, **entrances: Entrance) -> None:
        intake, self.counters, self.connections = Intake(database, clock, CountingIds()), Counters(), Connections()
        made = {"zendesk": webhooks.zendesk([SECRET], 900), "talkdesk": webhooks.talkdesk([SECRET]), **entrances}
        doors = {f"/webhooks/{source}": Door(one, intake, clock, self.counters, lambda: None) for source, one in made.items()}
        self._config = config(nobody, "127.0.0.1", 0)
        self._config.load()
        self._made = (doors, self.connections, OneByOne())
        self._state = ServerState()
        self._clock, self._numbers = clock, count()

    def sender(self) -> Sender:
        return Sender(DoorProtocol(*self._made, config=self._config, server_state=self._state, app_state={}))

    def signed(self, body: bytes | None = None, more: bytes = b"", length: bytes | None = None) -> bytes:
        """A delivery, a new one each time if nothing else is said."""
        if body is None:
            body = json.dumps({"id": f"e{next(self._numbers)}", "type": "zen:event-type:ticket.created"}).encode()
        stamp = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        mac = base64.b64encode(hmac.digest(SECRET.encode(), stamp + body, hashlib.sha256))
        return (
            b"POST /webhooks/zendesk HTTP/1.1\r\nHost: door\r\nX-Zendesk-Webhook-Signature: %b\r\n"
            b"X-Zendesk-Webhook-Signature-Timestamp: %b\r\n%bContent-Length: %b\r\n\r\n%b"
        ) % (mac, stamp, more, b"%d" % len(body) if length is None else length, body)


@pytest.fixture
async def house(database: Database, clock: SettableClock) -> House:
    return House(database, clock)


async def test_it_skips_the_parser_time_after_time(house: House) -> None:
    sender = house.sender()
    for number in range(1, 4):
        sender.send(house.signed(more=b"User-Agent: Zendesk Webhook\r\n"))
        assert sender.short
        assert house.connections.waiting == 0
        assert await sender.answers(number) == [202] * number
        assert house.connections.waiting == 1
    assert not sender.wire.closed
    assert house.counters.registry.get_sample_value(
        "tsbridge_http_requests_total", {"method": "POST", "route": "/webhooks/zendesk", "status": "202"}
    ) == 3  # fmt: skip


async def test_talkdesk_has_the_same_way(house: House) -> None:
    sender = house.sender()
    sender.send(b"POST /webhooks/talkdesk HTTP/1.1\r\nAuthorization: Bearer secret\r\nContent-Length: 2\r\n\r\n{}")
    assert sender.short
    assert await sender.answers() == [202]
    sender.send(b"POST /webhooks/talkdesk HTTP/1.1\r\nAuthorization: Bearer wrong\r\nContent-Length: 2\r\n\r\n{}")
    assert sender.short
    assert await sender.answers(2) == [202, 401]


LONG_WAY: dict[str, Callable[[House], bytes]] = {
    "chunked": lambda h: h.signed(b"", b"Transfer-Encoding: chunked\r\n").replace(b"Content-Length: 0\r\n", b"") + b"0\r\n\r\n",
    "chunked and a length": lambda h: h.signed(b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\n"),
    "the end of the connection": lambda h: h.signed(more=b"Connection: close\r\n"),
    "waits to be told to go on": lambda h: h.signed(more=b"Expect: 100-continue\r\n"),
    "another protocol": lambda h: h.signed(more=b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    "an old client": lambda h: h.signed().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "compressed": lambda h: h.signed(more=b"Content-Encoding: gzip\r\n"),
    "not compressed, and says so": lambda h: h.signed(more=b"Content-Encoding: identity\r\n"),
    "no length": lambda h: h.signed(b"").replace(b"Content-Length: 0\r\n", b""),
    "two lengths": lambda h: h.signed(more=b"Content-Length: 5\r\n"),
    "two lengths alike": lambda h: h.signed(b"hello", b"Content-Length: 5\r\n"),
    "a length that is none": lambda h: h.signed(length=b"-5"),
    "a length with zeros": lambda h: h.signed(b"{}", length=b"002"),
    "a length beyond all": lambda h: h.signed(b"{}", length=b"9" * 30),
    "two signatures": lambda h: h.signed(more=b"x-zendesk-webhook-signature: AAAA\r\n"),
    "a signature without a value": lambda h: h.signed().replace(b"X-Zendesk-Webhook-Signature: ", b"X-Zendesk-Webhook-Signature:\r\nX: "),
    "more blanks": lambda h: h.signed(more=b"X:  a \r\n"),
    "no blanks": lambda h: h.signed(more=b"X:a\r\n"),
    "a tab": lambda h: h.signed(more=b"X: a\tb\r\n"),
    "a header over two lines": lambda h: h.signed(more=b"X: a\r\n b\r\n"),
    "a name with a blank": lambda h: h.signed(more=b"X : a\r\n"),
    "a name with other letters": lambda h: h.signed(more=b"X!#: a\r\n"),
    "no name": lambda h: h.signed(more=b": a\r\n"),
    "no colon": lambda h: h.signed(more=b"X\r\n"),
    "bytes beyond ASCII": lambda h: h.signed(more=b"X: \xff\xc3\xa4\r\n"),
    "a NUL": lambda h: h.signed(more=b"X: a\x00b\r\n"),
    "a line break of one sign": lambda h: h.signed(more=b"X: a\n"),
    "a return alone": lambda h: h.signed(more=b"X: a\rb\r\n"),
    "an address with a query": lambda h: h.signed().replace(b"zendesk HTTP", b"zendesk?a=b HTTP"),
    "an address in other signs": lambda h: h.signed().replace(b"/zendesk", b"/%7aendesk"),
    "an address with its host": lambda h: h.signed().replace(b"POST /", b"POST http://door/"),
    "an address that is no door's": lambda h: h.signed().replace(b"/zendesk", b"/nobody"),
    "a look": lambda h: h.signed().replace(b"POST", b"GET"),
    "a method in small letters": lambda h: h.signed().replace(b"POST", b"post"),
    "a line break before": lambda h: b"\r\n" + h.signed(),
    "two of them": lambda h: h.signed() + h.signed(),
    "one and the beginning of another": lambda h: h.signed() + b"POST ",
    "many headers": lambda h: h.signed(more=b"".join(b"X-%d: a\r\n" % n for n in range(HEADERS))),
    "a long head": lambda h: h.signed(more=b"X: %b\r\n" % (b"a" * PIECE_BYTES)),
    "a large body": lambda h: h.signed(b'"%b"' % (b"a" * READ_ASIDE)),
}


@pytest.mark.parametrize("kind", LONG_WAY)
async def test_whatever_leaves_a_question_goes_through_the_parser(house: House, kind: str) -> None:
    made = LONG_WAY[kind]
    one, other = house.sender(), house.sender()
    raw, same = made(house), made(house)
    many = 2 if kind == "two of them" else 1
    one.send(raw)
    assert not one.short
    other.send(same[:1], same[1:])
    assert await one.answers(many) == await other.answers(many) != []
    assert one.wire.closed == other.wire.closed


@pytest.mark.parametrize("seed", first(4, range(200)))
async def test_the_answer_is_that_of_the_long_way_whatever_is_sent(house: House, seed: int) -> None:
    dice, short = random.Random(seed), 0  # noqa: S311
    corpus = [house.signed(), house.signed(more=b"Connection: keep-alive\r\n"), house.signed(b"{"), house.signed(b"")]
    for _ in range(200):
        raw = mutated(dice, corpus) if dice.random() < 0.8 else dice.choice(corpus)
        one, other, cut = house.sender(), house.sender(), dice.randrange(len(raw) + 1)
        one.send(raw)
        short += one.short
        other.send(raw[:1], raw[1:cut], raw[max(1, cut) :])
        assert not other.short
        begun = one.protocol.cycle is not None
        assert begun == (other.protocol.cycle is not None)
        if begun and (one.short or not other.protocol.cycle.more_body):
            assert (await one.answers())[:1] == (await other.answers())[:1]
        assert one.wire.closed == other.wire.closed
    assert short > 10


async def test_what_comes_meanwhile_is_answered_behind_it(house: House) -> None:
    sender = house.sender()
    sender.send(house.signed(), house.signed(), b"GET /else HTTP/1.1\r\n\r\n", house.signed()[:-3])
    assert await sender.answers(3) == [202, 202, 404]
    assert not sender.wire.closed


async def test_behind_the_beginning_of_another_request_there_is_none(house: House) -> None:
    sender = house.sender()
    sender.send(b"GET /else HTTP/1.1\r\n\r\nGET ", house.signed())
    assert (await sender.answers(2))[0] in (400, 404)
    assert not sender.short
    assert b" 202 " not in sender.wire.said


async def test_no_deadline_of_a_head_is_left_behind_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeadlineProtocol, "head_deadline_s", 0.0)
    sender = house.sender()
    sender.send(house.signed())
    assert await sender.answers() == [202]
    assert not sender.wire.closed


async def test_a_sender_that_goes_away_hears_nothing(house: House) -> None:
    sender, other = house.sender(), house.sender()
    sender.send(house.signed())
    sender.protocol.connection_lost(None)
    other.send(house.signed())
    assert await other.answers() == [202]
    assert sender.wire.said == b""
    assert len(house.connections) == 1


async def test_a_server_that_ends_answers_and_closes(house: House) -> None:
    sender = house.sender()
    sender.send(house.signed())
    sender.protocol.shutdown()
    assert await sender.answers() == [202]
    assert b"\r\nconnection: close\r\n" in sender.wire.said
    assert sender.wire.closed


async def test_who_does_not_read_answers_goes_the_usual_way(house: House) -> None:
    sender = house.sender()
    sender.protocol.pause_writing()
    sender.send(house.signed())
    assert not sender.short
    sender.protocol.resume_writing()


async def test_what_a_door_stumbles_over_comes_up_again(database: Database, clock: SettableClock) -> None:
    def stumble(value: Any, body: bytes, headers: Any) -> str:
        if b"stone" in body:
            raise LookupError
        return "sound"

    house = House(database, clock, zendesk=replace(webhooks.zendesk([SECRET], 900), key=stumble))
    sender = house.sender()
    sender.send(house.signed(b'"stone"'))
    assert not sender.short
    assert await sender.answers() == [404]  # the application's
    sender.send(house.signed())
    assert await sender.answers(2) == [404, 202]
