"""What stands between a socket and the application: bounds and deadlines for what comes, room for honest senders, a short way to the door.

Lean on names of uvicorn 0.54; tests/test_server.py holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from tsbridge.connections import Connections
from tsbridge.web.front import AT_ONCE
from tsbridge.web.webhooks import BODY_CAP, READ_ASIDE, RETRY_AFTER, Answer, Door, Headers, problem

HEAD_DEADLINE_S: Final = 5.0
RECEIVE_DEADLINE_S: Final = 10.0
STALL_S: Final = 60.0
HEAD_BYTES: Final = 48 << 10
"""The longest request line with its headers; a few kilobytes is what honest senders need."""
HEADERS: Final = 128
PIECE_BYTES: Final = 8 << 10
BODY_PIECE_BYTES: Final = 64 << 10
LINGER_S: Final = 1.0
UNWANTED_BYTES: Final = 256 << 10
"""Of a body whose request was answered before it came. An honest sender's ends before, and its connection goes on."""
PILED_UP: Final = 64
"""Requests that a sender piles up behind one that is being answered."""


@lru_cache(maxsize=64)
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...], keep_alive: bool) -> bytes:
    """The door has few answers, and a second one date."""
    lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in headers)]
    return b"".join(lines if keep_alive else [*lines, b"connection: close\r\n"])


def _whole(answer: Answer) -> bytes:
    """The last answer of a connection."""
    return b"%bcontent-length: %d\r\n\r\n%b" % (_head(answer.status, answer.headers, False), len(answer.body), answer.body)


TOO_LARGE: Final = _whole(problem(431, "too_large", "too-large", "Request Header Fields Too Large"))
TOO_SLOW: Final = _whole(problem(408, "too_slow", "too-slow", "Request Timeout"))
FULL: Final = problem(503, "full", "unavailable", "Service Unavailable", RETRY_AFTER)


class _HeadTooLarge(Exception):
    """Raised inside the parser, which ends the connection by `send_400_response`."""


class BoundedProtocol(HttpToolsProtocol):
    """Answers 431 and closes when a request line with its headers, or what stands between and behind the chunks of a body, has no end.

    Uvicorn keeps whatever comes. Trailers are read over: they are no headers, whatever they are called. What still comes behind a
    refusal is thrown away for a moment: a connection closed with unread bytes is reset, and the sender would never read the answer.
    """

    _refused = False
    _in_head = True
    _unasked = 0  # bytes since the head began, or since the last bytes of a body
    _brought = 0  # bytes of a body in the piece being read
    _unwanted = 0  # bytes that came behind an answer or a refusal

    def data_received(self, data: bytes) -> None:
        start, end = 0, len(data)
        while start < end and not self._refused and not self.transport.is_closing():
            most = PIECE_BYTES if self._in_head else BODY_PIECE_BYTES
            piece = data if end <= most and not start else data[start : start + most]
            start += len(piece)
            before, self._brought = self._in_head, 0
            super().data_received(piece)
            self._unasked = 0 if self._brought or before != self._in_head else self._unasked + len(piece)
            if self._too_large() and not self._refused:
                self.send_400_response("")
            elif self._brought:
                self._body_came(self._brought)
            if len(self.pipeline) > PILED_UP:
                self.transport.abort()
        if start < end and self._refused:
            self._throw_away(end - start)

    def on_message_begin(self) -> None:
        self._in_head, self._unwanted = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._too_large():
            raise _HeadTooLarge
        self._in_head = False
        super().on_headers_complete()
        self.headers = []  # what comes from here on is trailers, and the request has its own list

    def on_body(self, body: bytes) -> None:
        self._brought += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self.headers = True, []  # of the request to come

    def _body_came(self, size: int) -> None:
        """So many bytes of a body were in a piece that was read."""
        if self.cycle.response_complete and not self._in_head:
            self._throw_away(size)
            if self._unwanted > UNWANTED_BYTES:
                self._say_last(b"")

    def _throw_away(self, size: int) -> None:
        self._unwanted += size
        if self._unwanted > UNWANTED_BYTES:
            self.flow.pause_reading()

    def _too_large(self) -> bool:
        return self._unasked > HEAD_BYTES or (self._in_head and len(self.headers or ()) > HEADERS)

    def send_400_response(self, msg: str) -> None:
        if self._too_large():
            self._say_last(TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _say_last(self, answer: bytes) -> None:
        """The end of the connection, for which the sender has a moment."""
        self._refused = True
        if self.transport.is_closing():
            return
        self.transport.write(answer)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.abort)


class DeadlineProtocol(BoundedProtocol):
    """Closes a connection that takes longer than the deadlines to send a head, or a whole request, or sends nothing at all.

    Uvicorn itself waits for ever. A slow answer is nobody's fault, and a kept-alive pause is bounded by its own time-out;
    neither is touched. One who does not take an answer is not waited for either.
    """

    head_deadline_s = HEAD_DEADLINE_S
    deadline_s = RECEIVE_DEADLINE_S
    stall_s = STALL_S
    # One timer per connection, moved on as it goes off: setting and cancelling one per request would cost every delivery.
    _timer: asyncio.TimerHandle | None = None
    _deadline: float | None = None
    _stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._arm()  # anything counts, a bare line break on a kept-alive connection too
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arm()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._deadline is not None:
            self._deadline += self.deadline_s - self.head_deadline_s

    def on_message_complete(self) -> None:
        self._deadline = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(self.stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._stall)
        self._stall = None
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline = None
        _cancel(self._timer)
        _cancel(self._stall)
        self._timer = self._stall = None
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.time() + self.head_deadline_s
            if self._timer is None:
                self._timer = self.loop.call_later(self.head_deadline_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        left = self._deadline - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._look)
        else:
            self._too_late()

    def _too_late(self) -> None:
        if self._may_be_answered():
            self._take_over(TOO_SLOW)
        else:
            self.transport.abort()

    def _may_be_answered(self) -> bool:
        """Whether a request whose head came is the only one on its way, and nothing of an answer has left."""
        return not (self._in_head or self.cycle is None or self.cycle.response_started or self.pipeline or self.transport.is_closing())

    def _take_over(self, answer: bytes) -> None:
        """Answer in the place of whoever works on the request: for them the sender has gone."""
        self.cycle.disconnected = True
        self.cycle.body = bytearray()
        self.cycle.message_event.set()
        self._say_last(answer)


class GuestProtocol(DeadlineProtocol):
    """A guest among `Connections`: it comes and goes, waits and is busy, and what it sends is counted until it is proven."""

    _vouched = False  # whether the sender of the request that is coming in is proven, or was answered

    def __init__(self, house: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._house = house

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not self._house.come(self, self.client[0] if self.client else None):
            self._refused = True
            transport.write(_whole(FULL))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._house.go(self)
        super().connection_lost(exc)
        if self.cycle is not None:
            self._forget(self.cycle)

    def on_message_begin(self) -> None:
        self._vouched = False
        super().on_message_begin()
        self.scope["state"]["proven"] = self.proven

    def on_message_complete(self) -> None:
        if not self.cycle.response_complete:
            self._house.busy(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.cycle.response_complete:  # nothing is piled up behind it
            self._vouched = True
            self._house.let_go(self)
            self._forget(self.cycle)
            if self._in_head:
                self._house.waits(self)
        super().on_response_complete()

    def _forget(self, cycle: RequestResponseCycle) -> None:
        """What came with a request is not kept until the collector finds it: it and this connection know each other."""
        cycle.body = bytearray()
        cycle.scope["state"].pop("proven", None)

    def _too_late(self) -> None:
        self._house.told("too_slow")
        super()._too_late()

    def proven(self) -> None:
        """Called by whoever knows the sender of the request that is being answered."""
        self._vouched = True
        self._house.proven(self)

    def leave(self) -> None:
        if self._may_be_answered():
            self.transport.write(_whole(FULL))
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def refuse(self) -> None:
        if self.pipeline or self.cycle.response_started:
            self.transport.abort()
        else:
            self._take_over(_whole(FULL))

    def _body_came(self, size: int) -> None:
        super()._body_came(size)
        if not self._vouched:
            self._house.hold(self, size)


class Turns:
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

    A task, an event and two dozen calls for each request are what a framework needs; the door needs the bytes. What its head shows to be
    nobody's is refused before the body is read. What is large, waits to be told to go on, or comes from somebody who does not read
    answers goes the usual way, to the same door.
    """

    _visit: tuple[RequestResponseCycle, Headers] | None = None
    """The request whose body is coming in for a door. Those that a sender piles up behind it begin when it is answered."""

    def __init__(self, doors: Mapping[str, Door], house: Connections, turns: Turns, **given: Any) -> None:
        super().__init__(house, **given)
        self._doors = doors
        self._turns = turns

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._visit is not None and self.flow.read_paused:
            self._turns.wait(self._go_on)  # of a large body one piece, then it is the others' turn

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        door = self._doors.get(cycle.scope["path"]) if cycle.scope["method"] == "POST" else None
        if door is None and self._house.crowded and cycle.scope["path"] not in AT_ONCE:
            cycle.keep_alive = False
            self._house.told("full")
            self._tell(cycle, FULL)
        elif door is None or cycle.waiting_for_100_continue or self.flow.write_paused:
            self._turns.wait(partial(self._begin, cycle, app))
        else:
            seen = door.look(list(cycle.scope["headers"]), partial(self._tell, cycle))
            if seen is not None:
                self._visit = cycle, seen
                self._see_to_it()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
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
        cycle, headers = self._visit
        if cycle.more_body and len(cycle.body) <= BODY_CAP:
            return
        self._visit = None
        if len(cycle.body) <= READ_ASIDE:
            with contextlib.suppress(Exception):  # it comes up again on the usual way, which knows what to do about it
                self._doors[cycle.scope["path"]].take(headers, bytes(cycle.body), partial(self._tell, cycle), self.proven)
                return
        super()._start_asgi_task(cycle, self.app)

    def _tell(self, cycle: RequestResponseCycle, answer: Answer) -> None:
        if cycle.disconnected or self.transport.is_closing():
            return
        head = _head(answer.status, (*self.server_state.default_headers, *answer.headers), cycle.keep_alive)
        self.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(answer.body), answer.body))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            if cycle.more_body:
                self._say_last(b"")
            else:
                self.transport.close()
        cycle.on_response()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
