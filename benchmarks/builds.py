"""This build and an earlier one, each run in processes of its own with the same interpreter and libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
WAIT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Build:
    """A source tree that can be run."""

    name: str
    source: Path
    machine: Mapping[str, str] = field(default_factory=dict)
    """Variables of the machine that its processes find otherwise than this one."""

    def environ(self, **settings: str) -> dict[str, str]:
        """`settings` by name without TSBRIDGE_; none of the caller's own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TSBRIDGE_")}
        kept |= {f"TSBRIDGE_{name.upper()}": value for name, value in settings.items()}
        return {**kept, **self.machine, "PYTHONPATH": f"{self.source / 'src'}{os.pathsep}{ROOT}"}

    def inside(self, *what: object) -> str:
        """Run `benchmarks.inside` with this build; returns what it printed."""
        done = subprocess.run(_command(*what), env=self.environ(), stdout=subprocess.PIPE, cwd=self.source, check=True, timeout=600)  # noqa: S603
        return done.stdout.decode()

    def start(self, url: str, log: Path, *options: object, what: str = "work", **settings: str) -> Worker:
        """One process on a prepared database: a worker, or with `what="serve"` and a port the whole service. Stop it."""
        environ = self.environ(database_url=url, **settings)
        with log.open("ab") as lines:
            process = subprocess.Popen(  # noqa: S603
                _command(what, *options), env=environ, cwd=self.source, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=lines
            )
        return Worker(process, log)

    @contextmanager
    def working(self, url: str, log: Path, *options: object, what: str = "work", **settings: str) -> Iterator[Worker]:
        """`start`, ready and at rest."""
        worker = self.start(url, log, *options, what=what, **settings)
        try:
            worker.until_idle()
            yield worker
        finally:
            worker.stop()


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process that tells what it has used."""

    process: subprocess.Popen[bytes]
    log: Path

    def ask(self) -> dict[str, int]:
        """`cpu_ns`, and where it counts the calls of the driver by kind."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended: {self.log.read_text()[-2000:]}")
        told: dict[str, int] = json.loads(line)
        return told

    def stop(self) -> None:
        """In good order; by force when that takes too long."""
        self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.__exit__(None, None, None)  # its pipes

    def until_idle(self) -> None:
        """Until half a second costs next to nothing."""
        begun, before = time.monotonic(), self.ask()["cpu_ns"]
        while time.monotonic() < begun + WAIT_S:
            time.sleep(0.5)
            now = self.ask()["cpu_ns"]
            if now - before < 25_000_000:
                return
            before = now
        raise RuntimeError("the worker never rests")


def here() -> Build:
    return Build("now", ROOT)


@contextmanager
def of(commit: str) -> Iterator[Build]:
    """The source tree of a commit, exported to a folder that is taken away afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        tar = Path(folder) / "tree.tar"
        command = ["git", "-C", str(ROOT), "archive", "-o", str(tar), commit]
        subprocess.run(command, check=True)  # noqa: S603
        with tarfile.open(tar) as tree:
            tree.extractall(Path(folder) / "tree", filter="data")
        yield Build("before", Path(folder) / "tree")


def _command(*what: object) -> list[str]:
    return [sys.executable, "-P", "-m", "benchmarks.inside", *map(str, what)]
