"""The HTTP server: uvicorn, with a deadline for receiving a request and an exit code that supervisors understand."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache, partial
from types import FrameType
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from tsbridge.shutdown import PATIENCE
from tsbridge.web.webhooks import READ_ASIDE, Answer, Door

RECEIVE_DEADLINE_S: Final = 10.0
KEEP_ALIVE_S: Final = 15
CONNECTIONS: Final = 2_000
HEAD_BYTES: Final = 48 << 10
"""The longest request line with its headers; a few kilobytes is what honest senders need."""
HEADERS: Final = 128
PIECE_BYTES: Final = 8 << 10
LINGER_S: Final = 1.0
_PROBLEM: Final = (
    b'{"type":"about:blank","title":"Request Header Fields Too Large","status":431,'
    b'"detail":"Expected a request line and headers of at most 48 KiB and 128 headers."}'
)
TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\ncontent-length: "
    + str(len(_PROBLEM)).encode()
    + b"\r\nconnection: close\r\n\r\n"
    + _PROBLEM
)


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
    _brought = False  # whether the piece being read brought bytes of a body

    def data_received(self, data: bytes) -> None:
        while data and not self._refused and not self.transport.is_closing():
            piece, data = (data, b"") if len(data) <= PIECE_BYTES else (data[:PIECE_BYTES], data[PIECE_BYTES:])
            before, self._brought = self._in_head, False
            super().data_received(piece)
            self._unasked = 0 if self._brought or before != self._in_head else self._unasked + len(piece)
            if self._too_large() and not self._refused:
                self.send_400_response("")

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._too_large():
            raise _HeadTooLarge
        self._in_head = False
        super().on_headers_complete()
        self.headers = []  # what comes from here on is trailers, and the request has its own list

    def on_body(self, body: bytes) -> None:
        self._brought = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self.headers = True, []  # of the request to come

    def _too_large(self) -> bool:
        return self._unasked > HEAD_BYTES or (self._in_head and len(self.headers or ()) > HEADERS)

    def send_400_response(self, msg: str) -> None:
        if not self._too_large():
            super().send_400_response(msg)
            return
        self._refused = True
        self.transport.write(TOO_LARGE)
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)


class DeadlineProtocol(BoundedProtocol):
    """Closes a connection that takes longer than the deadline to send a whole request, or sends nothing at all.

    Uvicorn itself waits for ever. A slow answer is nobody's fault and a kept-alive pause is bounded by its own time-out;
    neither is touched. Leans on names of uvicorn 0.54; tests/test_server.py holds it.
    """

    deadline_s = RECEIVE_DEADLINE_S
    # One timer per connection, moved on as it goes off: setting and cancelling one per request would cost every delivery.
    _timer: asyncio.TimerHandle | None = None
    _deadline: float | None = None

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

    def on_message_complete(self) -> None:
        self._disarm()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.time() + self.deadline_s
            if self._timer is None:
                self._timer = self.loop.call_later(self.deadline_s, self._look)

    def _disarm(self) -> None:
        self._deadline = None

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        left = self._deadline - self.loop.time()
        if left <= 0:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(left, self._look)


class DoorProtocol(DeadlineProtocol):
    """Hands a delivery straight to its door when it is all there, and writes the answer as one piece.

    A task, an event and two dozen calls for each request are what a framework needs; the door needs the bytes. What is large,
    waits to be told to go on, or comes from somebody who does not read answers goes the usual way, to the same door.
    """

    _visit: RequestResponseCycle | None = None
    """The request whose body is coming in for a door. Those that a sender piles up behind it begin when it is answered."""

    def __init__(self, doors: Mapping[str, Door], **given: Any) -> None:
        super().__init__(**given)
        self._doors = doors

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        at_door = cycle.scope["path"] in self._doors and cycle.scope["method"] == "POST" and app is self.app
        if not at_door or cycle.waiting_for_100_continue or self.flow.write_paused:
            super()._start_asgi_task(cycle, app)
            return
        self._visit = cycle
        self._see_to_it()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._see_to_it()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._see_to_it()

    def _see_to_it(self) -> None:
        cycle = self._visit
        if cycle is None or (cycle.more_body and len(cycle.body) <= READ_ASIDE):
            return
        self._visit = None
        if len(cycle.body) <= READ_ASIDE:
            with contextlib.suppress(Exception):  # it comes up again on the usual way, which knows what to do about it
                self._doors[cycle.scope["path"]].take(list(cycle.scope["headers"]), bytes(cycle.body), partial(self._tell, cycle))
                return
        super()._start_asgi_task(cycle, self.app)

    def _tell(self, cycle: RequestResponseCycle, answer: Answer) -> None:
        if cycle.disconnected or self.transport.is_closing():
            return
        head = _head(answer.status, (*self.server_state.default_headers, *answer.headers), cycle.keep_alive)
        self.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(answer.body), answer.body))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()


@lru_cache(maxsize=64)
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...], keep_alive: bool) -> bytes:
    """The door has few answers, and a second one date."""
    lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in headers)]
    return b"".join(lines if keep_alive else [*lines, b"connection: close\r\n"])


class Server(uvicorn.Server):
    """SIGTERM and SIGINT end it in good order with exit code 0; the second one ends it at once. `told` hears of each."""

    def __init__(self, config: uvicorn.Config, told: Callable[[], object] = lambda: None) -> None:
        super().__init__(config)
        self._told = told

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        self._told()


def config(app: Any, host: str, port: int, doors: Iterable[Door] = (), drain: timedelta = PATIENCE.requests) -> uvicorn.Config:
    """`app` answers everything; its `doors` may be asked without it. `drain`: how long requests under way are waited for when it ends.

    No server name, no forwarded addresses from strangers, no access log: a query string may hold somebody's number.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=partial(DoorProtocol, {door.path: door for door in doors}),  # type: ignore[arg-type]  # it is called, and no more
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, int(drain.total_seconds())),
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=64 << 10,
    )
