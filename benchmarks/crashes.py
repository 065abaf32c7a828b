"""Servers, workers and the database killed and restarted under load, a disk that is full: nothing is lost, doubled, or blamed for it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text

from benchmarks import builds
from benchmarks.door import postgres_urls
from benchmarks.walk import PATIENCE_S, prepared
from tests.crashing import Outcome, Sender, alone, storm
from tsbridge.store.db import Database

PER_SECOND: Final = 20.0
SECONDS: Final = 120.0
KILLS: Final = 15
RUNS: Final = {
    "PostgreSQL restarted ten times": (0, 10),
    "kill -9 fifteen times": (KILLS, 0),
    "both at once": (KILLS, 10),
}
"""Kills and restarts of each."""
DISK_MIB: Final = 64
FULL_S: Final = 20.0
TAKEN_OVER_WITHIN_S: Final = 30.0
WAITING: Final = 1_500


def run(seed: int, seconds: float = SECONDS) -> bool:
    """Print a line per run; True when each came out whole."""
    good = True
    print(f"{PER_SECOND:.0f} deliveries a second for {seconds:.0f} s\n")
    for name, (kills, restarts) in RUNS.items():
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            whole = storm(Path(folder), seconds=seconds, kills=kills, restarts=restarts, per_second=PER_SECOND, seed=seed)
        good &= _tell(f"two servers, two workers, one PostgreSQL: {name}", *whole)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        whole = alone(Path(folder), seconds=seconds, kills=KILLS, per_second=PER_SECOND, seed=seed)
    good &= _tell("one process on SQLite: kill -9 fifteen times", *whole)
    return good & full(seconds / 3) & takeover()


def full(seconds: float) -> bool:
    """A disk that has no room left for a third of the time. Needs the right to mount one."""
    if os.geteuid() != 0:
        print("a full disk: only root can mount one, not tried\n")
        return True
    with _small_disk() as disk:
        whole = alone(disk, seconds=seconds, kills=0, per_second=PER_SECOND, trouble=lambda _, seconds: _fill_up(disk, seconds))
    return _tell(f"one process on SQLite: no room on the disk for {min(FULL_S, seconds / 2):.0f} s", *whole)


@contextmanager
def _small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", folder], check=True)  # noqa: S603, S607
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)  # noqa: S603, S607


def _fill_up(disk: Path, seconds: float) -> None:
    """Some time with room, some without, the rest with room again."""
    hindered = min(FULL_S, seconds / 2)
    time.sleep((seconds - hindered) / 2)
    until = time.monotonic() + hindered
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as all_of_it:
        while time.monotonic() < until:
            try:
                while True:  # also what comes free meanwhile
                    all_of_it.write(bytes(4_096))
            except OSError:
                time.sleep(0.2)
    ballast.unlink()
    time.sleep((seconds - hindered) / 2)


def takeover() -> bool:
    """Two workers, one of them killed with deliveries in its hands: how long until the other one has settled them."""
    here = builds.here()
    with postgres_urls() as urls, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        url, log = prepared(here, urls), Path(folder) / "log"
        with here.working(url, log), here.working(url, log) as doomed, Database.open(url) as database:
            pid = doomed.process.pid
            here.inside("fill", url, "many", WAITING, WAITING, 1, datetime.now(UTC).isoformat())
            while not database.read_now(lambda conn: _claimed(conn, pid)):
                pass
            doomed.process.kill()
            killed = time.monotonic()
            time.sleep(0.2)  # what it had sent is committed or gone
            found = database.read_now(lambda conn: _claimed(conn, pid))
            while database.read_now(lambda conn: _waiting(conn, found)):
                if time.monotonic() - killed > PATIENCE_S:
                    raise RuntimeError("nobody took over")
                time.sleep(0.1)
            taken_s = time.monotonic() - killed
    aim = f"aim {TAKEN_OVER_WITHIN_S:.0f} at most"
    print(f"a worker killed with {len(found)} deliveries in its hands: settled by the other after {taken_s:.1f} s ({aim})\n")
    return bool(found) and taken_s <= TAKEN_OVER_WITHIN_S


def _claimed(conn: Connection, pid: int) -> list[int]:
    held = "SELECT seq FROM inbox_claims WHERE claimed_by LIKE :worker"
    return list(conn.execute(text(held), {"worker": f"%-{pid}-%"}).scalars())


def _waiting(conn: Connection, seqs: list[int]) -> bool:
    waiting = "SELECT 1 FROM inbox WHERE status = 'pending' AND seq = ANY(:seqs) LIMIT 1"
    return conn.execute(text(waiting), {"seqs": seqs}).first() is not None


def _tell(name: str, outcome: Outcome, sender: Sender) -> bool:
    became = ", ".join(f"{count} {status}" for status, count in sorted(outcome.statuses.items()))
    print(
        f"{name}: {outcome.sent} calls, {outcome.answered} answers, received {outcome.received}: {became}; "
        f"{outcome.lost} lost, {outcome.doubled} doubled, {outcome.undecided} undecided; "
        f"{outcome.deaths} claims died with their workers, {outcome.read_alone} deliveries were read alone; "
        f"chain {'whole' if outcome.chain else 'BROKEN'}, done {outcome.drained_s:.0f} s after the last; "
        f"not answered {sum(sender.refused.values())} times\n",
        flush=True,
    )
    return outcome.good
