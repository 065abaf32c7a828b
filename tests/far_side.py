"""The other side of outgoing calls, on this machine: servers that say byte for byte what a test wants, a proxy, an authority of our own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

Speaks = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What a server does with one request: gets its head, and the connection behind it."""


@asynccontextmanager
async def serving(speaks: Speaks, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a port of its own; nothing of it stays."""
    running: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await speaks(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        finally:
            running.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def answers(body: bytes, *headers: str, status: str = "200 OK", told_size: bool = True) -> Speaks:
    """One answer, and the connection is closed."""

    async def speaks(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = [f"Content-Length: {len(body)}"] if told_size else []
        writer.write("\r\n".join([f"HTTP/1.1 {status}", *headers, *size, "Connection: close", "", ""]).encode() + body)
        await writer.drain()

    return speaks


def dribbles(pause: float) -> Speaks:
    """A byte, a pause, a byte, for ever: no read of it takes long."""

    async def speaks(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(pause)

    return speaks


class Proxy:
    """Passes everything on to `port` of this machine, whatever host is named. `heads`: what it was asked."""

    def __init__(self, port: int, refuses: bool = False) -> None:
        self.port = port
        self.refuses = refuses
        self.heads: list[str] = []

    async def __call__(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(head.decode())
        if self.refuses:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        beyond, to = await asyncio.open_connection("127.0.0.1", self.port)
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            to.write(head)
        try:
            await asyncio.gather(_pass(reader, to), _pass(beyond, writer))
        finally:
            to.close()


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await source.read(65_536):
            sink.write(piece)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
        else:
            sink.close()


def authority(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """The certificate of an authority nobody knows, and what a server of these names speaks TLS with by one of its certificates."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(*new, "-x509", "-days", "30", "-subj", "/CN=our own authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "-subj", "/CN=a server", "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "30")
    openssl("x509", "-req", "-in", "server.csr", *signing, "-out", "server.pem")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    return folder / "ca.pem", server
