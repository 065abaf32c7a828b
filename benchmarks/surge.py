"""A storm at the door: thousands of deliveries in seconds, signed, over HTTP, to the whole service on SQLite in one process."""

from __future__ import annotations

import threading
import time
from typing import Final

from sqlalchemy import text

from benchmarks.door import drive
from benchmarks.service import Service, running
from benchmarks.walk import pending, unsealed
from tsbridge.store.db import Database

COUNT: Final = 5_000
WITHIN_S: Final = 20.0
CONNECTIONS: Final = 64
SEED: Final = 5
ANSWER_AIM_MS: Final = 2_000.0
DECIDED_AIM_S: Final = 15.0
MEMORY_AIM_MIB: Final = 60.0
PATIENCE_S: Final = 600.0
IDLE_S: Final = 5.0


def run(count: int = COUNT) -> bool:
    """Print the table; True when the aims are met. Fewer deliveries come in as much less time."""
    print(
        f"A storm: {count:,} deliveries offered in {WITHIN_S * count / COUNT:.0f} s over {CONNECTIONS} connections; SQLite, one process\n"
    )
    with running() as service:
        time.sleep(IDLE_S)
        idle = service.figures().rss_mib
        most = _Most(service)
        answered = drive(service.port, CONNECTIONS, count, SEED, COUNT / WITHIN_S, "many")
        ended = time.monotonic()
        with Database.open(f"sqlite:///{service.folder / 'tsbridge.db'}") as database:
            while database.read_now(pending):
                _patient(ended)
            decided_s = time.monotonic() - ended
            while database.read_now(unsealed):
                _patient(ended)
            sealed_s = time.monotonic() - ended
            kept = database.read_now(lambda conn: conn.execute(text("SELECT count(*) FROM inbox WHERE status = 'applied'")).scalar_one())
        grown = most.stop() - idle
    print(f"{'answers':>9}{'p50 ms':>8}{'p99 ms':>8}{'most ms':>9}{'decided after s':>17}{'sealed after s':>16}{'MiB above idle':>16}")
    figures = f"{answered['p50_ms']:>8.0f}{answered['p99_ms']:>8.0f}{answered['most_ms']:>9.0f}"
    print(f"{answered['answers']:>9}{figures}{decided_s:>17.1f}{sealed_s:>16.1f}{grown:>16.0f}")
    aims = f"{ANSWER_AIM_MS:.0f} ms, {DECIDED_AIM_S:.0f} s after the last, {MEMORY_AIM_MIB:.0f} MiB"
    print(f"\nanswered {answered['statuses']}, applied {kept}; aims: {aims}\n")
    whole = answered["statuses"] == {"202": count} and kept == count
    return whole and answered["most_ms"] <= ANSWER_AIM_MS and decided_s <= DECIDED_AIM_S and grown <= MEMORY_AIM_MIB


def _patient(since: float) -> None:
    if time.monotonic() - since > PATIENCE_S:
        raise RuntimeError("not decided in time")
    time.sleep(0.05)


class _Most:
    """The most memory that the service holds at any of many looks."""

    def __init__(self, service: Service) -> None:
        self._service, self._most, self._ended = service, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(0.2):
            self._most = max(self._most, self._service.figures().rss_mib)

    def stop(self) -> float:
        self._ended.set()
        self._thread.join()
        return self._most
