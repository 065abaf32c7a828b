"""What the service uses when nobody calls, and after a burst has gone."""

from __future__ import annotations

import time

from benchmarks.door import drive
from benchmarks.service import Figures, running

AIM_MIB = 120
BURST = 2_000
REST_S = 5.0


def run() -> dict[str, Figures]:
    """Print the table; returns the figures by row."""
    found: dict[str, Figures] = {}
    with running() as service:
        time.sleep(REST_S)
        found["idle"] = service.figures()
        answered = drive(service.port, 32, BURST, 1)
        if answered["statuses"] != {"202": BURST}:
            raise RuntimeError(f"answered {answered['statuses']} to {BURST} deliveries")
        time.sleep(REST_S)
        found[f"after {BURST} deliveries"] = service.figures()
    print("The idle service: one process, workers inside, SQLite, the bundled rulebook\n")
    print(f"{'':<26}{'memory MiB':>11}{'threads':>9}{'files':>7}")
    for row, figures in found.items():
        print(f"{row:<26}{figures.rss_mib:>11.0f}{figures.threads:>9}{figures.files:>7}")
    print(f"\naim: under {AIM_MIB} MiB idle (resident set)\n")
    return found
