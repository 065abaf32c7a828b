"""What stands between a socket and the application: bounds and deadlines for what comes, room for honest senders. The short way to the
door: `door_protocol`.

Lean on names of uvicorn 0.54; tests/test_server.py holds it.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from tsbridge.connections import Connections
from tsbridge.web.webhooks import RETRY_AFTER, Answer, problem

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


RawHeaders = tuple[tuple[bytes, bytes], ...]


@lru_cache(maxsize=64)
def head(status: int, always: RawHeaders, headers: RawHeaders, keep_alive: bool) -> bytes:
    """The door has few answers, and a second one date."""
    lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in (*always, *headers))]
    return b"".join(lines if keep_alive else [*lines, b"connection: close\r\n"])


def _whole(answer: Answer) -> bytes:
    """The last answer of a connection."""
    return b"%bcontent-length: %d\r\n\r\n%b" % (head(answer.status, (), answer.headers, False), len(answer.body), answer.body)


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
    _begun = False  # whether the parser is within a request
    _unasked = 0  # bytes since the head began, or since the last bytes of a body
    _ended = False  # whether a request ended in the piece being read
    _brought = 0  # bytes of a body in the piece being read
    _unwanted = 0  # bytes that came behind an answer or a refusal

    def data_received(self, data: bytes) -> None:
        start, end = 0, len(data)
        while start < end and not self._refused and not self.transport.is_closing():
            most = PIECE_BYTES if self._in_head else BODY_PIECE_BYTES
            piece = data if end <= most and not start else data[start : start + most]
            start += len(piece)
            before, self._brought, self._ended = self._in_head, 0, False
            super().data_received(piece)
            self._unasked = 0 if self._brought or self._ended or before != self._in_head else self._unasked + len(piece)
            if self._too_large() and not self._refused:
                self.send_400_response("")
            elif self._brought:
                self._body_came(self._brought)
            if len(self.pipeline) > PILED_UP:
                self.transport.abort()
        if start < end and self._refused:
            self._throw_away(end - start)

    def on_message_begin(self) -> None:
        self._in_head, self._begun, self._unwanted = True, True, 0
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
        self._in_head, self._begun, self._ended, self.headers = True, False, True, []  # of the request to come

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

    @property
    def at_rest(self) -> bool:
        """Whether nothing of a request has come that is not answered, and nothing is in the way of an answer."""
        idle = self.cycle is None or self.cycle.response_complete
        return idle and not (self._begun or self._refused or self.flow.write_paused)

    def _came(self, cycle: RequestResponseCycle) -> None:
        """A request is here, all of it, that the parser has not seen."""
        self._unset_keepalive_if_required()
        self._deadline, self._unasked, self._unwanted, self._vouched = None, 0, 0, False
        self.cycle = cycle
        self._house.busy(self)

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


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
