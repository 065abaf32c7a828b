"""From the inbox to the decision: the CPU of a worker process for each delivery, this build beside an earlier one and a bare loop.

Every run has a database of its own, prepared, with a worker at rest before it; then all deliveries appear at once and the run lasts until
each is decided and every decision has its place in the chain. What starting costs is not counted, what happens beside judging is.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, inspect, text

from benchmarks import builds
from benchmarks.builds import ROOT, Build
from benchmarks.door import postgres_urls, sqlite_urls
from benchmarks.yardstick import Yardstick
from tsbridge.store.db import Database

COUNT: Final = 3_000
PEOPLE_SHARE: Final = 0.75
ROUNDS: Final = 3
BATCH: Final = 50
SEED: Final = 1
EQUAL: Final = "equal"
BEFORE: Final = "0043b54"
AIMS: Final = {"SQLite": 8.0, "PostgreSQL": 6.0}
FLOOR_AIM: Final = 6.0
CALLS_AIM: Final = 3.0
PATIENCE_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Walked:
    """One run: CPU a delivery until all was decided, until all was sealed, in microseconds; the wall's seconds; the yardstick meanwhile."""

    decided_us: float
    sealed_us: float
    seconds: float
    yard_us: float

    @property
    def cost(self) -> float:
        """In yardsticks, so that runs at other times can be set beside it."""
        return self.sealed_us / self.yard_us


class Counted(NamedTuple):
    """Of each delivery: calls of the driver, those of them for many rows, commits, rows written, bytes of the database beyond the body."""

    calls: float
    many: float
    commits: float
    rows: float
    beyond: float


@dataclass(slots=True)
class Compared:
    """What the rounds on one database gave, by build; `floor` in microseconds a delivery."""

    walked: dict[str, list[Walked]] = field(default_factory=dict)
    floor: list[Walked] = field(default_factory=list)
    rows: float = 0.0

    def ratio(self) -> float:
        """Of what it cost before to what it costs now."""
        return statistics.median(one.cost for one in self.walked["before"]) / statistics.median(one.cost for one in self.walked["now"])

    def above_floor(self) -> float:
        return statistics.median(one.cost for one in self.walked["now"]) / statistics.median(one.cost for one in self.floor)


def run(count: int = COUNT, *, rounds: int = ROUNDS, before: str = BEFORE, databases: Sequence[str] = ("SQLite", "PostgreSQL")) -> bool:
    """Print the tables; True when the results are equal and the aims are met."""
    good = True
    with builds.of(before) as old, tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        both, log = (old, builds.here()), Path(folder) / "log"
        print(f"Inbox to decision: {count:,} deliveries of {_people(count):,} people, starter rulebook, one worker; before: {before}\n")
        for name in databases:
            making = sqlite_urls if name == "SQLite" else postgres_urls
            with making() as urls:
                compared = _compare(both, urls, count, rounds, log)
                good &= _tell(name, compared) >= AIMS[name] and compared.above_floor() <= FLOOR_AIM
                good &= look(both, urls, count, log)
    return good


def _compare(both: tuple[Build, Build], urls: Callable[[], str], count: int, rounds: int, log: Path) -> Compared:
    found = Compared()
    for number in range(rounds):
        now = ""
        for build in both if number % 2 == 0 else both[::-1]:
            url = prepared(build, urls)
            found.walked.setdefault(build.name, []).append(walked(build, url, count, log))
            now = url if build is both[-1] else now
        bare = prepared(both[-1], urls)
        fill(both[-1], bare, count)
        least = floor(bare, now)
        us = least["cpu_ns"] / 1e3 / least["deliveries"]
        found.floor.append(Walked(us, us, least["wall_ns"] / 1e9, least["yard_ns"] / 1e3))
        found.rows = least["rows"] / count
    return found


def _tell(name: str, found: Compared) -> float:
    print(f"{name:<12}{'us decided':>12}{'us sealed':>12}{'seconds':>9}{'yardsticks':>12}   us of each round (yardstick)")
    for build, runs in {**found.walked, "bare loop": found.floor}.items():
        decided, sealed, seconds, cost = (
            statistics.median(getattr(one, what) for one in runs) for what in ("decided_us", "sealed_us", "seconds", "cost")
        )
        each = ", ".join(f"{one.sealed_us:.0f} ({one.yard_us:.0f})" for one in runs)
        print(f"  {build:<10}{decided:>12.0f}{sealed:>12.0f}{seconds:>9.1f}{cost:>12.2f}   {each}")
    print(f"  the bare loop inserts {found.rows:.1f} rows a delivery; ratios are of yardsticks: the machine swings")
    ratio = found.ratio()
    print(
        f"  before / now {ratio:.2f} (aim {AIMS[name]:.0f}), now / bare loop {found.above_floor():.2f} (aim {FLOOR_AIM:.0f} at most)\n",
        flush=True,
    )
    return ratio


def look(both: tuple[Build, Build], urls: Callable[[], str], count: int, log: Path) -> bool:
    """Beside the clock: equal batches, so the results have to be equal; the calls of the driver and the bytes of the database counted."""
    until, found = datetime.now(UTC), {}
    heads = f"{'calls':>7}{'of many':>9}{'commits':>9}{'rows':>7}{'bytes beyond':>14}{'decisions':>11}"
    print(f"  {f'batches of {BATCH}':<16}{heads}   a delivery")
    for build in both:
        found[build.name] = seen, result = counted(build, prepared(build, urls), count, log, until)
        each = f"{seen.calls:>7.2f}{seen.many:>9.2f}{seen.commits:>9.3f}{seen.rows:>7.1f}{seen.beyond:>14.0f}"
        print(f"  {build.name:<16}{each}{result['decided'] / count:>11.3f}")
    (_, before), (seen, now) = found.values()
    apart = differing(before, now)
    whole = " and ".join(f"{name} {'verifies' if result['whole'] else 'does NOT verify'}" for name, (_, result) in found.items())
    print(f"  results: {apart}; the chain: {whole}; aim at most {CALLS_AIM:.0f} calls\n", flush=True)
    return apart == EQUAL and before["whole"] and now["whole"] and seen.calls <= CALLS_AIM


def counted(build: Build, url: str, count: int, log: Path, until: datetime) -> tuple[Counted, dict[str, Any]]:
    """One run on a prepared database with the driver watched, in batches of equal size; and what it came to (`benchmarks.inside`)."""
    empty = beyond(url)
    with build.working(url, log, "--count", "--batch", str(BATCH)) as worker:
        before = worker.ask()
        fill(build, url, count, until)
        filled = _written(url)
        wait(url, pending)
        wait(url, unsealed)
        used = Counter(worker.ask())
        used.subtract(before)
    result = json.loads(build.inside("result", url))
    rows = used["rows"] + _written(url) - filled
    figures = (used["once"] + used["many"], used["many"], used["commits"], rows, beyond(url) - empty)
    return Counted(*(figure / count for figure in figures)), result


def differing(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Where two runs came to something else, with how many rows only one of them has."""
    apart = []
    for part, rows in one["digests"].items():
        here, there = Counter(rows), Counter(other["digests"][part])
        if lonely := ((here - there) + (there - here)).total():
            apart.append(f"{lonely} of {part}")
    if one["decided"] != other["decided"]:
        apart.append(f"{one['decided']} against {other['decided']} decisions")
    return ", ".join(apart) + " differ" if apart else EQUAL


def _people(count: int) -> int:
    return int(count * PEOPLE_SHARE)


def walked(build: Build, url: str, count: int, log: Path) -> Walked:
    """One run of a build on a prepared database."""
    with build.working(url, log) as worker:
        begun_ns, begun = worker.ask()["cpu_ns"], time.monotonic()
        yard = Yardstick()
        fill(build, url, count)
        wait(url, pending, yard)
        decided_ns = worker.ask()["cpu_ns"]
        wait(url, unsealed)
        sealed_ns, seconds = worker.ask()["cpu_ns"], time.monotonic() - begun
    return Walked((decided_ns - begun_ns) / 1e3 / count, (sealed_ns - begun_ns) / 1e3 / count, seconds, yard.us)


def prepared(build: Build, urls: Callable[[], str]) -> str:
    """A new database with the build's schema and its starter rulebook."""
    url = urls()
    build.inside("prepare", url)
    return url


def fill(build: Build, url: str, count: int, until: datetime | None = None) -> None:
    """All deliveries at once; `until`: when the last of them was sent."""
    build.inside("fill", url, "many", count, _people(count), SEED, (until or datetime.now(UTC)).isoformat())


def floor(url: str, done: str) -> dict[str, int]:
    """What the bare loop takes for a filled database, writing what the bridge wrote into the one that is done."""
    command = [sys.executable, "-m", "benchmarks.floor", url, done]
    ran = subprocess.run(command, cwd=ROOT, env=builds.here().environ(), stdout=subprocess.PIPE, check=True, timeout=600)  # noqa: S603
    told: dict[str, int] = json.loads(ran.stdout)
    return told


def wait(url: str, waiting: Callable[[Connection], bool], yard: Yardstick | None = None) -> None:
    """Until nothing of a kind waits. Looked at from outside, so that nothing of it is the worker's."""
    until = time.monotonic() + PATIENCE_S
    with Database.open(url) as database:
        while True:
            if yard is not None:
                yard.lay_on()
            if not database.read_now(waiting):
                return
            if time.monotonic() > until:
                raise RuntimeError("not done in time")
            time.sleep(0.02)


def pending(conn: Connection) -> bool:
    return conn.execute(text("SELECT 1 FROM inbox WHERE status = 'pending' LIMIT 1")).first() is not None


def unsealed(conn: Connection) -> bool:
    """Whether a decision is without its place in the chain; builds that give it at once know of none."""
    return inspect(conn).has_table("unsealed") and conn.execute(text("SELECT 1 FROM unsealed LIMIT 1")).first() is not None


def _written(url: str) -> int:
    """How many rows PostgreSQL has inserted, changed and deleted; SQLite's own connection counts for itself."""
    if url.startswith("sqlite"):
        return 0
    with Database.open(url) as database:
        counted = "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables"
        return int(database.read_now(lambda conn: conn.execute(text(counted)).scalar_one()))


def size(conn: Connection) -> int:
    """The bytes that the database takes, without what it has free inside."""
    if conn.dialect.name == "sqlite":
        pages, free, each = (conn.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "freelist_count", "page_size"))
        return int((pages - free) * each)
    return int(conn.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def bodies(conn: Connection) -> int:
    """The bytes of what was delivered."""
    return int(conn.execute(text("SELECT coalesce(sum(length(body)), 0) FROM inbox")).scalar_one())


def beyond(url: str) -> int:
    """The bytes that the database takes beyond what was delivered."""
    with Database.open(url) as database:
        return database.read_now(lambda conn: size(conn) - bodies(conn))
