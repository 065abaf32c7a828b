"""Steady deliveries for a while: memory, open files and threads have to stay level."""

from __future__ import annotations

import sys
import time

from benchmarks.door import drive
from benchmarks.service import Figures, running

RATE = 20.0
SLICE_S = 10.0
MOST_MIB_PER_1000 = 4.0
"""More memory for each thousand deliveries of the second half is a leak; caches have filled in the first."""


def run(seconds: float) -> bool:
    """Print a line per slice; True when the second half was level."""
    slices = max(4, int(seconds / SLICE_S))
    per_slice = int(RATE * SLICE_S)
    print(f"Soak: {RATE:.0f} deliveries a second for {slices * SLICE_S:.0f} s\n")
    print(f"{'seconds':>8}{'memory MiB':>12}{'threads':>9}{'files':>7}{'p99 ms':>9}")
    seen: list[Figures] = []
    with running() as service:
        started = time.monotonic()
        for number in range(slices):
            answered = drive(service.port, 8, per_slice, 1_000 + number, RATE)
            if answered["statuses"] != {"202": per_slice}:
                raise RuntimeError(f"answered {answered['statuses']} to {per_slice} deliveries")
            seen.append(service.figures())
            now = seen[-1]
            print(f"{time.monotonic() - started:>8.0f}{now.rss_mib:>12.0f}{now.threads:>9}{now.files:>7}{answered['p99_ms']:>9.1f}")
            sys.stdout.flush()
    half, last = seen[len(seen) // 2], seen[-1]
    grown = (last.rss_mib - half.rss_mib) / ((len(seen) - 1 - len(seen) // 2) * per_slice / 1000)
    level = grown <= MOST_MIB_PER_1000 and last.threads <= half.threads and last.files <= half.files + 2
    print(
        f"\nsecond half: {grown:+.1f} MiB per 1000 deliveries, {last.files - half.files:+d} files, {last.threads - half.threads:+d} threads"
    )
    print("level\n" if level else "NOT level\n")
    return level
