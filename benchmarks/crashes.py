"""Servers, workers and the database killed and restarted under load: nothing is lost, doubled, or blamed for it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.crashing import Outcome, storm

PER_SECOND = 20.0
RUNS = {
    "PostgreSQL restarted ten times": {"seconds": 120.0, "kills": 0, "restarts": 10},
    "kill -9 fifteen times": {"seconds": 120.0, "kills": 15, "restarts": 0},
    "both at once": {"seconds": 120.0, "kills": 15, "restarts": 10},
}


def run(seed: int) -> bool:
    """Print a line per run; True when each came out whole."""
    print(f"Two servers, two workers, one PostgreSQL, {PER_SECOND:.0f} deliveries a second for two minutes\n")
    good = True
    for name, trouble in RUNS.items():
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            outcome, sender = storm(Path(folder), per_second=PER_SECOND, seed=seed, **trouble)  # type: ignore[arg-type]
        good &= outcome.good
        print(f"{name}: {_told(outcome)}; not answered {sum(sender.refused.values())} times\n", flush=True)
    return good


def _told(outcome: Outcome) -> str:
    became = ", ".join(f"{count} {status}" for status, count in sorted(outcome.statuses.items()))
    return (
        f"{outcome.sent} calls, {outcome.answered} answers, received {outcome.received}: {became}; "
        f"{outcome.lost} lost, {outcome.doubled} doubled, {outcome.undecided} undecided; "
        f"{outcome.deaths} claims died with their workers, {outcome.read_alone} deliveries were read alone; "
        f"chain {'whole' if outcome.chain else 'BROKEN'}, done {outcome.drained_s:.0f} s after the last"
    )
