"""What people ask for holds up nobody at the door: twelve checks of a rulebook of 3,000 rules at a time, again and again, beside deliveries
at a steady rate; the whole service on SQLite in one process.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from benchmarks.door import drive
from benchmarks.rulebooks import World
from benchmarks.service import KEY, Service, running

CHECKS: Final = 12
RULES: Final = 3_000
RATE: Final = 200.0
COUNT: Final = 4_000
CONNECTIONS: Final = 32
AIM: Final = 3.0
SETTLED_S: Final = 3.0


def run(count: int = COUNT) -> bool:
    """Print the table; True when the aim is met."""
    print(f"The door while people ask: {count:,} deliveries at {RATE:.0f} a second alone, then beside {CHECKS} checks of {RULES:,} rules\n")
    document = World(1, RULES).document(RULES)
    with running() as service:
        drive(service.port, CONNECTIONS, count // 4, 1, RATE)
        alone = drive(service.port, CONNECTIONS, count, 2, RATE)
        with asking(service, document) as answers:
            time.sleep(SETTLED_S)
            beside = drive(service.port, CONNECTIONS, count, 3, RATE)
    print(f"{'':<8}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}{'most ms':>9}")
    for name, told in (("alone", alone), ("beside", beside)):
        print(f"{name:<8}{told['p50_ms']:>8.1f}{told['p95_ms']:>8.1f}{told['p99_ms']:>8.1f}{told['most_ms']:>9.1f}")
    times = beside["p99_ms"] / alone["p99_ms"]
    print(f"\np99 {times:.1f} times (aim: {AIM:.0f}); checks answered: {dict(sorted(answers.items()))}\n")
    return times <= AIM and all(told["statuses"] == {"202": count} for told in (alone, beside))


@contextmanager
def asking(service: Service, document: dict[str, Any]) -> Iterator[Counter[int]]:
    """So many ask at any time, each again once it is answered. Yields how often each status came."""
    answers: Counter[int] = Counter()
    over = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=120) as client:
            while not over.is_set():
                answer = client.post("/v1/rulebook/check", json={"document": document})
                answers[answer.status_code] += 1
                over.wait(float(answer.headers.get("Retry-After", 0)))

    threads = [threading.Thread(target=ask) for _ in range(CHECKS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()
