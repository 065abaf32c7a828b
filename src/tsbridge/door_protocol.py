"""The short way to the door: a delivery is handed over when it is all there, without what a task and a framework cost for each.

Leans on names of uvicorn 0.54; tests/test_server.py holds it.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from tsbridge.connections import Connections
from tsbridge.protocols import FULL, HEADERS, PIECE_BYTES, GuestProtocol, head
from tsbridge.web.front import AT_ONCE
from tsbridge.web.webhooks import BODY_CAP, READ_ASIDE, Answer, Claim, Door, Headers, read_headers

_PLAIN: Final = re.compile(rb"POST (/[a-z/]+) HTTP/1\.1\r\n((?:[A-Za-z0-9_-]++: [!-~][ -~]*+(?<! )\r\n){1,%d}+)\r\n" % HEADERS)
"""A head that can be read in one way alone."""
_UNUSUAL: Final = frozenset({"transfer-encoding", "content-encoding", "connection", "proxy-connection", "upgrade", "expect"})
"""Headers that say how the request itself is to be read or answered."""


class Plain(RequestResponseCycle):
    """A request that came in one piece: what others ask of a cycle, without what a framework needs."""

    disconnected = response_started = response_complete = more_body = waiting_for_100_continue = False
    keep_alive = True
    message_event = asyncio.Event()  # nobody waits for it
    scope: Any = {"state": {}}  # noqa: RUF012  # nobody looks into it

    def __init__(self, on_response: Callable[[], None]) -> None:
        self.on_response = on_response


class OneByOne:
    """What takes longer than a look begins one at a time: what came for the door meanwhile is taken in between, however many there are."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()

    def wait(self, begin: Callable[[], object]) -> None:
        self._waiting.append(begin)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        begin = self._waiting[0]
        try:
            begin()
        finally:
            self._waiting.popleft()
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._next)


class DoorProtocol(GuestProtocol):
    """Hands a delivery straight to its door when it is all there, and writes the answer as one piece.

    A task, an event and two dozen calls for each request are what a framework needs; the door needs the bytes. Most deliveries come in one
    piece with a head that can be read in one way alone, and need no parser either. What its head shows to be nobody's is refused before
    the body is read. What is large, waits to be told to go on, or comes from somebody who does not read answers goes the usual way, to the
    same door.
    """

    _visit: tuple[RequestResponseCycle, Headers, Claim] | None = None
    """The request whose body is coming in for a door. Those that a sender piles up behind it begin when it is answered."""

    def __init__(self, doors: Mapping[str, Door], house: Connections, one_by_one: OneByOne, **given: Any) -> None:
        super().__init__(house, **given)
        self._doors = doors
        self._one_by_one = one_by_one

    def data_received(self, data: bytes) -> None:
        if self.at_rest and self._took(data):
            return
        super().data_received(data)
        if self._visit is not None and self.flow.read_paused:
            self._one_by_one.wait(self._go_on)  # of a large body one piece, then it is the others' turn

    def _took(self, data: bytes) -> bool:
        """Whether it was a delivery, all of it and nothing else, with a head that leaves no question; any other goes through the parser."""
        found = _PLAIN.match(data, 0, PIECE_BYTES)
        if found is None or (door := self._doors.get(found[1].decode())) is None:
            return False
        lines = found[2].decode().split("\r\n")[:-1]
        headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        length, body = headers.get("content-length", ""), data[found.end() :]
        if len(headers) < len(lines) or not _UNUSUAL.isdisjoint(headers) or length != str(len(body)) or len(body) > READ_ASIDE:
            return False
        self._came(cycle := Plain(self.on_response_complete))
        tell = partial(self._tell, cycle)
        try:
            if (claim := door.look(headers, tell)) is not None:
                door.take(headers, claim, body, tell, self.proven)
        except Exception:  # it comes up again on the usual way, which knows what to do about it
            if not cycle.response_complete:
                cycle.response_complete = True
                return False
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        door = self._doors.get(cycle.scope["path"]) if cycle.scope["method"] == "POST" else None
        if door is None and self._house.crowded and cycle.scope["path"] not in AT_ONCE:
            cycle.keep_alive = False
            self._house.told("full")
            self._tell(cycle, FULL)
        elif door is None or cycle.waiting_for_100_continue or self.flow.write_paused:
            self._one_by_one.wait(partial(self._begin, cycle, app))
        else:
            headers = read_headers(cycle.scope["headers"])
            claim = door.look(headers, partial(self._tell, cycle))
            if claim is not None:
                self._visit = cycle, headers, claim
                self._see_to_it()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if len(self.cycle.body) > BODY_CAP:
            self._see_to_it()

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        if not cycle.disconnected:
            super()._start_asgi_task(cycle, app)

    def _go_on(self) -> None:
        if not self.transport.is_closing() and not self._refused:
            self.flow.resume_reading()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._see_to_it()

    def _see_to_it(self) -> None:
        if self._visit is None:
            return
        cycle, headers, claim = self._visit
        if cycle.more_body and len(cycle.body) <= BODY_CAP:
            return
        self._visit = None
        if len(cycle.body) > READ_ASIDE:
            super()._start_asgi_task(cycle, self.app)
            return
        try:
            self._doors[cycle.scope["path"]].take(headers, claim, bytes(cycle.body), partial(self._tell, cycle), self.proven)
        except Exception:  # it comes up again on the usual way, which knows what to do about it
            super()._start_asgi_task(cycle, self.app)

    def _tell(self, cycle: RequestResponseCycle, answer: Answer) -> None:
        if cycle.disconnected or self.transport.is_closing():
            return
        told = head(answer.status, tuple(self.server_state.default_headers), answer.headers, cycle.keep_alive)
        self.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (told, len(answer.body), answer.body))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            if cycle.more_body:
                self._say_last(b"")
            else:
                self.transport.close()
        cycle.on_response()
