"""What 500 hostile or broken senders do to the honest ones: answers of the door, memory, and whether new connections are let in.

`python -m benchmarks.hostile PORT COUNT SECONDS` is the hostile side, in a process of its own: half-sent heads, bodies that trickle, and
24 MB each, offered without a key or with a signature that is none. Whoever is turned away comes again after five seconds.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from benchmarks.door import drive
from benchmarks.service import Service, running

COUNT: Final = 500
OFFERED: Final = 24 << 20
RATE: Final = 50.0
DELIVERIES: Final = 1_500
AIM_MIB: Final = 50.0
AIM_TIMES: Final = 3.0
AGAIN_S: Final = 5.0
PIECE: Final = b"a" * 65_536
CHUNK: Final = b"10000\r\n" + PIECE + b"\r\n"
ADDRESSES: Final = 40
"""The hostile ones come from so many addresses of this machine; behind a proxy from one, the honest ones' own."""


def kinds() -> list[tuple[str, bytes, bytes, float]]:
    """What each begins with, what it goes on with, and how long it waits between (0: as fast as it is taken)."""
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    signature = base64.b64encode(bytes(32)).decode()
    signed = f"X-Zendesk-Webhook-Signature: {signature}\r\nX-Zendesk-Webhook-Signature-Timestamp: {stamp}\r\n"
    door = f"POST /webhooks/zendesk HTTP/1.1\r\nHost: x\r\n{signed}"
    api = "POST /v1/rulebook/check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return [
        ("keyless, to the API", f"{api}Content-Length: {OFFERED}\r\n\r\n".encode(), PIECE, 0.0),
        ("keyless, in chunks", f"{api}Transfer-Encoding: chunked\r\n\r\n".encode(), CHUNK, 0.0),
        ("badly signed, in chunks", f"{door}Transfer-Encoding: chunked\r\n\r\n".encode(), CHUNK, 0.0),
        ("badly signed, told large", f"{door}Content-Length: {OFFERED}\r\n\r\n".encode(), PIECE, 0.0),
        ("a body that trickles", f"{door}Content-Length: 1000000\r\n\r\n".encode() + PIECE, b"a", 1.0),
        ("a head that trickles", b"POST /webhooks/zendesk HTTP/1.1\r\nHost: x\r\nX-A: ", b"a", 1.0),
        ("silence", b"", b"", 1.0),
    ]


async def hostile(port: int, count: int, seconds: float, *, spread: bool, within: float = 2.0) -> dict[str, int]:
    """How often each kind was turned away. They come within so many seconds, from many addresses (`spread`) or from one."""
    again: Counter[str] = Counter()
    until = asyncio.get_running_loop().time() + seconds
    turns = itertools.cycle(kinds())
    dice = random.Random(count)  # noqa: S311
    senders = [Sender(f"127.0.1.{1 + number % ADDRESSES}" if spread else None, *next(turns)) for number in range(count)]
    await asyncio.gather(*(one(port, sender, dice.uniform(0, within), until, again) for sender in senders))
    return dict(again)


class Sender(NamedTuple):
    """Where one sends from and what."""

    host: str | None
    kind: str
    first: bytes
    more: bytes
    wait: float


async def one(port: int, sender: Sender, begin: float, until: float, again: Counter[str]) -> None:
    loop, local = asyncio.get_running_loop(), None if sender.host is None else (sender.host, 0)
    await asyncio.sleep(begin)
    while loop.time() < until:
        with contextlib.suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
            try:
                async with asyncio.timeout_at(until):
                    await offer(writer, sender.first, sender.more, sender.wait)
                    await reader.read()
            finally:
                writer.transport.abort()
        again[sender.kind] += 1
        await asyncio.sleep(min((0.5 + begin % 1) * AGAIN_S, max(0.0, until - loop.time())))


async def offer(writer: asyncio.StreamWriter, first: bytes, more: bytes, wait: float) -> None:
    """Until it is cut off, or 24 MB have left."""
    writer.write(first)
    sent = 0
    while sent < OFFERED and not writer.transport.is_closing():
        writer.write(more)
        await writer.drain()
        sent += len(more)
        await asyncio.sleep(wait)


@contextmanager
def attacked(port: int, count: int, seconds: float, spread: bool) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.hostile", str(port), str(count), str(seconds), "many" if spread else "one"]
    process = subprocess.Popen(command)  # noqa: S603
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


class Watch:
    """Looks at the service's memory, and asks it over new connections how it is."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._over = threading.Event()
        self.most_mib = 0.0
        self.files = 0
        self.asked: Counter[str] = Counter()

    def __enter__(self) -> Watch:
        self._threads = [threading.Thread(target=look) for look in (self._look, self._ask)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            figures = self._service.figures()
            self.most_mib, self.files = max(self.most_mib, figures.rss_mib), max(self.files, figures.files)

    def _ask(self) -> None:
        while not self._over.wait(0.2):
            try:
                with urllib.request.urlopen(self._service.url + "/livez", timeout=5) as answer:  # noqa: S310  # our own http address
                    self.asked[str(answer.status)] += 1
            except (urllib.error.URLError, OSError) as failed:
                self.asked[type(failed).__name__] += 1


def measured(service: Service, deliveries: int, seed: int) -> tuple[dict[str, Any], Watch]:
    with Watch(service) as watch:
        found = drive(service.port, 32, deliveries, seed, RATE)
    return found, watch


def run(count: int = COUNT, deliveries: int = DELIVERIES) -> bool:
    """Print the table; True when the aims are met."""
    print(f"{count} hostile senders, {OFFERED >> 20} MB each offered;", end=" ")
    print(f"{deliveries} honest deliveries at {RATE:.0f}/s, SQLite, workers inside\n")
    print(f"{'':<34}{'p50 ms':>8}{'p99 ms':>8}{'most ms':>9}{'answers':>12}{'MiB':>7}{'files':>7}   /livez over new connections")
    good = True
    for name, spread, settings in (
        ("from many addresses", True, {}),
        ("from one, of a trusted proxy", False, {"trusted_proxies": "127.0.0.1"}),
    ):
        with running(**settings) as service:
            drive(service.port, 32, 1_000, 1)
            time.sleep(3.0)
            idle, before = measured(service, deliveries, 2)
            told(f"nobody else ({name})", idle, before)
            with attacked(service.port, count, deliveries / RATE + 30.0, spread):
                time.sleep(3.0)
                busy, during = measured(service, deliveries, 3)
            told(f"{count} {name}", busy, during)
        more = during.most_mib - before.most_mib
        times = busy["p99_ms"] / idle["p99_ms"]
        well = busy["statuses"] == {"202": deliveries} and set(during.asked) == {"200"} and more <= AIM_MIB and times <= AIM_TIMES
        print(f"  {more:.0f} MiB more (aim: at most {AIM_MIB:.0f}), p99 {times:.1f} times (aim: at most {AIM_TIMES:.0f}):", end=" ")
        print("yes\n" if well else "NO\n")
        good &= well
    return good


def told(name: str, found: dict[str, Any], watch: Watch) -> None:
    answers = " ".join(f"{status}:{number}" for status, number in found["statuses"].items())
    asked = " ".join(f"{status}:{number}" for status, number in watch.asked.items())
    figures = f"{found['p50_ms']:>8}{found['p99_ms']:>8}{found['most_ms']:>9}{answers:>12}{watch.most_mib:>7.0f}{watch.files:>7}"
    print(f"{name:<34}{figures}   {asked}")


if __name__ == "__main__":
    import uvloop

    port, count, seconds, addresses = sys.argv[1:]
    os.nice(15)  # they are elsewhere, and take nothing of this machine's processors
    print(json.dumps(uvloop.run(hostile(int(port), int(count), float(seconds), spread=addresses == "many"))), file=sys.stderr)
