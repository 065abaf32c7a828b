"""A service whose task for silent sources hangs, as told. With little patience, for tests."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import timedelta
from time import sleep

from tsbridge.child_process import Limits, in_child
from tsbridge.settings.load import load
from tsbridge.shutdown import Patience
from tsbridge.wiring import start
from tsbridge.work.silence_alarm import Silence

log = logging.getLogger("tsbridge.hanging")
PATIENCE = Patience(
    timedelta(seconds=0.5), timedelta(0), timedelta(seconds=1), timedelta(seconds=0.5), timedelta(seconds=0.5), timedelta(seconds=4)
)


async def answer(_: Silence) -> None:
    """A vendor that takes the connection and says nothing."""
    listening = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    reader, _ = await asyncio.open_connection("127.0.0.1", listening.sockets[0].getsockname()[1])
    log.error("hangs")
    await reader.read()


async def child(_: Silence) -> None:
    """A process of its own that does not come back."""
    log.error("hangs")
    await asyncio.to_thread(in_child, sleep, 3_600, limits=Limits(3_600))


async def thread(_: Silence) -> None:
    """A thread that nobody can end."""
    log.error("hangs")
    await asyncio.to_thread(threading.Event().wait)


def serve(kind: str, port: int) -> bool:
    """For a process of its own. True when it ended in good order."""
    Silence.round = {"answer": answer, "child": child, "thread": thread}[kind]  # type: ignore[assignment,method-assign]
    return start.serve(load(), "127.0.0.1", port, workers_inside=True, patience=PATIENCE)
