"""Lives worlds and judges them.

python -m tests.world --seeds 2000          so many of them, from --first on
python -m tests.world --processes 3         each with so many processes at once, on a real PostgreSQL
python -m tests.world --seed 34             one, with its whole history
python -m tests.world --mutants             every planted mutant, until a seed catches it
"""

# ruff: noqa: T201  # what it says is for people
from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests import databases
from tests.world import mutants
from tests.world.history import History
from tests.world.laws import LAWS, Broken, judge
from tests.world.play import folder, whole
from tests.world.traits import traits
from tests.world.virtual import Spinning

Lives = Callable[..., tuple[History, History | None]]

WIDTH = 30
SHOWN = 5


def main(arguments: Sequence[str]) -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.world")
    asked.add_argument("--seeds", type=int, default=100, help="how many worlds")
    asked.add_argument("--first", type=int, default=1, help="the first seed")
    asked.add_argument("--seed", type=int, help="one world alone, with its history")
    asked.add_argument("--processes", type=int, default=1, help="so many in each world; several of them on PostgreSQL")
    asked.add_argument("--mutants", nargs="*", help="plant each mutant, or those named, until a seed catches it")
    asked.add_argument("--within", type=int, default=200, help="so many seeds to catch a mutant in")
    told = asked.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    os.nice(10)
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # a world makes much and keeps all of it to its end
    if told.mutants is not None:
        return hunt(told.mutants or list(mutants.ALL), told.within)
    with server(told.processes) as postgres:
        lives = partial(whole, postgres=postgres, processes=told.processes)
        return one(told.seed, lives) if told.seed is not None else many(told.first, told.seeds, lives)


@contextmanager
def server(processes: int) -> Iterator[databases.Postgres | None]:
    """A PostgreSQL of its own where several processes need one."""
    if processes == 1:
        yield None
        return
    databases.begin_run()
    try:
        postgres = databases.Postgres()
        try:
            yield postgres
        finally:
            postgres.close()
    finally:
        databases.end_run()


def found(seed: int, made: Path, lives: Lives = whole) -> list[Broken]:
    """What breaks a law in the world of a seed."""
    try:
        history, calm = lives(seed, made)
    except Spinning:
        return [Broken("bounded", "somebody goes round and round, and no time passes")]
    return judge(history.entries(), None if calm is None else calm.entries())


def many(first: int, count: int, lives: Lives) -> int:
    broken: Counter[str] = Counter()
    failed: list[int] = []
    begun, spent = time.monotonic(), time.process_time()
    with folder() as made:
        for done, seed in enumerate(range(first, first + count), 1):
            try:
                here = found(seed, made, lives)
            except Exception as failure:
                here = [Broken("lives", f"{type(failure).__name__}: {failure}")]
            if here:
                failed.append(seed)
                broken.update({law for law, _ in here})
                _clear()
                print(f"seed {seed}: {len(here)} broken")
                for law, says in here[:SHOWN]:
                    print(f"   {law}: {says[:300]}")
            _bar(done, count, len(failed), begun)
    _clear()
    cpu = (time.process_time() - spent) / max(1, count)
    print(f"{count} worlds from seed {first} on, {len(failed)} with a law broken; {cpu:.2f} s of CPU each")
    for law in (*LAWS, "ordered", "lives"):
        print(f"  {law:<12} {'holds' if not broken[law] else f'broken in {broken[law]} worlds'}")
    if failed:
        print(f"failed: {' '.join(map(str, failed))}")
    return 1 if failed else 0


def one(seed: int, lives: Lives) -> int:
    with folder() as made:
        history, calm = lives(seed, made)
        for line in history.bytes().decode().splitlines():
            print(line[:2_000])
        broken = judge(history.entries(), None if calm is None else calm.entries())
    print(traits(seed))
    for law, says in broken:
        print(f"{law}: {says}")
    print(f"seed {seed}: {history.digest()}, {len(broken)} broken")
    return 1 if broken else 0


def hunt(names: Sequence[str], within: int) -> int:
    """A mutant is caught by the first seed that breaks a law with it and breaks none without."""
    escaped = 0
    print(f"{'law':<12} {'mutant':<34} caught by")
    with folder() as made:
        sound: dict[int, bool] = {}
        for name in names:
            mutant = mutants.ALL[name]
            caught = None
            for seed in mutants.order(within, mutant.scene):
                if seed not in sound:
                    sound[seed] = not found(seed, made)
                if not sound[seed]:
                    continue
                with mutant.planted():
                    try:
                        here = found(seed, made)
                    except Exception as failure:  # a world that cannot be lived shows it as well
                        here = [Broken("lives", type(failure).__name__)]
                if here:
                    caught = seed, sorted({law for law, _ in here})
                    break
            escaped += caught is None
            said = "NONE" if caught is None else f"seed {caught[0]}: {', '.join(caught[1])}"
            print(f"{mutant.law:<12} {name:<34} {said}", flush=True)
    print(f"{len(names)} mutants, {escaped} of them not caught within {within} seeds")
    return 1 if escaped else 0


def _bar(done: int, count: int, failed: int, begun: float) -> None:
    if sys.stdout.isatty() or done % 100 == 0:
        full = WIDTH * done // count
        each = (time.monotonic() - begun) / done
        left = f"{each * (count - done) / 60:.0f} min left"
        end = "" if sys.stdout.isatty() else "\n"
        print(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {done}/{count}, {failed} failed, {left} ", end=end, flush=True)


def _clear() -> None:
    if sys.stdout.isatty():
        print("\r\033[K", end="")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
