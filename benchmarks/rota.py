"""What a question about people and their time costs: who is on call and why, a quarter's holes, working time. CPU, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from tsbridge.core.calendar import Calendar
from tsbridge.core.coverage import holes
from tsbridge.core.roster import Agent, Away, Cover, Override, Roster, Rotation, Shift
from tsbridge.core.rota import Rota

BERLIN: Final = ZoneInfo("Europe/Berlin")
YEAR: Final = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUEUES: Final = tuple(f"queue{n}" for n in range(10))
STARTS: Final = (0, 8, 16, 6, 14, 22)
"""Hours at which the shifts begin, eight hours each."""
QUESTIONS: Final = 500
Desk = tuple[Roster, list[Override], list[Away]]
AIMS: Final = {"on call": 0.020, "holes": 1.0, "working time": 10.0}
"""Seconds: the slowest answer, ninety days, a million questions."""


def run(scale: float = 1.0, seed: int = 1) -> bool:
    """Print the table; whether the aims are met."""
    print("People: CPU on one core; 10 queues x 4 severities, 10 rotations, 6 shifts (3 keep holidays), a year of time off and overrides;")
    print("in the last row 100 shifts of weekdays and 100 daily rotations, and every night a hole\n")
    print(f"{'':<34}{'on call, median':>17}{'slowest':>10}{'first one':>11}{'next change':>13}{'duties, 90 d':>14}{'holes, 90 d':>13}")
    holidays = _took(lambda: _office().day(YEAR.date()))
    asked, days, good = max(20, int(QUESTIONS * scale)), max(2, int(90 * scale)), True
    for agents in (10, 100):
        for starts in (date(2026, 1, 1), date(1996, 1, 1)):
            good &= _people(f"{agents} agents, rota since {starts.year}", _desk(Random(seed), agents, starts), seed, asked, days)  # noqa: S311
    good &= _people("100 agents, shifts, daily rotations", _full(Random(seed)), seed, asked, days)  # noqa: S311
    print(f"\nonce a process, the holidays of a country: {holidays * 1_000:.0f} ms")
    good &= _working_time(max(1_000, int(1_000_000 * scale)), seed)
    print(
        f"\naims: on call {AIMS['on call'] * 1_000:.0f} ms, holes {AIMS['holes']:.0f} s, a million questions {AIMS['working time']:.0f} s\n"
    )
    return good


def _people(label: str, desk: Desk, seed: int, questions: int, days: int) -> bool:
    dice = Random(seed)  # noqa: S311
    roster, overrides, away = desk

    def made() -> Rota:
        return Rota(roster, overrides, away, {"office": _office()})

    at = [YEAR + dice.randrange(365 * 24 * 60) * timedelta(minutes=1) for _ in range(questions)]
    first = _took(lambda: made().on_call(at[0], "queue1", 3))
    rota = made()
    each = sorted(_took(lambda one=one: rota.on_call(one, dice.choice(QUEUES), dice.randint(1, 4))) for one in at)
    change = _took(lambda: [rota.next_change(one) for one in at[:20]]) / 20
    duties = _took(lambda: made().duties(at[0], at[0] + days * DAY))
    uncovered = _took(lambda: holes(made(), QUEUES, (1, 2, 3, 4), at[0], at[0] + days * DAY))
    print(
        f"{label:<34}{each[len(each) // 2] * 1_000:>14.2f} ms{each[-1] * 1_000:>7.1f} ms{first * 1_000:>8.1f} ms"
        f"{change * 1_000:>10.2f} ms{duties:>12.2f} s{uncovered:>11.2f} s"
    )
    return max(each[-1], first) < AIMS["on call"] and uncovered < AIMS["holes"]


def _desk(dice: Random, count: int, starts: date) -> Desk:
    keys = [f"agent{n}" for n in range(count)]
    agents = tuple(Agent(key, key, BERLIN, queues=tuple(dice.sample(QUEUES, 3))) for key in keys)
    shifts = tuple(
        Shift(
            f"shift{n}", tuple(range(7)), ((hour * 60, (hour + 8) * 60),), tuple(keys[n::6]), BERLIN, calendar="office" if n % 2 else None
        )
        for n, hour in enumerate(STARTS)
    )
    rotations = tuple(
        Rotation(f"lead{n}", tuple(dice.sample(keys, 8)), starts, 9 * 60, BERLIN, days=7 if n % 2 else 1) for n in range(len(QUEUES))
    )
    cover = tuple(
        line
        for n, queue in enumerate(QUEUES)
        for line in (
            Cover(queue, (1, 2), f"lead{n}", ("agent0",)),
            Cover(queue, (3,), f"shift{n % 6}"),
            Cover(queue, (4,), f"shift{(n + 1) % 6}"),
        )
    )
    return Roster(BERLIN, agents, shifts=shifts, rotations=rotations, cover=cover), *_changes(dice, keys, rotations)


def _full(dice: Random) -> Desk:
    """As much of everything as a big desk has: each line names a shift of weekdays, so that every night is a hole."""
    keys = [f"agent{n:03}" for n in range(100)]
    agents = tuple(Agent(key, key, BERLIN, queues=tuple(dice.sample(QUEUES, 3))) for key in keys)
    shifts = tuple(
        Shift(f"shift{n:03}", (0, 1, 2, 3, 4), ((9 * 60, 17 * 60),), tuple(dice.sample(keys, 2)), BERLIN, calendar="office")
        for n in range(100)
    )
    rotations = tuple(Rotation(f"lead{n:03}", tuple(dice.sample(keys, 5)), date(2026, 1, 1), 9 * 60, BERLIN, days=1) for n in range(100))
    cover = tuple(Cover(queue, None, f"shift{n:03}") for n, queue in enumerate(QUEUES))
    return Roster(BERLIN, agents, shifts=shifts, rotations=rotations, cover=cover), *_changes(dice, keys, rotations)


def _changes(dice: Random, keys: Sequence[str], rotations: Sequence[Rotation]) -> tuple[list[Override], list[Away]]:
    """A year of time off, absences of hours and swaps."""
    overrides: list[Override] = []
    away: list[Away] = []
    for key in keys:
        starts_of_leave = [YEAR + dice.randrange(365 * 24) * HOUR for _ in range(5)]
        away += [Away(key, start, start + dice.randint(1, 9) * DAY, "leave") for start in starts_of_leave]
        start = YEAR + dice.randrange(365 * 24) * HOUR
        overrides.append(Override(f"off {key}", "off", key, start, start + 9 * HOUR, "dentist"))
        start = YEAR + dice.randrange(365 * 24) * HOUR
        lead = dice.choice(rotations).key
        overrides.append(Override(f"on call {key}", "oncall", key, start, start + DAY, "swap", rotation=lead))
    return overrides, away


def _office() -> Calendar:
    week = (((9 * 60, 17 * 60),),) * 5 + ((),) * 2
    return Calendar("office", BERLIN, week, yearly={(12, 24): ((9 * 60, 13 * 60),)}, country="DE", subdivision="BY")


def _working_time(questions: int, seed: int) -> bool:
    """A third each: how much of a time was open, when an open time has passed, whether it is open; over two years."""
    dice = Random(seed)  # noqa: S311
    calendar = _office()
    asked = [
        (YEAR + dice.randrange(2 * 365 * 86_400) * timedelta(seconds=1), dice.randrange(30 * 24) * HOUR) for _ in range(questions // 3)
    ]

    def ask() -> None:
        for at, length in asked:
            calendar.open_between(at, at + length)
            calendar.after(at, length / 4)
            calendar.is_open(at)

    took = _took(ask)
    print(f"{3 * len(asked):,} questions of working time: {took:.2f} s, {took / len(asked) / 3 * 1e6:.1f} us each")
    return took / len(asked) / 3 * 1_000_000 < AIMS["working time"]


def _took(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
