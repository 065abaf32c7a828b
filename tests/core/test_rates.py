"""What is unusual among series of counts: bursts are found, and what series do by themselves is not.

The whole of it, over half a year, is `python -m benchmarks patterns`; here are small worlds of the same kind.
"""

from __future__ import annotations

import random
from functools import cache

from benchmarks.patterns import World, false_alarms, interval, is_found, made
from tsbridge.core.rates import BUDGET, DAY, LENGTH, WEEK, Hours, look, power, rate_of

RATE = rate_of(BUDGET)
SERIES = 21


@cache
def quiet(spread: float = 1.0) -> World:
    return made(8, 3, spread, series=SERIES)


def steady(counts: int = 1, hours: int = LENGTH) -> list[int]:
    """So many every third hour."""
    return [counts if hour % 3 == 0 else 0 for hour in range(hours)]


def test_nothing_is_found_where_nothing_happens_also_where_counts_scatter_twice_as_far() -> None:
    hours = range(LENGTH, LENGTH + 2 * WEEK, 17)
    assert false_alarms(quiet(1.0), hours) == []
    assert false_alarms(quiet(2.0), hours) == []


def test_five_times_as_much_is_found() -> None:
    world, chance = quiet(), random.Random(3)  # noqa: S311
    key = next(key for key in world.counts if key.startswith("8 a day"))
    assert all(is_found(world, chance, key, LENGTH + start, 5, 1) for start in (30, 200))


def test_a_holiday_is_no_burst_and_does_not_say_what_is_usual() -> None:
    usual = steady(4)
    busy = [*usual[:-DAY], *(3 * count for count in usual[-DAY:])]
    assert [one.key for one in look({"busy": busy}, Hours.of(LENGTH - 1, 0, ()), RATE).unusual] == ["busy"]
    today = (LENGTH - 1) // DAY
    assert look({"busy": busy}, Hours.of(LENGTH - 1, 0, (today,)), RATE).unusual == ()
    catching_up = [*usual[:-DAY], *(2 * count for count in usual[-DAY:])]
    assert look({"busy": catching_up}, Hours.of(LENGTH - 1, 0, ()), RATE).unusual
    assert look({"busy": catching_up}, Hours.of(LENGTH - 1, 0, (today - 1,)), RATE).unusual == ()
    assert look({"busy": busy}, Hours.of(LENGTH - 1, 0, (today - 1,)), RATE).unusual  # on the day behind less is usual than on it
    last_week = [0 if hour // DAY == today - 7 else count for hour, count in enumerate(usual)]
    for holidays in ((), (today - 7,)):
        found = look({"all": last_week[:-DAY] + [5 * count for count in usual[-DAY:]]}, Hours.of(LENGTH - 1, 0, holidays), RATE)
        assert len(found.unusual) == 1


def test_a_weekday_of_its_own_is_usual_every_week() -> None:
    mondays = [9 if hour // DAY % 7 == 0 and 8 <= hour % DAY < 18 else 1 if hour % 6 == 0 else 0 for hour in range(LENGTH + WEEK)]
    others = {f"series {number}": steady(hours=LENGTH + WEEK) for number in range(20)}
    for now in range(LENGTH - 1, LENGTH + WEEK, 5):
        window = slice(now - LENGTH + 1, now + 1)
        series = {key: counts[window] for key, counts in {**others, "mondays": mondays}.items()}
        assert look(series, Hours.of(now, 0, ()), RATE).unusual == ()


def test_much_less_is_news_only_of_what_it_is_asked_of() -> None:
    stopped = {name: [*steady(2)[: -3 * DAY], *[0] * (3 * DAY)] for name in ("rule", "channel")}
    found = look(stopped, Hours.of(LENGTH - 1, 0, ()), RATE, both=("rule",)).unusual
    assert [(one.key, one.more, one.count) for one in found] == [("rule", False, 0)]
    today = (LENGTH - 1) // DAY
    assert look(stopped, Hours.of(LENGTH - 1, 0, range(today - 3, today + 1)), RATE, both=("rule",)).unusual == ()


def test_nothing_is_said_before_four_weeks_are_known() -> None:
    series = {"new": [*[0] * (LENGTH - DAY), *[3] * DAY]}
    since = LENGTH - DAY - 5 * WEEK
    assert len(look(series, Hours.of(LENGTH - 1, since, ()), RATE).unusual) == 1
    assert look(series, Hours.of(LENGTH - 1, since + 2 * WEEK, ()), RATE).unusual == ()


def test_a_handful_is_never_worth_a_word() -> None:
    series = {"rare": [*[0] * (LENGTH - 1), 4]}
    assert look(series, Hours.of(LENGTH - 1, 0, ()), RATE).unusual == ()


def test_how_far_counts_scatter_is_seen_of_rare_ones_as_well() -> None:
    for spread in (1.0, 2.0):
        world = made(4, 2, spread, rates=(0.5, 1), series=120)
        seen = [world.seen(LENGTH + hour).spread for hour in range(0, WEEK, 40)]
        assert abs(sum(seen) / len(seen) - spread) < 0.1


def test_series_that_burst_for_certain_or_never_take_little_of_the_budget() -> None:
    some = {f"{number}": steady(hours=LENGTH) for number in range(10)}
    often = {f"often {number}": steady(20, LENGTH) for number in range(50)}
    never = {f"never {number}": [0] * LENGTH for number in range(50)}
    hours = Hours.of(LENGTH - 1, 0, ())
    alone, beside = look(some, hours, RATE), look({**some, **often, **never}, hours, RATE)
    assert beside.tested == 11 * alone.tested
    assert beside.chance < alone.chance < 2.5 * beside.chance


def test_what_is_found_does_not_depend_on_the_order_of_series() -> None:
    world = quiet()
    burst = {
        key: [*counts[: LENGTH - DAY], *(count + 3 for count in counts[LENGTH - DAY : LENGTH])] for key, counts in world.counts.items()
    }
    hours = Hours.of(LENGTH - 1, 0, world.holidays)
    forwards, backwards = look(burst, hours, RATE), look(dict(reversed(burst.items())), hours, RATE)
    assert forwards.unusual
    assert [(one.key, one.days, one.count) for one in forwards.unusual] == [(one.key, one.days, one.count) for one in backwards.unusual]


def test_the_power_that_is_told_is_the_one_that_is_had() -> None:
    world, chance = quiet(), random.Random(5)  # noqa: S311
    seen = world.seen(LENGTH + WEEK)
    told = [power(seen, 4, 1, times).found for times in (2, 3, 5, 8)]
    assert told == sorted(told)
    assert told[0] < 0.2 < 0.8 < told[2] < told[3]
    keys = [key for key in world.counts if key.startswith("4 a day")]
    found = [is_found(world, chance, chance.choice(keys), LENGTH + 24 * number, 5, 1) for number in range(10)]
    assert abs(sum(found) / len(found) - told[2]) < 0.35


def test_how_sure_a_part_is() -> None:
    low, high = interval(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert interval(10, 10)[1] == 1.0
