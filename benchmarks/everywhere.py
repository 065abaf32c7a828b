"""The same deliveries on twenty machines that differ in what must not matter: hash seeds, the machine's zone, its language."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle, product
from pathlib import Path
from typing import Any, Final

from benchmarks import builds
from benchmarks.builds import Build
from benchmarks.door import postgres_urls, sqlite_urls
from benchmarks.walk import BATCH, EQUAL, differing, fill, pending, prepared, unsealed, wait

COUNT: Final = 300
MACHINES: Final = 20
ZONES: Final = ("UTC", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Europe/Dublin")
LANGUAGES: Final = ("C", "C.UTF-8")


def machines() -> list[dict[str, str]]:
    """Each with a hash seed of its own; every zone with every language."""
    seeds = range(1, 7 * MACHINES, 7)
    places = cycle(product(ZONES, LANGUAGES))
    return [{"PYTHONHASHSEED": str(seed), "TZ": zone, "LC_ALL": language} for seed, (zone, language) in zip(seeds, places, strict=False)]


def run(count: int = COUNT, databases: Sequence[str] = ("SQLite", "PostgreSQL")) -> bool:
    """True when cases, links, decisions, wishes and what became of each delivery are equal on all of them, and on both databases."""
    until, good = datetime.now(UTC), True
    first: dict[str, Any] | None = None
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        for name in databases:
            with (sqlite_urls if name == "SQLite" else postgres_urls)() as urls:
                apart = []
                for machine in machines():
                    result = _lived(
                        replace(builds.here(), machine=machine), prepared(builds.here(), urls), count, Path(folder) / "log", until
                    )
                    first = first or result
                    if (found := differing(first, result)) != EQUAL or not result["whole"]:
                        apart.append((machine, found))
                good &= not apart
                decided = first["decided"] if first else 0
                print(f"{name}: {count} deliveries on {MACHINES} machines, {decided} decisions each: {len(apart)} came to something else")
                for machine, found in apart:
                    print(f"  {_named(machine)}: {found}")
    return good


def _lived(build: Build, url: str, count: int, log: Path, until: datetime) -> dict[str, Any]:
    with build.working(url, log, "--batch", str(BATCH)):
        fill(build, url, count, until)
        wait(url, pending)
        wait(url, unsealed)
    result: dict[str, Any] = json.loads(build.inside("result", url))
    return result


def _named(machine: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in machine.items())
