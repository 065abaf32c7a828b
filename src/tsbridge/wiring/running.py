"""How a process that was made runs until it is told to stop, and ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence

from tsbridge import server
from tsbridge.child_process import end_children
from tsbridge.shutdown import Ending, Patience
from tsbridge.wiring.bridge import Bridge
from tsbridge.wiring.workers import Workers

log = logging.getLogger("tsbridge.wiring.running")


def run(made: Bridge, host: str, port: int, patience: Patience, proxies: Sequence[str]) -> bool:
    """Run it until told to stop; True when it ended in good order."""

    def stop() -> None:
        made.let_go()
        if made.loop is not None:
            made.loop.stop()

    served = server.config(made.app, host, port, made.doors, patience.requests, proxies, made.turned_away)
    running = server.Server(served, Ending(patience, stop, _exit).told)
    running.run()
    log.info("stopped")
    return running.started


def _exit(code: int) -> None:
    end_children()
    os._exit(code)


async def until_told(workers: Workers, patience: Patience, about: dict[str, object]) -> None:
    """Work, without serving, until told to stop."""
    told = asyncio.Event()
    ending = Ending(patience, workers.loop.stop, _exit)

    def tell() -> None:
        ending.told()
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, tell)
    log.info("working", extra=about)  # from here on it can be told to stop in good order
    async with workers.running():
        await told.wait()
    end_children()
