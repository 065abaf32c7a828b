"""`python -m benchmarks [door|editing|idle|latency|planted|replay|soak]`: the tables. Without a name: door, idle, latency, editing."""

from __future__ import annotations

import argparse
import sys

from benchmarks import door, editing, idle, latency, planted, replay, soak
from benchmarks.service import machine


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast and how small the bridge is, on this machine.")
    known = ["door", "editing", "idle", "latency", "planted", "replay", "soak"]
    parser.add_argument("names", nargs="*", choices=known, help="default: door, idle, latency, editing")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the requests to send, for a quick look")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long to soak")
    parser.add_argument("--books", type=int, default=50, help="healthy rulebooks to plant defects into")
    parser.add_argument("--seed", type=int, action="append", help="seed of the planting; may be given several times")
    asked = parser.parse_args()
    names = asked.names or ["door", "idle", "latency", "editing"]
    print(f"{machine()}\n")
    good = True
    for name in names:
        if name == "door":
            door.run(asked.scale)
        elif name == "idle":
            idle.run()
        elif name == "latency":
            good &= latency.run(max(10, int(30 * asked.scale)))
        elif name == "editing":
            good &= editing.run()
        elif name == "planted":
            for seed in asked.seed or [1, 2, 3]:
                good &= planted.report(asked.books, seed)
        elif name == "replay":
            good &= replay.run(asked.scale)
        else:
            good &= soak.run(asked.seconds)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
