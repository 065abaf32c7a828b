"""`python -m benchmarks [name …]`: the tables. Without a name: door, idle, latency, editing, agreement, judging, judge,
planted, replay, rota, shadow, writes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks import (
    agreement,
    assign,
    checking,
    crashes,
    door,
    editing,
    everywhere,
    faults,
    hostile,
    idle,
    imports,
    judge,
    judging,
    latency,
    million,
    notify,
    patterns,
    planted,
    promises,
    queueing,
    reads,
    replay,
    reports,
    rota,
    shadow,
    soak,
    stories,
    surge,
    tampering,
    upgrades,
    walk,
    workers,
    writeback,
    writes,
)
from benchmarks.service import machine
from tsbridge.__main__ import spare_the_collector

BOTH = ("SQLite", "PostgreSQL")
USUAL = ("door", "idle", "latency", "editing", "agreement", "judging", "judge", "planted", "replay", "rota", "shadow", "writes")
PROOFS = {
    "outage": (writeback.run_outage, 5_000),
    "races": (writeback.run_races, 1_000),
    "rest": (writeback.run_rest, 1_000),
    "truth": (writeback.run_truth, 500),
    "drift": (writeback.run_drift, 10_000),
    "parts": (promises.run_parts, 1_000),
    "week": (promises.run_week, 1_000),
    "republish": (promises.run_republish, 1_000),
    "pairs": (promises.run_pairs, 200),
    "words": (promises.run_words, 10_000),
    "storm": (reads.run_storm, 5_000),
    "slow": (reads.run_slow, 30),
    "tampering": (tampering.run, 1_000),
    "chain": (tampering.run_chain, tampering.ENTRIES),
}
"""Long proofs, with how many tickets or worlds each takes."""


def asked_for(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast and how small the bridge is, on this machine.")
    others = (
        "assign",
        "checking",
        "crashes",
        "everywhere",
        "faults",
        "hostile",
        "imports",
        "million",
        "notify",
        "patterns",
        "queueing",
        "reports",
        "soak",
        "stories",
        "surge",
        "upgrades",
        "walk",
        "workers",
    )
    known = sorted({*USUAL, *others, *PROOFS})
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(known)}; default: {', '.join(USUAL)}")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the requests to send, for a quick look")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long to soak")
    parser.add_argument("--books", type=int, default=50, help="healthy rulebooks to plant defects into")
    parser.add_argument("--pairs", type=int, default=100_000, help="how many pairs of rulebook and moment to compare")
    parser.add_argument("--n", type=int, help="how many tickets, worlds or days a long proof takes")
    parser.add_argument("--before", default=walk.BEFORE, metavar="COMMIT", help="the build that the walk is held against")
    parser.add_argument("--rounds", type=int, default=walk.ROUNDS, help="how often builds are held against each other")
    parser.add_argument("--on", action="append", choices=BOTH, help="of these databases alone")
    parser.add_argument("--seed", type=int, action="append", help="a seed; for planting several may be given")
    asked = parser.parse_args(arguments)
    if unknown := sorted({*asked.names} - {*known}):
        parser.error(f"there is no benchmark called {unknown[0]}")
    asked.names = asked.names or USUAL
    return asked


def main() -> int:
    asked = asked_for()
    spare_the_collector()  # as the service does
    print(f"{machine()}\n")
    good = True
    for name in asked.names:
        if name == "door":
            door.run(asked.scale)
        elif name == "idle":
            idle.run()
        elif name == "latency":
            good &= latency.run(max(10, int(30 * asked.scale)))
        elif name == "notify":
            good &= notify.run(max(10, int(100 * asked.scale)))
        elif name == "editing":
            good &= editing.run()
        elif name == "planted":
            for seed in asked.seed or [1, 2, 3]:
                good &= planted.report(asked.books, seed)
        elif name == "agreement":
            good &= agreement.run(asked.pairs, (asked.seed or [1_000])[0])
        elif name == "judging":
            good &= judging.run(asked.scale, (asked.seed or [31])[0])
        elif name == "judge":
            good &= judge.run(asked.scale, (asked.seed or [31])[0])
        elif name == "writes":
            good &= writes.run(asked.n or 1_000)
        elif name == "crashes":
            good &= crashes.run((asked.seed or [1])[0])
        elif name == "everywhere":
            good &= everywhere.run(asked.n or everywhere.COUNT, asked.on or BOTH)
        elif name == "faults":
            good &= faults.run(seed=(asked.seed or [1])[0])
        elif name == "checking":
            good &= checking.run(asked.n or checking.COUNT)
        elif name == "assign":
            good &= assign.run(asked.n or 30, tuple(asked.seed or (1, 2)))
        elif name == "million":
            good &= million.run(asked.n or 1_000_000, asked.on or BOTH)
        elif name == "imports":
            good &= imports.run(asked.n or 500, (asked.seed or [1])[0])
        elif name in PROOFS:
            proof, count = PROOFS[name]
            good &= proof(asked.n or count)
        elif name == "walk":
            good &= walk.run(asked.n or walk.COUNT, rounds=asked.rounds, before=asked.before, databases=asked.on or BOTH)
        elif name == "stories":
            good &= stories.run(asked.n or stories.LENGTH, databases=asked.on or BOTH)
        elif name == "workers":
            good &= workers.run(asked.n or workers.COUNT, rounds=asked.rounds, seed=(asked.seed or [1])[0])
        elif name == "surge":
            good &= surge.run(asked.n or surge.COUNT)
        elif name == "upgrades":
            good &= upgrades.run(asked.n)
        elif name == "rota":
            good &= rota.run(asked.scale, (asked.seed or [1])[0])
        elif name == "patterns":
            good &= patterns.run(asked.n or patterns.WEEKS_LONG)
        elif name == "reports":
            good &= reports.run(asked.n or reports.COUNT, asked.on or BOTH)
        elif name == "hostile":
            good &= hostile.run(asked.n or hostile.COUNT)
        elif name == "queueing":
            good &= queueing.run()
        elif name == "shadow":
            good &= shadow.run(asked.scale)
        elif name == "replay":
            good &= replay.run(asked.scale)
        else:
            good &= soak.run(asked.seconds)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
