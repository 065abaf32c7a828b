"""The whole service as a process of its own, and what the machine says about it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.door import free_port
from benchmarks.driver import SECRET

KEY = "benchmark-admin-key-benchmark"
READY_WITHIN_S = 60.0
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
"""An installed package has its bytecode; where the sources lie it is written by the first start, unless this is set."""


@dataclass(frozen=True)
class Figures:
    """What a process uses at one moment."""

    rss_mib: float
    threads: int
    files: int


@dataclass(frozen=True)
class Service:
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.log.parent

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def figures(self) -> Figures:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        values = dict(line.split(":", 1) for line in status.splitlines())
        files = len(os.listdir(f"/proc/{self.process.pid}/fd"))
        return Figures(int(values["VmRSS"].split()[0]) / 1024, int(values["Threads"]), files)


@contextmanager
def running(**settings: str) -> Iterator[Service]:
    """`tsbridge serve` on SQLite with fresh files and the bundled rulebook; `settings` by name without TSBRIDGE_."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TSBRIDGE_") and name != NO_BYTECODE}
        environ |= {"TSBRIDGE_ADMIN_KEY": KEY, "TSBRIDGE_ZENDESK_WEBHOOK_SECRETS": SECRET, "TSBRIDGE_TALKDESK_WEBHOOK_SECRETS": SECRET}
        environ |= {f"TSBRIDGE_{name.upper()}": value for name, value in settings.items()}
        command = [sys.executable, "-m", "tsbridge", "serve", "--port", str(port)]
        log = Path(folder) / "service.log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=folder, env=environ, stdout=out, stderr=subprocess.STDOUT)  # noqa: S603
        try:
            service = Service(port, process, log)
            _until_ready(service)
            yield service
        finally:
            process.terminate()
            process.wait(40)


def _until_ready(service: Service) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        if service.process.poll() is not None:
            raise RuntimeError(f"the service ended: {service.log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(service.url + "/readyz", timeout=2) as answer:  # noqa: S310  # our own http address
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    raise RuntimeError(f"the service was not ready: {service.log.read_text()[-2000:]}")


def machine() -> str:
    """What this was measured on; figures of different machines are not compared."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    except OSError:
        model = platform.machine()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} x {model}, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}"
    )
