"""The HTTP server: uvicorn, with a deadline for receiving a request and an exit code that supervisors understand."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import FrameType
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tsbridge.ending import PATIENCE

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


def config(app: Any, host: str, port: int, drain: timedelta = PATIENCE.requests) -> uvicorn.Config:
    """`drain`: how long requests under way are waited for when it ends.

    No server name, no forwarded addresses from strangers, no access log: a query string may hold somebody's number."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=DeadlineProtocol,
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
