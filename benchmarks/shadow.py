"""What live work notices of a shadow: deliveries at a steady pace with and without one, and how far behind the shadow is."""

from __future__ import annotations

import time
from typing import Any

import httpx

from benchmarks.door import drive
from benchmarks.rulebooks import World
from benchmarks.service import KEY, running

RATE, SECONDS, CONNECTIONS, RULES = 100.0, 20, 8, 200


def run(scale: float = 1.0) -> bool:
    """Print the table; False when the shadow missed a decision."""
    count = int(RATE * max(3, SECONDS * scale))
    document = World(7, RULES).document(RULES - 10, routing=9)
    print(f"Shadow: {count:,} deliveries, {RATE:.0f} a second, {RULES} rules live and as many in the shadow, SQLite\n")
    print(f"{'':<16}{'202 p50 ms':>12}{'p99 ms':>9}{'decided ms later':>18}{'compared ms later':>19}{'memory MiB':>12}")
    whole = True
    for shadowed in (False, True):
        with running() as service, _client(service.url) as client:
            _publish(client, document)
            if shadowed:
                client.put("/v1/rulebook/shadow", json={"document": {**document, "title": "shadow"}}).raise_for_status()
            answered = drive(service.port, CONNECTIONS, count, 77, RATE)
            begun = time.perf_counter()
            decided = _until(begun, lambda: not client.get("/v1/events?status=pending&limit=1").json()["items"])
            compared = _until(begun, lambda: client.get("/v1/rulebook/shadow").json()["summary"]["decisions"] >= count) if shadowed else 0
            whole &= compared is not None
            figures = service.figures()
        name = "with a shadow" if shadowed else "without"
        behind = f"{compared:>19,.0f}" if shadowed and compared is not None else f"{'-' if not shadowed else 'never':>19}"
        print(f"{name:<16}{answered['p50_ms']:>12.1f}{answered['p99_ms']:>9.1f}{decided or -1:>18,.0f}{behind}{figures.rss_mib:>12.0f}")
    print()
    return whole


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)


def _publish(client: httpx.Client, document: Any) -> None:
    tag = client.get("/v1/rulebook/draft").headers["ETag"]
    saved = client.put("/v1/rulebook/draft", json={"document": document}, headers={"If-Match": tag}).raise_for_status()
    client.post("/v1/rulebook/publish", json={"note": "bench"}, headers={"If-Match": saved.headers["ETag"]}).raise_for_status()


def _until(begun: float, true: Any) -> float | None:
    """Milliseconds from `begun` until something is true; None after two minutes."""
    while not true():
        if time.perf_counter() - begun > 120:
            return None
        time.sleep(0.05)
    return (time.perf_counter() - begun) * 1e3
