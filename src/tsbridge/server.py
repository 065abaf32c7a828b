"""The HTTP server: uvicorn, with a deadline for receiving a request and an exit code that supervisors understand."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

RECEIVE_DEADLINE_S: Final = 10.0
KEEP_ALIVE_S: Final = 15
DRAIN_S: Final = 25
CONNECTIONS: Final = 2_000


class DeadlineProtocol(HttpToolsProtocol):
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
    """SIGTERM and SIGINT end it in good order with exit code 0; the second one ends it at once."""

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


def config(app: Any, host: str, port: int) -> uvicorn.Config:
    """No server name, no forwarded addresses from strangers, no access log: a query string may hold somebody's number."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=DeadlineProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=64 << 10,
    )
