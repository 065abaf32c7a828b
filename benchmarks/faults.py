"""Disks that fail under the running service, and machines that stand still: nothing that was answered is lost or doubled, the door says
503 with `Retry-After` and nothing else meanwhile, and all goes on by itself when it is over.

A library that is loaded before all others (`baddisk.c`) has syncs, writes or reads fail; on SQLite a failed sync loses what it should have
brought to disk, as Linux loses it. PostgreSQL stops itself when a sync fails and comes up again from its log, or is started by whoever
keeps it; here as systemd would.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.crashing import PROCESSES, Fleet, Outcome, Sender, alone, restart, storm
from tests.test_serve import KEY, ask

SOURCE: Final = Path(__file__).with_name("baddisk.c")
PER_SECOND: Final = 20.0
PAUSE_S: Final = 25.0
STILL_S: Final = 170.0
"""Longer than a claim of deliveries is good for."""
UNANSWERED_S: Final = 10.0
RECOVERED_WITHIN_S: Final = 300.0
SECONDS: Final = 40.0
"""Of deliveries in each run; the middle third is bad."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What fails, and with which error; of `one_of` syncs one; `loses`: what was not brought to disk is gone."""

    name: str
    syncs: int = 0
    writes: int = 0
    reads: int = 0
    one_of: int = 1
    loses: bool = False

    def told(self) -> bytes:
        return struct.pack("5i", self.syncs, self.writes, self.reads, self.one_of, self.loses)


FINE: Final = Fault("nothing")
ON_SQLITE: Final = (
    Fault("no sync succeeds and what it should have kept is gone", syncs=errno.EIO, loses=True),
    Fault("one sync in three fails and what it should have kept is gone", syncs=errno.EIO, one_of=3, loses=True),
    Fault("no write succeeds", writes=errno.EIO),
    Fault("there is no room", writes=errno.ENOSPC),
    Fault("the disk is read-only", syncs=errno.EROFS, writes=errno.EROFS),
    Fault("nothing can be read, written or brought to disk", syncs=errno.EIO, writes=errno.EIO, reads=errno.EIO),
)
ON_POSTGRES: Final = (
    Fault("no sync succeeds", syncs=errno.EIO),
    Fault("there is no room", writes=errno.ENOSPC),
    Fault("the disk is read-only", syncs=errno.EROFS, writes=errno.EROFS),
    Fault("nothing can be read, written or brought to disk", syncs=errno.EIO, writes=errno.EIO, reads=errno.EIO),
)


class BadDisk:
    """What is below a folder, for processes that load the library: sound until it is told otherwise."""

    def __init__(self, folder: Path, below: Path) -> None:
        self._library, self._told, self._below = folder / "baddisk.so", folder / "told", below
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(self._library), str(SOURCE), "-ldl"], check=True)  # noqa: S603, S607
        self.tell(FINE)
        for one in (folder, self._library, self._told):
            one.chmod(0o755)  # PostgreSQL may run as somebody else

    def tell(self, fault: Fault) -> None:
        fd = os.open(self._told, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.pwrite(fd, fault.told(), 0)
        finally:
            os.close(fd)

    def environ(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "BAD_DISK": str(self._told), "BAD_DISK_UNDER": f"{self._below}/"}

    @contextmanager
    def meant(self) -> Iterator[None]:
        """What is started meanwhile loads the library."""
        os.environ.update(self.environ())
        try:
            yield
        finally:
            for name in self.environ():
                del os.environ[name]


class Program:
    """The service by its command line, used as the processes of `tests.forked` are."""

    def __init__(self, folder: Path, port: int | None, environ: dict[str, str]) -> None:
        what = ("worker",) if port is None else ("serve", "--port", str(port))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TSBRIDGE_")}
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "tsbridge", *what], cwd=folder, env=kept | environ, stdout=log, stderr=log
            )
        self.pid = self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()

    def join(self, timeout: float) -> None:
        self._process.wait(timeout)

    def close(self) -> None:
        return


@dataclass
class Onlooker:
    """Somebody who looks at the desk all the while: what pages, probes and acts are answered with."""

    port: int
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    """Checks of `/readyz` that were not well."""

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _look(self) -> None:
        base, admin = f"http://127.0.0.1:{self.port}", {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        asks: tuple[tuple[str, str, Any], ...] = (
            ("alive", "/livez", None),
            ("ready", "/readyz", None),
            ("read", "/v1/cases?limit=5", None),
            ("write", "/v1/cases/no-such-case/acknowledge", {}),
            ("figures", "/metrics", None),
        )
        while not self._stopping.wait(0.5):
            for name, path, body in asks:
                try:
                    status, told = ask(base + path, body, **(admin if path.startswith("/v1") else {}))
                except ValueError:
                    status, told = 200, None  # figures are no JSON
                except OSError:
                    status, told = 0, None
                self.answers[name, status] += 1
                if name == "ready" and status == 503:
                    self.failed += [check for check, found in told["checks"].items() if not found["ok"]]


def run(seconds: float = SECONDS, seed: int = 1) -> bool:
    """Print a line per run; True when each came out whole."""
    print(f"{PER_SECOND:.0f} deliveries a second for {seconds:.0f} s, the disk bad for the middle third\n")
    good = True
    for fault in ON_SQLITE:
        good &= _told("one process on SQLite", fault, *on_sqlite(fault, seconds, seed))
    for fault in ON_POSTGRES:
        good &= _told("two servers, two workers, one PostgreSQL", fault, *on_postgres(fault, seconds, seed))
    stopped = Fault(f"one worker stands still for {STILL_S:.0f} s, PostgreSQL, a server and all of them for {PAUSE_S:.0f} s each")
    return good & _told("two servers, two workers, one PostgreSQL", stopped, *still(STILL_S, seed))


def on_sqlite(fault: Fault, seconds: float, seed: int) -> tuple[Outcome, Sender, Onlooker, list[str]]:
    """One process; in the middle of a disk that fails now and then it is killed, too."""
    seen: list[Onlooker] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        folder, disk = Path(name), Path(name) / "disk"
        disk.mkdir()
        bad = BadDisk(folder, disk)

        def trouble(fleet: Fleet, seconds: float) -> None:
            seen.append(Onlooker(fleet.ports["server-1"]))
            time.sleep(seconds / 3)
            bad.tell(fault)
            time.sleep(seconds / 6)
            if fault.one_of > 1:
                fleet.kill("server-1")
                fleet.start("server-1")
            _watched(fleet, seconds / 6)
            bad.tell(FINE)
            _watched(fleet, seconds / 3)
            seen[0].stop()

        def begin(folder: Path, port: int | None, **settings: str) -> Program:
            return Program(folder, port, settings | bad.environ())

        outcome, sender = alone(disk, seconds=seconds, kills=0, per_second=PER_SECOND, seed=seed, trouble=trouble, begin=begin)
        return outcome, sender, seen[0], _amiss(disk / "tsbridge.db")


def _watched(fleet: Fleet, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        fleet.restart_what_ended()
        time.sleep(0.5)


def _amiss(file: Path) -> list[str]:
    with sqlite3.connect(file) as conn:
        found = [str(row[0]) for row in conn.execute("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found


def on_postgres(fault: Fault, seconds: float, seed: int) -> tuple[Outcome, Sender, Onlooker, list[str]]:
    seen: list[Onlooker] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        folder = Path(name)

        def trouble(server: Any, fleet: Fleet, seconds: float) -> None:
            bad = BadDisk(folder, Path(server.pgdata))
            with bad.meant():
                restart(server, "fast")
                keeper = Keeper(server)
                seen.append(Onlooker(fleet.ports["server-1"]))
                for told, part in ((FINE, 1 / 3), (fault, 1 / 3), (FINE, 1 / 3)):
                    bad.tell(told)
                    until = time.monotonic() + seconds * part
                    while time.monotonic() < until:
                        keeper.look()
                        fleet.restart_what_ended()
                        time.sleep(0.5)
                keeper.until_it_answers()
            seen[0].stop()

        outcome, sender = storm(
            folder, seconds=seconds, kills=0, restarts=0, per_second=PER_SECOND, seed=seed, trouble=trouble, patient=False
        )
        return outcome, sender, seen[0], []


def still(seconds: float, seed: int) -> tuple[Outcome, Sender, Onlooker, list[str]]:
    """Processes that stand still (SIGSTOP) and go on: a worker for longer than a claim is good for, meanwhile PostgreSQL with all its
    processes, one of the servers, and in the end everything at once, as when a whole machine is put to sleep."""
    seen: list[Onlooker] = []

    def trouble(server: Any, fleet: Fleet, seconds: float) -> None:
        seen.append(Onlooker(fleet.ports["server-2"]))
        ours = {name: fleet.pid(name) for name in PROCESSES}
        with _stopped([ours["worker-1"]]):
            time.sleep(10)
            with _stopped(_of_postgres(server)):
                time.sleep(PAUSE_S)
            time.sleep(10)
            with _stopped([ours["server-1"]]):
                time.sleep(PAUSE_S)
            time.sleep(max(0.0, seconds - 2 * PAUSE_S - 20))
        time.sleep(10)
        with _stopped([*ours.values(), *_of_postgres(server)]):
            time.sleep(PAUSE_S)
        time.sleep(10)
        seen[0].stop()

    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        outcome, sender = storm(
            Path(name), seconds=seconds, kills=0, restarts=0, per_second=PER_SECOND / 4, seed=seed, trouble=trouble, patient=True
        )
    return outcome, sender, seen[0], []


@contextmanager
def _stopped(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _of_postgres(server: Any) -> list[int]:
    """The postmaster, which begins no others while it stands still, and then all that it has begun."""
    postmaster = int((Path(server.pgdata) / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]


class Keeper:
    """Who keeps a PostgreSQL: one that has ended, or does not answer for a while, is started anew, as often as it takes.

    One that cannot bring its log to disk while it recovers may stand there for ever, "in recovery mode", without its startup process.
    """

    def __init__(self, server: Any) -> None:
        self._server = server
        self._answered = time.monotonic()

    def look(self) -> bool:
        """Whether it answers."""
        try:
            with psycopg.connect(self._server.get_uri(), connect_timeout=2) as connection:
                connection.execute("SELECT 1")
            self._answered = time.monotonic()
        except psycopg.Error:
            if time.monotonic() - self._answered > UNANSWERED_S:
                self._restart()
                self._answered = time.monotonic()
            return False
        return True

    def until_it_answers(self) -> None:
        """It may still be going through its log."""
        until = time.monotonic() + RECOVERED_WITHIN_S
        while not self.look():
            if time.monotonic() > until:
                raise AssertionError("PostgreSQL does not come up")
            time.sleep(0.5)

    def _restart(self) -> None:
        with contextlib.suppress(Exception):  # it does not come up on such a disk: it is looked at again
            restart(self._server, "immediate")


ALLOWED: Final = {"alive": {200}, "ready": {200, 503}, "read": {200, 503}, "write": {404, 503}, "figures": {200}}
"""What whoever looks may be answered. 0: nobody was there, or no answer in five seconds."""


def _told(where: str, fault: Fault, outcome: Outcome, sender: Sender, onlooker: Onlooker, amiss: list[str]) -> bool:
    wrong = {f"{what} {status}" for what, status in onlooker.answers if status and status not in ALLOWED[what]}
    wrong |= {f"the door {status}" for status in sender.refused if status.isdigit() and status != "503"}
    refused, nobody = sender.refused["503"], sum(sender.refused.values()) - sender.refused["503"]
    unanswered = sum(count for (_, status), count in onlooker.answers.items() if not status)
    print(
        f"{where}: {fault.name}: {outcome.sent} calls, 202 to {outcome.answered} attempts, 503 to {refused} "
        f"({sender.timeless} of them without Retry-After), nobody there for {nobody}; became {outcome.statuses}; "
        f"{outcome.lost} lost, {outcome.doubled} doubled, {outcome.undecided} undecided; chain {'whole' if outcome.chain else 'BROKEN'}, "
        f"file {'; '.join(amiss) or 'sound'}; done {outcome.drained_s:.0f} s after the last; "
        f"/readyz told of {', '.join(sorted(set(onlooker.failed))) or 'nothing'}; {unanswered} looks without an answer; "
        f"answers that may not be: {', '.join(sorted(wrong)) or 'none'}\n",
        flush=True,
    )
    told = bool(onlooker.failed) or fault.one_of > 1  # one that fails now and then may be met by others alone
    return outcome.good and told and not amiss and not wrong and not sender.timeless
