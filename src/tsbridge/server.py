"""The HTTP server: uvicorn, with protocols of our own, and an exit code that supervisors understand."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Any, Final

import uvicorn

from tsbridge.connections import CONNECTIONS, Connections
from tsbridge.door_protocol import DoorProtocol, OneByOne
from tsbridge.shutdown import PATIENCE
from tsbridge.web.webhooks import Door

KEEP_ALIVE_S: Final = 15
TICK_S: Final = 1.0
FILES: Final = 512
"""That a process has open besides its connections: databases, calls, children."""


class Server(uvicorn.Server):
    """SIGTERM and SIGINT end it in good order with exit code 0; the second one ends it at once. `told` hears of each."""

    def __init__(self, config: uvicorn.Config, told: Callable[[], object] = lambda: None) -> None:
        super().__init__(config)
        self._told = told
        self._ends = asyncio.Event()

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
        self._ends.set()
        self._told()

    async def main_loop(self) -> None:
        """Until a signal says that it is to end: uvicorn's own looks ten times a second. The date of answers is made each second."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._ends.wait()


def config(
    app: Any,
    host: str,
    port: int,
    doors: Iterable[Door] = (),
    drain: timedelta = PATIENCE.requests,
    proxies: Sequence[str] = (),
    turned_away: Callable[[str], object] = lambda reason: None,
) -> uvicorn.Config:
    """`app` answers everything; its `doors` may be asked without it. `drain`: how long requests under way are waited for when it ends.
    `proxies`: addresses and networks that stand for many people and are believed for whom they speak. `turned_away`: hears why a
    connection was closed or told to come again.

    No server name, no forwarded addresses from strangers, no access log: a query string may hold somebody's number.
    """
    house = Connections(proxies, room(), turned_away)
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=partial(DoorProtocol, {door.path: door for door in doors}, house, OneByOne()),  # type: ignore[arg-type]  # it is called, and no more
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, int(drain.total_seconds())),
        h11_max_incomplete_event_size=64 << 10,
    )


def room(most: int = CONNECTIONS) -> int:
    """As many connections as may be, and as the system lets a process have open: what it may ask for is asked for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = most + FILES if hard == unlimited else min(most + FILES, hard)
    if soft != unlimited and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return most if soft == unlimited else max(64, min(most, soft - FILES))
