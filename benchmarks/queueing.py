"""How deliveries queue: a small simulation of workers on cores, held against what was measured (`benchmarks/RESULTS.md`).

A worker takes up to fifty deliveries, computes, waits for its commits, takes the next. Whoever computes shares the cores with the others.
Three figures are taken from measurements (what a delivery costs, what it costs more beside other workers, how many commits a batch waits
for); whatever else it says is told beforehand and compared with what was measured.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final, NamedTuple

BATCH: Final = 50
NEAR: Final = 0.1
"""How far what is told may be from what was measured."""

DELIVERY_MS: Final = 3.14
"""CPU of one delivery on PostgreSQL, the server's part in it: one worker settles 317 a second where a commit takes 0.2 ms."""
CROWDED: Final = 1.27
"""So much more of it where others work as well: two workers settle 502 a second, not 634."""
COMMITS: Final = 1.65
"""Waits for the disk of one batch: one worker settles 260 a second where a commit takes 21.5 ms."""
SQLITE_MS: Final = 1.82
DOOR_MS: Final = 0.27
"""CPU of one delivery in the one process on SQLite: judging it, and hearing it."""


@dataclass(frozen=True, slots=True)
class House:
    """`delivery_ms`: CPU of one delivery; `crowded`: by how much more where others work at the time."""

    workers: int
    cores: int
    commit_ms: float
    delivery_ms: float = DELIVERY_MS
    crowded: float = CROWDED
    commits: float = COMMITS


class Told(NamedTuple):
    """`per_s`: settled a second over the whole time; `after_s`: the last is settled so long after it came; waits from coming to settled."""

    per_s: float
    after_s: float
    p50_s: float
    p99_s: float


@dataclass(slots=True)
class _Worker:
    batch: list[float]
    left_s: float = 0.0
    until: float | None = None  # the end of its commits; None: it computes, or rests where it has no batch


def told(house: House, arrivals: list[float]) -> Told:
    """Settle deliveries that come at these times (seconds, sorted)."""
    workers = [_Worker([]) for _ in range(house.workers)]
    waits: list[float] = []
    now, taken = 0.0, 0
    while len(waits) < len(arrivals):
        for one in workers:
            if not one.batch:
                batch = arrivals[taken : taken + BATCH]
                batch = [at for at in batch if at <= now]
                if batch:
                    taken += len(batch)
                    beside = any(other.batch for other in workers if other is not one) or (house.workers > 1 and taken < len(arrivals))
                    one.batch = batch
                    one.left_s = len(batch) * house.delivery_ms / 1000 * (house.crowded if beside and house.workers > 1 else 1.0)
        computing = [one for one in workers if one.batch and one.until is None]
        rate = min(1.0, house.cores / len(computing)) if computing else 1.0
        ends = [now + one.left_s / rate for one in computing] + [one.until for one in workers if one.until is not None]
        idle = any(not one.batch for one in workers)
        if idle and taken < len(arrivals):
            ends.append(max(now, arrivals[taken]))
        then = min(ends)
        for one in computing:
            one.left_s -= (then - now) * rate
            if one.left_s <= 1e-12:
                one.until = then + house.commits * house.commit_ms / 1000
        now = then
        for one in workers:
            if one.until is not None and one.until <= now:
                waits += [now - at for at in one.batch]
                one.batch, one.until = [], None
    waits.sort()
    return Told(len(arrivals) / now, now - arrivals[-1], waits[len(waits) // 2], waits[min(len(waits) - 1, len(waits) * 99 // 100)])


def waiting(count: int) -> list[float]:
    """All of them wait already."""
    return [0.0] * count


def coming(count: int, per_s: float, seed: int) -> list[float]:
    """They come by chance, at this pace."""
    chance = random.Random(seed)  # noqa: S311  # the same storm in every run
    now, found = 0.0, []
    for _ in range(count):
        now += chance.expovariate(per_s)
        found.append(now)
    return found


def drained(tickets: int, per_minute: int) -> float:
    """Minutes until as many tickets are written as waited, where a quarter of a minute's worth may go at once."""
    tokens, now = per_minute / 4, 0.0
    for _ in range(tickets):
        if tokens < 1:
            now += (1 - tokens) / per_minute
            tokens = 1.0
        tokens -= 1
    return now


class Point(NamedTuple):
    """What was measured, and what the simulation says. `given`: it was set by this one."""

    what: str
    measured: float
    told: float
    given: bool


ONE_PROCESS: Final = House(1, 1, 0.2, SQLITE_MS + DOOR_MS, 1.0, 1.0)


def points() -> list[Point]:
    """Whatever was measured that it can say something about."""
    many = waiting(3_000)
    surge = told(ONE_PROCESS, coming(5_000, 250.0, 5))
    return [
        Point("one worker, a commit takes 0.2 ms: a second", 317, told(House(1, 2, 0.2), many).per_s, True),
        Point("two workers, 0.2 ms", 502, told(House(2, 2, 0.2), many).per_s, True),
        Point("one worker, 21.5 ms", 260, told(House(1, 2, 21.5), many).per_s, True),
        Point("four workers, 21.5 ms", 500, told(House(4, 2, 21.5), many).per_s, False),
        Point("a surge of 5,000 in 20 s on SQLite: seconds until the last is decided, at most", 0.1, surge.after_s, False),
        Point(
            "5,000 tickets written after 48 h of outage at 60 a minute: of the permitted time",
            1.0,
            drained(5_000, 60) / (5_000 / 60),
            False,
        ),
    ]


def holds(point: Point) -> bool:
    """Near enough; what was measured as a bound is not passed."""
    return point.told <= point.measured if "at most" in point.what else abs(point.told / point.measured - 1) <= NEAR


PACES: Final = (1, 12, 50, 125, 250, 375, 450)


def sizes() -> list[tuple[int, Told, Told, Told]]:
    """By pace: one process on SQLite; two and four workers on PostgreSQL, on as many cores, where a commit takes 5 ms."""
    return [
        (
            pace,
            told(ONE_PROCESS, coming(3_000, pace, 7)),
            told(House(2, 2, 5.0), coming(3_000, pace, 7)),
            told(House(4, 4, 5.0), coming(3_000, pace, 7)),
        )
        for pace in PACES
    ]


def run() -> bool:
    """Print both tables; True when what is told is near what was measured."""
    found = points()
    print(f"{'':<84}{'measured':>10}{'told':>10}")
    for point in found:
        remark = ("" if holds(point) else "  missed") + ("  (given)" if point.given else "")
        print(f"{point.what:<84}{point.measured:>10.2f}{point.told:>10.2f}{remark}")
    print(f"\n{'a second':>9}{'SQLite p99':>14}{'2 workers p99':>15}{'4 workers p99':>15}")
    for pace, sqlite, two, four in sizes():
        print(f"{pace:>9}{sqlite.p99_s * 1000:>11.0f} ms{two.p99_s * 1000:>12.0f} ms{four.p99_s * 1000:>12.0f} ms")
    return all(holds(point) for point in found)
