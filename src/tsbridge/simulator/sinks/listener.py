"""What both sinks are: a server over TCP whose talks end when it is closed."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod


class Listener(ABC):
    """Started by `start`, stopped by `close`. `limit`: bytes of a line, or of a request's head."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; the port. May be started again after `close`, with what it remembers."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=self._limit)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    @abstractmethod
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.get_running_loop().create_task(self.talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)
