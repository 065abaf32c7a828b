"""A story of thousands of comments: what the last ones cost against the first, what they take of the database, who waits behind them.

The whole service over HTTP, one process. Comments in the windows come one by one, each when the one before was decided; what lies between
them is put into the inbox all at once. Afterwards other tickets are told without the story and while it goes on.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from sqlalchemy import Connection, make_url, text

from benchmarks import builds, deliveries
from benchmarks.builds import Worker
from benchmarks.deliveries import Sent
from benchmarks.door import free_port, postgres_urls, sqlite_urls
from benchmarks.driver import SECRET
from benchmarks.service import KEY
from benchmarks.walk import bodies, pending, prepared, size, unsealed
from benchmarks.yardstick import Yardstick
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk.verify import SIGNATURE, TIMESTAMP, sign

LENGTH: Final = 2_000
WINDOW: Final = 20
FIRST: Final = 5
SEED: Final = 3
LASTS: Final = timedelta(hours=1)
"""Longer than a comment a second takes for all that are told, so that each is told after it happened and after those before it."""
OTHERS: Final = 50
TURNS: Final = 6
GAP_S: Final = 0.1
LOOK_S: Final = 0.001
COST_AIM: Final = 1.5
BYTES_AIM: Final = 4_096
BESIDE_AIM: Final = 1.2


class Window(NamedTuple):
    """Of each comment: CPU and wall in microseconds, and the CPU in yardsticks."""

    cpu_us: float
    wall_us: float
    cost: float


def run(length: int = LENGTH, *, databases: Sequence[str] = ("SQLite", "PostgreSQL")) -> bool:
    """Print the tables; True when the aims are met."""
    good = True
    windows = f"comments {FIRST} to {FIRST + WINDOW} against the last {WINDOW} of {length:,}"
    print(f"One ticket's story: {windows}; the whole service, starter rulebook\n")
    for name in databases:
        with (sqlite_urls if name == "SQLite" else postgres_urls)() as urls, tempfile.TemporaryDirectory(prefix="bench-") as folder:
            good &= _on(name, prepared(builds.here(), urls), length, Path(folder) / "log")
    return good


def _on(name: str, url: str, length: int, log: Path) -> bool:
    here, port, left = builds.here(), free_port(), length - FIRST - 2 * WINDOW
    marks = [FIRST + WINDOW + int(left * share) for share in (0.05, 0.5, 1)]
    secrets = {"zendesk_webhook_secrets": SECRET, "admin_key": KEY}
    with here.working(url, log, port, what="serve", **secrets) as service, Database.open(url) as database:
        _until_listening(port)
        story = _Story(database, url, port, service)
        story.tell(FIRST)
        early = story.window()
        sizes = [story.filled(here, url, upto) for upto in marks]
        late = story.window()
        alone, beside = _beside(story)
    cost, wall, behind = late.cost / early.cost, late.wall_us / early.wall_us, p95(beside) / p95(alone)
    print(f"{name:<12}{'CPU us':>9}{'wall us':>9}{'yardsticks':>12}")
    print(f"  {'first':<10}{early.cpu_us:>9.0f}{early.wall_us:>9.0f}{early.cost:>12.2f}")
    print(f"  {'last':<10}{late.cpu_us:>9.0f}{late.wall_us:>9.0f}{late.cost:>12.2f}")
    print(f"  the last cost {cost:.2f}x the CPU (in yardsticks) and {wall:.2f}x the wall of the first (aim {COST_AIM} at most)")
    each = ", ".join(f"{one:.0f}" for one in sizes)
    print(f"  bytes beyond the body, the first twentieth, to the half, to the end: {each} (aim {BYTES_AIM} at most)")
    waits = f"{p95(alone) * 1e3:.1f} ms alone, {p95(beside) * 1e3:.1f} ms beside the story"
    usual = f"p50 {statistics.median(alone) * 1e3:.1f} and {statistics.median(beside) * 1e3:.1f} ms"
    print(f"  {TURNS} x {OTHERS} others, decided after, p95: {waits}: {behind:.2f}x (aim {BESIDE_AIM} at most); {usual}\n", flush=True)
    return cost <= COST_AIM and wall <= COST_AIM and sizes[-1] <= BYTES_AIM and behind <= BESIDE_AIM


def _until_listening(port: int) -> None:
    """On a crowded machine a service may stand still for half a second before it listens."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError("the service does not listen")


class Desk:
    """Tells the door, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def tell(self, one: Sent) -> None:
        try:
            self._send(one)
        except (ConnectionError, http.client.HTTPException):  # closed meanwhile, nobody had said anything for long
            self._connection.close()
            self._send(one)

    def _send(self, one: Sent) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = {SIGNATURE: sign(one.body, SECRET, stamp), TIMESTAMP: stamp, "Content-Type": "application/json"}
        self._connection.request("POST", "/webhooks/zendesk", one.body, headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 202:
            raise RuntimeError(f"the door answered {answer.status}")


class _Story:
    """One ticket's story as far as it was told."""

    def __init__(self, database: Database, url: str, port: int, service: Worker) -> None:
        self._database, self._url, self._service = database, url, service
        self._desk, self._other_desk = Desk(port), Desk(port)
        self._told = 0
        self._begun = datetime.now(UTC) - LASTS

    def tell(self, upto: int) -> None:
        """One by one up to this number."""
        for one in deliveries.one_story(upto - self._told, self._told, SEED, self._begun):
            self._desk.tell(one)
            self._until(pending, 0.003)
        self._told = upto

    def tell_one_more(self) -> None:
        """Not waiting for what becomes of it."""
        (one,) = deliveries.one_story(1, self._told, SEED, self._begun)
        self._desk.tell(one)
        self._told += 1

    def window(self) -> Window:
        yard, before, since = Yardstick(), self._service.ask()["cpu_ns"], self._now()
        for _ in range(WINDOW):
            self.tell(self._told + 1)
            yard.lay_on()
        self._until(unsealed, 0.02)
        cpu_us = (self._service.ask()["cpu_ns"] - before) / 1e3 / WINDOW
        return Window(cpu_us, 1e6 * statistics.mean(self.waited(since)), cpu_us / yard.us)

    def filled(self, build: builds.Build, url: str, upto: int) -> float:
        """All at once up to this number; what the database takes beyond the bodies for each of them."""
        before, count = self._taken(), upto - self._told
        build.inside("fill", url, "story", count, self._told, SEED, self._begun.isoformat())
        self._told = upto
        self._until(pending, 0.02)
        self._until(unsealed, 0.02)
        return (self._taken() - before) / count

    def others(self, turn: int) -> list[float]:
        """Other tickets, one after the other at no regular moments; how long each waited for its decision to be kept, in seconds."""
        dice, found = random.Random(turn), []  # noqa: S311
        with _asking(self._url) as decided:
            for one in deliveries.many(OTHERS, OTHERS, 100 + turn, datetime.now(UTC), first=10_000 * turn):
                time.sleep(dice.uniform(0, 2 * GAP_S))
                begun = time.monotonic()
                self._other_desk.tell(one)
                while not decided(f"id:{one.id}"):
                    time.sleep(LOOK_S)
                found.append(time.monotonic() - begun)
        self._until(pending, 0.02)
        return found

    def waited(self, since: int) -> list[float]:
        """Seconds from the door to the round that decided, of deliveries received from then on."""
        asked = "SELECT settled_at - received_at FROM inbox WHERE received_at >= :since"
        return [row[0] / 1e6 for row in self._database.read_now(lambda conn: conn.execute(text(asked), {"since": since}).all())]

    def _taken(self) -> int:
        """PostgreSQL is let take back the room of rows that were written over, as it does by itself each minute."""
        if self._database.dialect == "postgresql":
            with psycopg.connect(
                make_url(self._url).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
            ) as conn:
                conn.execute("VACUUM")
        return self._database.read_now(lambda conn: size(conn) - bodies(conn))

    def _until(self, waiting: Callable[[Connection], bool], look_s: float) -> None:
        while self._database.read_now(waiting):
            time.sleep(look_s)

    @staticmethod
    def _now() -> int:
        return time.time_ns() // 1_000


@contextlib.contextmanager
def _asking(url: str) -> Iterator[Callable[[str], bool]]:
    """Asks whether a delivery is decided, by its key: by the driver itself, which takes next to nothing of what is measured."""
    made, asked = make_url(url), "SELECT 1 FROM inbox WHERE source = 'zendesk' AND dedupe_key = {} AND status <> 'pending'"
    own: Any
    if made.get_backend_name() == "sqlite":
        own, asked = sqlite3.connect(made.database or "", isolation_level=None), asked.format("?")
    else:
        plain = made.set(drivername="postgresql").render_as_string(hide_password=False)
        own, asked = psycopg.connect(plain, autocommit=True), asked.format("%s")
    with contextlib.closing(own):
        yield lambda key: own.execute(asked, (key,)).fetchone() is not None


def _beside(story: _Story) -> tuple[list[float], list[float]]:
    """How long others wait, in seconds: alone, and while the story goes on; in turns."""
    alone: list[float] = []
    beside: list[float] = []
    for turn in range(TURNS):
        alone += story.others(2 * turn)
        ended = threading.Event()
        goes_on = threading.Thread(target=_go_on, args=(story, ended))
        goes_on.start()
        beside += story.others(2 * turn + 1)
        ended.set()
        goes_on.join()
    return alone, beside


def _go_on(story: _Story, ended: threading.Event) -> None:
    while not ended.wait(GAP_S):
        story.tell_one_more()


def p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]
