"""How soon the service and the commands are there, what the service uses when nobody calls, and after a burst has gone."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from benchmarks.door import cpu_s, drive
from benchmarks.service import Figures, Service, running

AIM_MIB = 100
AIM_CPU = 0.01
AIM_READY_S = 1.5
AIM_HELP_S = 0.3
BURST = 2_000
REST_S = 5.0
WATCHED_S = 30.0
STARTS = 5
COMMANDS = (("--help",), ("keys", "--help"), ("rules", "--help"), ("keys", "list"), ("doctor", "--help"))


def resting(service: Service) -> float:
    """The part of a core it uses while nobody calls."""
    before = cpu_s(service.process.pid)
    time.sleep(WATCHED_S)
    return (cpu_s(service.process.pid) - before) / WATCHED_S


def command(words: tuple[str, ...]) -> tuple[float, float]:
    """Seconds by the clock and of CPU that a command takes, the median of some runs. It may say that there is no database."""
    taken = []
    for _ in range(STARTS):
        used = os.times()
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tsbridge", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # noqa: S603
        seconds, now = time.perf_counter() - started, os.times()
        taken.append((seconds, now.children_user + now.children_system - used.children_user - used.children_system))
    return statistics.median(one[0] for one in taken), statistics.median(one[1] for one in taken)


def run() -> dict[str, Figures]:
    """Print the tables; returns the figures of the service by row."""
    found: dict[str, Figures] = {}
    with running():  # bytecode is written, as installing does
        pass
    started = time.monotonic()
    with running() as service:
        ready_s, ready_cpu_s = time.monotonic() - started, cpu_s(service.process.pid)
        time.sleep(REST_S)
        found["idle"] = service.figures()
        cpu = resting(service)
        answered = drive(service.port, 32, BURST, 1)
        if answered["statuses"] != {"202": BURST}:
            raise RuntimeError(f"answered {answered['statuses']} to {BURST} deliveries")
        time.sleep(REST_S)
        found[f"after {BURST} deliveries"] = service.figures()
    print("The idle service: one process, workers inside, SQLite, a new database, the bundled rulebook\n")
    print(f"ready {ready_s:.2f} s after its start, {ready_cpu_s:.2f} s of CPU (aim: {AIM_READY_S} s)")
    print(f"nobody calls: {cpu:.2%} of a core (aim: under {AIM_CPU:.0%})\n")
    print(f"{'':<26}{'memory MiB':>11}{'threads':>9}{'files':>7}")
    for row, figures in found.items():
        print(f"{row:<26}{figures.rss_mib:>11.0f}{figures.threads:>9}{figures.files:>7}")
    print(f"\naim: at most {AIM_MIB} MiB idle (resident set)\n")
    print(f"{'command':<26}{'seconds':>9}{'CPU s':>8}")
    for words in COMMANDS:
        seconds, used = command(words)
        print(f"{'tsbridge ' + ' '.join(words):<26}{seconds:>9.2f}{used:>8.2f}")
    print(f"\naim: --help within {AIM_HELP_S} s\n")
    return found
