"""Pattern finding over simulated weeks: what is found of bursts, within what time, and how many false alarms a month there are.

Series with a daily and a weekly shape, some by night; counts as Poisson's or scattering twice as far; public holidays on which each series
does something else, and a day behind them on which it catches up. Every hour is looked at by the same `core.rates` as in service.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, sqrt
from typing import Final

from tsbridge.core.rates import BUDGET, DAY, LENGTH, WEEK, WEEKS, Hours, Look, look, rate_of

MONDAY: Final = date(2026, 1, 5)
HOLIDAYS: Final = ("2026-01-19", "2026-02-16", "2026-05-25", "2026-06-19", "2026-07-03", "2026-09-07", "2026-10-12", "2026-11-11")
RATES: Final = (0.5, 1, 2, 4, 8, 15, 40)
"""What series have a day."""
STANDS: Final = DAY
"""An alarm that comes again within a day is the same."""
MONTH_WEEKS: Final = 30 / 7
WEEKS_LONG: Final = 26
BURSTS: Final = ((4, 5, 1, 0.85), (2, 5, 3, 0.95), (1, 5, 7, 0.95), (10, 3, 1, 0.6))
"""What is usual a day, times how much it becomes, for how many days, and how many are to be found at least."""


@dataclass(frozen=True, slots=True)
class World:
    """`counts`, `means`: by series and hour. `holidays`: days."""

    counts: Mapping[str, list[int]]
    means: Mapping[str, list[float]]
    holidays: frozenset[int]
    spread: float

    def seen(self, now: int, instead: Mapping[str, list[int]] | None = None) -> Look:
        """The look at the end of an hour."""
        window = slice(now - LENGTH + 1, now + 1)
        counts = {**self.counts, **(instead or {})}
        return look({key: its[window] for key, its in counts.items()}, Hours.of(now, 0, self.holidays), rate_of(BUDGET))


def made(seed: int, weeks: int, spread: float = 1.0, rates: Sequence[float] = RATES, series: int = 200) -> World:
    """Weeks in which nothing happens, behind the eight that say what is usual."""
    chance = random.Random(seed)  # noqa: S311  # a simulation
    holidays = frozenset((date.fromisoformat(day) - MONDAY).days for day in HOLIDAYS)
    counts, means = {}, {}
    for number in range(series):
        a_day, week = rates[number % len(rates)], _shape(chance)
        odd = {day + 1: chance.uniform(0.8, 1.8) for day in sorted(holidays)}
        odd |= {day: chance.uniform(0.2, 2.2) for day in sorted(holidays)}
        hours = range((WEEKS + weeks) * WEEK)
        key = f"{a_day} a day, {number}"
        means[key] = [a_day / DAY * week[hour % WEEK] * odd.get(hour // DAY, 1.0) for hour in hours]
        counts[key] = [drawn(chance, mean, spread) for mean in means[key]]
    return World(counts, means, holidays, spread)


def drawn(chance: random.Random, mean: float, spread: float) -> int:
    """A count: Poisson's, or negative binomial with a variance of `spread` times the mean."""
    if mean <= 0:
        return 0
    if spread > 1:
        mean = chance.gammavariate(mean / (spread - 1), spread - 1)
    floor, count, at = exp(-mean), 0, chance.random()
    while at > floor:
        count += 1
        at *= chance.random()
    return count


def false_alarms(world: World, hours: Iterable[int]) -> list[tuple[str, int, int]]:
    """Alarms where nothing happens: series, hour, days of the window."""
    last: dict[str, int] = {}
    alarms = []
    for now in hours:
        for one in world.seen(now).unusual:
            if now - last.get(one.key, -LENGTH) > STANDS:
                alarms.append((one.key, now, one.days))
            last[one.key] = now
    return alarms


def is_found(world: World, chance: random.Random, key: str, start: int, times: float, days: int) -> bool:
    """Whether a burst that begins at this hour is found within its days, by the look at the end of any hour of them."""
    counts = list(world.counts[key])
    end = start + days * DAY
    for hour in range(start, end):
        counts[hour] += drawn(chance, (times - 1) * world.means[key][hour], world.spread)
    return any(any(one.key == key for one in world.seen(now, {key: counts}).unusual) for now in range(end - 1, start, -1))


def interval(found: int, tries: int) -> tuple[float, float]:
    """Within what the true part lies, 95 % sure (Wilson 1927)."""
    part, z = found / tries, 1.96
    middle, wide = part + z * z / (2 * tries), z * sqrt(part * (1 - part) / tries + z * z / (4 * tries * tries))
    return (middle - wide) / (1 + z * z / tries), (middle + wide) / (1 + z * z / tries)


def run(weeks: int = WEEKS_LONG, tries: int = 1_000, seed: int = 1) -> bool:
    """The tables; whether what is promised holds."""
    good = True
    print("| false alarms | weeks x series | a month |\n| --- | --- | --- |")
    for spread in (1.0, 2.0):
        world = made(seed, weeks, spread)
        alarms = len(false_alarms(world, range(LENGTH - 1, (WEEKS + weeks) * WEEK))) / weeks * MONTH_WEEKS
        good &= alarms <= 1
        print(f"| variance {spread:g} x mean, holidays among it | {weeks} x {len(world.counts)} | {alarms:.2f} |", flush=True)
    print("\n| bursts, begun at any hour | within | found | 95 % sure between |\n| --- | --- | --- | --- |")
    chance = random.Random(seed)  # noqa: S311
    for a_day, times, days, least in BURSTS:
        world = made(seed + a_day, weeks, 1.0, (*RATES, 10))
        keys = [key for key in world.counts if key.startswith(f"{a_day} a day")]
        last = (WEEKS + weeks) * WEEK - days * DAY
        starts = [(chance.choice(keys), chance.randrange(LENGTH, last)) for _ in range(tries)]
        found = sum(is_found(world, chance, key, start, times, days) for key, start in starts)
        good &= found >= least * tries
        low, high = interval(found, tries)
        print(
            f"| x{times} at {a_day} a day | {days} d | {100 * found / tries:.1f} % | {100 * low:.1f} and {100 * high:.1f} % |", flush=True
        )
    return good


def _shape(chance: random.Random) -> list[float]:
    """How the hours of a week differ, on average 1: a hump by day (or by night), and another level at weekends."""
    peak, depth, weekend = chance.choice((10, 13, 15, 19, 2)), chance.uniform(0.05, 0.5), chance.uniform(0.5, 1.4)
    day = [depth + max(0.0, 1 - (min((hour - peak) % 24, (peak - hour) % 24) / 7) ** 2) for hour in range(DAY)]
    week = [height * (weekend if place >= 5 else 1.0) for place in range(7) for height in day]
    level = sum(week) / WEEK
    return [one / level for one in week]
