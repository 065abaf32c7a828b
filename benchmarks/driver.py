"""A load driver in a process of its own: keep-alive connections that each send the next delivery when the last was answered.

`python -m benchmarks.driver PORT CONNECTIONS REQUESTS SEED`, or with a rate (per second) as fifth argument: then each
delivery has a fixed time to be sent at and its latency counts from there; sixth `many`: what `benchmarks.deliveries` makes. Prints one JSON
object.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from benchmarks import deliveries

SECRET: Final = "benchmark-secret"
WORDS: Final = "the sitter came late and my dog was bitten on the way to the park we called twice and nobody answered".split()  # noqa: SIM905


@dataclass
class Figures:
    """What one run saw. Latencies in seconds, in the order they ended."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def summary(self, seconds: float) -> dict[str, Any]:
        ordered = sorted(self.latencies)
        at = [round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) for share in (0.5, 0.95, 0.99)]
        return {
            "per_second": round(len(ordered) / seconds, 1),
            "p50_ms": at[0],
            "p95_ms": at[1],
            "p99_ms": at[2],
            "most_ms": round(1000 * ordered[-1], 2),
            "answers": len(ordered),
            "statuses": {str(status): count for status, count in self.statuses.items()},
        }


def body(rng: random.Random, number: int, seed: int) -> bytes:
    """An event like Zendesk's, 1 to 20 KB, most of them small."""
    size = min(20_000, 1_000 + int(rng.expovariate(1 / 2_500)))
    words = " ".join(rng.choices(WORDS, k=max(1, (size - 900) // 6)))
    return json.dumps(
        {
            "account_id": 22129848,
            "detail": {
                "actor_id": "8447388090494",
                "assignee_id": "8447388090494",
                "brand_id": "8447346621310",
                "created_at": "2026-11-22T09:00:00Z",
                "custom_status": "8447320465790",
                "description": words,
                "external_id": None,
                "form_id": "8646151517822",
                "group_id": "8447320466430",
                "id": str(4711 + number),
                "is_public": True,
                "organization_id": "8447346622462",
                "priority": "LOW",
                "requester_id": str(8_447_388_090_494 + rng.randrange(5_000)),
                "status": "OPEN",
                "subject": words[:80],
                "submitter_id": "8447388090494",
                "tags": ["vip", "walk"],
                "type": "TASK",
                "updated_at": "2026-11-22T09:16:02Z",
                "via": {"channel": "web"},
            },
            "event": {"comment": {"body": words[:400], "id": str(number)}},
            "id": f"01J{seed:08d}{number:08d}",
            "subject": f"zen:ticket:{4711 + number}",
            "time": "2026-11-22T09:16:02.123456789Z",
            "type": "zen:event-type:ticket.created",
            "zendesk_event_version": "2022-06-20",
        }
    ).encode()


def request(raw: bytes) -> bytes:
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    mac = base64.b64encode(hmac.digest(SECRET.encode(), stamp.encode() + raw, hashlib.sha256)).decode()
    head = (
        "POST /webhooks/zendesk HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nUser-Agent: Zendesk Webhook\r\n"
        f"Content-Length: {len(raw)}\r\nX-Zendesk-Webhook-Signature: {mac}\r\nX-Zendesk-Webhook-Signature-Timestamp: {stamp}\r\n"
        "X-Zendesk-Account-Id: 22129848\r\nX-Zendesk-Webhook-Id: 01GK2T2F4\r\nX-Zendesk-Webhook-Invocation-Id: 01GK2T2F5\r\n\r\n"
    )
    return head.encode() + raw


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the last was answered, or when its time has come."""

    def __init__(self, requests: Iterator[tuple[float, bytes]], figures: Figures, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._figures = figures
        self._done = done
        self._buffer = b""
        self._sent = 0.0
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        self._figures.latencies.append(time.perf_counter() - self._sent)
        self._figures.statuses[int(head[9:12])] += 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server closed a connection"))

    def _next(self) -> None:
        due, raw = next(self._requests, (0.0, b""))
        if not raw:
            self._done.set_result(None)
            self._transport.close()
        elif due > self._loop.time():
            self._sent = due
            self._loop.call_at(due, self._transport.write, raw)
        else:
            self._sent = time.perf_counter()
            self._transport.write(raw)


async def drive(port: int, connections: int, count: int, seed: int, rate: float = 0.0, stream: str = "one") -> dict[str, Any]:
    """Send `count` deliveries; with a rate each has its time."""
    rng = random.Random(seed)  # noqa: S311
    if stream == "many":
        raws = [request(one.body) for one in deliveries.many(count, count * 3 // 4, seed, datetime.now(UTC))]
    else:
        raws = [request(body(rng, number, seed)) for number in range(count)]
    loop, figures = asyncio.get_running_loop(), Figures()
    begin = loop.time() + 0.05
    queue = iter([(begin + n / rate if rate else 0.0, raw) for n, raw in enumerate(raws)])
    done = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    for future in done:
        await loop.create_connection(lambda future=future: Connection(queue, figures, future), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*done)
    return figures.summary(time.perf_counter() - started)


if __name__ == "__main__":
    import uvloop

    parser = argparse.ArgumentParser()
    for name in ("port", "connections", "count", "seed"):
        parser.add_argument(name, type=int)
    parser.add_argument("rate", type=float, nargs="?", default=0.0)
    parser.add_argument("stream", nargs="?", default="one")
    given = parser.parse_args()
    run = drive(given.port, given.connections, given.count, given.seed, given.rate, given.stream)
    print(json.dumps(uvloop.run(run)))
