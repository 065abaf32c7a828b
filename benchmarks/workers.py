"""Several workers on one PostgreSQL: how much more they get done than one, and that they come to the same, killed and paused as well."""

from __future__ import annotations

import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from benchmarks import builds, slowdisk
from benchmarks.builds import Worker
from benchmarks.door import postgres_urls
from benchmarks.walk import EQUAL, PEOPLE_SHARE, differing, pending, prepared, unsealed, wait
from tsbridge.store.db import Database

COUNT: Final = 3_000
ROUNDS: Final = 2
SLOW_S: Final = 0.02
RACES: Final = ((SLOW_S, 4, 3.0), (0.0, 2, 1.3))
"""How long a commit takes at least, how many workers against one, how many times as much they should get done."""
CREW: Final = 4
PORTIONS: Final = 6
PORTION_EVERY_S: Final = 8.0
TROUBLE_EVERY_S: Final = 2.0
PAUSES_S: Final = (1.0, 15.0)
LONG_PAUSE_S: Final = 65.0
"""Longer than a claim is good for."""


def run(count: int = COUNT, *, rounds: int = ROUNDS, seed: int = 1) -> bool:
    """Print the tables; True when the aims are met and all came to the same."""
    good = True
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        log = Path(folder) / "log"
        print(f"Workers on PostgreSQL, {count:,} deliveries waiting\n")
        for slow_s, many, aim in RACES:
            with postgres_urls(partial(slowdisk.library, slow_s) if slow_s else None) as urls:
                good &= _race(urls, count, rounds, many, aim, log)
        with postgres_urls() as urls:
            good &= chaos(urls, count, seed, log)
    return good


def _race(urls: Callable[[], str], count: int, rounds: int, many: int, aim: float, log: Path) -> bool:
    rates: dict[int, list[float]] = {1: [], many: []}
    results: dict[int, dict[str, Any]] = {}
    until = datetime.now(UTC)
    commit_s = slowdisk.commit_s(urls())
    for _ in range(rounds):
        for crew in rates:
            url = prepared(builds.here(), urls)
            rates[crew].append(count / _seconds(url, count, crew, until, log))
            results[crew] = json.loads(builds.here().inside("result", url))
    ratio = max(rates[many]) / max(rates[1])
    each = "; ".join(
        f"{crew} worker{'s' * (crew > 1)} {', '.join(f'{one:.0f}' for one in found)} a second" for crew, found in rates.items()
    )
    print(f"a commit takes {commit_s * 1e3:.1f} ms: {each}; best against best {ratio:.2f}x (aim {aim})")
    return _same(results[1], results[many]) and ratio >= aim


def _seconds(url: str, count: int, crew: int, until: datetime, log: Path) -> float:
    """From the commit that brings the deliveries to the newest one's settling."""
    here = builds.here()
    with ExitStack() as stack:
        for _ in range(crew):
            stack.enter_context(here.working(url, log))
        begun_us = int(here.inside("fill", url, "many", count, int(count * PEOPLE_SHARE), 1, until.isoformat()))
        wait(url, pending)
        wait(url, unsealed)
    with Database.open(url) as database:
        ended_us = database.read_now(lambda conn: conn.execute(text("SELECT max(settled_at) FROM inbox")).scalar_one())
    return float(ended_us - begun_us) / 1e6


def _same(calm: dict[str, Any], other: dict[str, Any]) -> bool:
    """Print how two runs compare; True when they came to the same."""
    apart = differing(calm, {**other, "decided": calm["decided"]})  # late ones of another order are revised otherwise
    doubled = max(0, other["rows"]["cases"] - calm["rows"]["cases"])
    chain = "whole" if other["whole"] else "BROKEN"
    print(
        f"  against one calm worker: {apart}; {doubled} cases doubled, {other['twice']} moments decided twice; chain {chain}\n", flush=True
    )
    return apart == EQUAL and other["whole"] and not doubled and not other["twice"]


def chaos(urls: Callable[[], str], count: int, seed: int, log: Path) -> bool:
    """Four workers, the same deliveries in another order, workers killed and paused; against one worker that nothing happens to."""
    here, until, dice = builds.here(), datetime.now(UTC), random.Random(seed)  # noqa: S311
    calm, rough = prepared(here, urls), prepared(here, urls)
    _seconds(calm, count, 1, until, log)
    crew = [here.start(rough, log) for _ in range(CREW)]
    stopped: dict[int, float] = {}
    kills = pauses = 0
    try:
        for number in range(PORTIONS):
            here.inside("fill", rough, "shuffled", count, int(count * PEOPLE_SHARE), seed, until.isoformat(), number, PORTIONS)
            portion_until = time.monotonic() + PORTION_EVERY_S
            while time.monotonic() < portion_until:
                time.sleep(dice.uniform(0, TROUBLE_EVERY_S))
                _go_on(crew, stopped)
                chosen = dice.randrange(CREW)
                if chosen not in stopped and dice.random() < 0.5:
                    crew[chosen] = _killed(here, crew[chosen], rough, log)
                    kills += 1
                elif chosen not in stopped:
                    os.kill(crew[chosen].process.pid, signal.SIGSTOP)
                    stopped[chosen] = time.monotonic() + (dice.uniform(*PAUSES_S) if pauses else LONG_PAUSE_S)
                    pauses += 1
        begun = time.monotonic()
        with Database.open(rough) as database:
            while database.read_now(pending) or database.read_now(unsealed) or stopped:
                _go_on(crew, stopped)
                time.sleep(0.1)
        drained_s = time.monotonic() - begun
    finally:
        _go_on(crew, dict.fromkeys(stopped, 0.0))
        for worker in crew:
            worker.stop()
    print(
        f"{CREW} workers in trouble: {kills} killed, {pauses} paused (one for {LONG_PAUSE_S:.0f} s); done {drained_s:.0f} s after the last"
    )
    return _same(*(json.loads(here.inside("result", url)) for url in (calm, rough)))


def _killed(here: builds.Build, worker: Worker, url: str, log: Path) -> Worker:
    worker.process.kill()
    worker.stop()
    return here.start(url, log)


def _go_on(crew: list[Worker], stopped: dict[int, float]) -> None:
    for number, until in list(stopped.items()):
        if time.monotonic() >= until:
            os.kill(crew[number].process.pid, signal.SIGCONT)
            del stopped[number]
