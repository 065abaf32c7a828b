"""Planted defects: healthy rulebooks, each spoiled in every way the check knows; what it finds, and what it invents."""

from __future__ import annotations

import time

from tests.rulebook.planting import Tally, run

FOUND, ALARMS = 0.99, 0.01


def report(books: int, seed: int) -> bool:
    """Print the table of one run; whether it holds the bars."""
    started = time.perf_counter()
    whole, kinds = run(books, seed)
    print(f"Planted defects: {whole.healthy} healthy books, {whole.planted} spoiled ones, seed {seed}\n")
    print(f"{'defect':<22}{'planted':>9}{'found':>9}{'witnesses':>11}{'confirmed':>11}")
    for kind, tally in sorted(kinds.items()):
        print(_row(kind, tally))
    print(_row("all", whole))
    alarms = whole.alarmed / max(1, whole.healthy)
    print(f"\nfalse alarms: {whole.alarmed} of {whole.healthy} healthy books ({alarms:.1%}); {time.perf_counter() - started:.0f} s")
    print(f"aims: at least {FOUND:.0%} found, at most {ALARMS:.0%} false alarms, every witness confirmed\n")
    return whole.found >= FOUND * whole.planted and alarms <= ALARMS and whole.confirmed == whole.witnesses


def _row(name: str, tally: Tally) -> str:
    found = tally.found / max(1, tally.planted)
    confirmed = f"{tally.confirmed / tally.witnesses:.1%}" if tally.witnesses else "-"
    return f"{name:<22}{tally.planted:>9}{found:>9.1%}{tally.witnesses:>11}{confirmed:>11}"
