"""What happens more or less often than usual: series of counts by the hour, each against the same hours of the eight weeks before.

Every look tests every series in windows of a day, three days and a week, all of them against one budget of false alarms. How far counts
scatter by themselves is estimated of each series and drawn towards what all of them do. A holiday and the day behind it are held aside
where the usual is worked out, and up to three times the usual counts as usual on the first, up to twice on the second.

Hours are those of the wall clock, counted from some Monday's midnight, so that the same hour of another week is 168 away, whatever the
clocks did in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from operator import mul
from typing import Final

from tsbridge.core.tails import at_least, at_most, believed, exactly, smallest

DAY: Final = 24
WEEK: Final = 7 * DAY
WEEKS: Final = 8
PAST: Final = WEEKS * WEEK
LENGTH: Final = PAST + WEEK
"""Hours of a series: the eight weeks, and the one that is looked at."""
WINDOWS: Final = (1, 3, 7)
"""Days."""
FEWEST_WEEKS: Final = 4
"""Of fewer weeks nothing is said: what is usual is not known yet."""
HOLIDAY: Final = 3.0
"""On a holiday so many times the usual is usual …"""
CATCHES_UP: Final = 2.0
"""… and on the day behind it."""
SWAY: Final = 0.05
"""A level moves by itself by so much of it: seasons, growth. The larger a series the more this is than its scatter."""
UNSEEN: Final = 0.5
"""What counts as seen in eight weeks of what was not seen: never is not known of anything."""
SHARE: Final = {1: 1.0, 3: 0.3, 7: 0.15}
"""How the budget goes to the windows: the longer one has ways enough to be sure …"""
DECIDES: Final = 5.0
"""… and to series: what is more than so many in a window is seen to burst whatever the limit, of less than one no burst is large enough."""
LOOKS: Final = {1: 1.0, 3: 0.6, 7: 0.6}
"""How many looks that know nothing of each other a window makes, in those of a day's: the longer it is, the more alike it is to the one
an hour before (benchmarks.patterns)."""
TIMES: Final = 1.5
"""So many times the usual, or so much less than it, is worth a word; less is not, however sure it is."""
FEWEST: Final = 5
"""Nor are fewer than this."""
MONTH_D: Final = 30
OWN_WEEK: Final = 2.5
"""A series whose weekdays differ so many times more than by chance has a week of its own."""
KINDS: Final = ((0, 1, 2, 3, 4), (5, 6))
"""Days that are alike, unless they are not: working days, weekends."""
BUDGET: Final = 0.75
"""Of the one false alarm a month what goes to series …"""
BUDGET_OF_WORDS: Final = 0.25
"""… and to words."""
LOOKS_A_DAY: Final = 4.5
"""The looks of a day at a window of a day that glides come to so many that know nothing of each other (benchmarks.patterns)."""


@dataclass(frozen=True, slots=True)
class Hours:
    """What kind of hours a series has, the oldest first. `first`: its first hour. `ordinary`: which of the eight weeks say what is usual.
    `lift`: of the last week, what is usual then in times of the usual. `weeks`: of each hour of the week, how many weeks say so."""

    first: int
    ordinary: tuple[bool, ...]
    lift: tuple[float, ...]
    weeks: tuple[int, ...]
    plain: bool
    """All hours are ordinary."""

    @classmethod
    def of(cls, now: int, since: int, holidays: Collection[int]) -> Hours:
        """The hours up to `now` (included) of what was counted from the hour `since` on. `holidays`: days, counted like hours."""
        first = now - LENGTH + 1
        apart = {day for holiday in holidays for day in (holiday, holiday + 1)}
        ordinary = tuple(hour >= since and hour // DAY not in apart for hour in range(first, first + PAST))
        lifts = {day: HOLIDAY if day in holidays else CATCHES_UP for day in apart}
        lift = tuple(lifts.get(hour // DAY, 1.0) for hour in range(first + PAST, now + 1))
        weeks = tuple(sum(ordinary[hour::WEEK]) for hour in range(WEEK))
        return cls(first, ordinary, lift, weeks, all(ordinary) and max(lift) == 1.0)


@dataclass(frozen=True, slots=True)
class Unusual:
    """A series in its window that is least likely. `usual`: what was to be expected; `chance`: of so many (or so few) by
    chance, of just so many half (mid-p: counts go by steps, and a step that is reached is not as rare as the whole tail behind it)."""

    key: str
    days: int
    count: int
    usual: float
    chance: float

    @property
    def more(self) -> bool:
        return self.count > self.usual

    @property
    def weighed(self) -> float:
        """The chance, by how much of the budget goes to its test."""
        return self.chance / _share(self.days, self.usual)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look says. `tested`: how many tests it was; `spread`: what all series scatter like; `weeks`: how many weeks of a day of the
    week the usual is as good as; `chance`: up to which one alone is believed that has a whole share of the budget."""

    unusual: tuple[Unusual, ...]
    tested: int
    spread: float
    weeks: float
    chance: float


@dataclass(frozen=True, slots=True)
class Power:
    """How often `times` the usual is found at the end of so many `days`, by what is usual a day."""

    days: int
    times: int
    usual_a_day: float
    found: float


def _share(days: int, usual: float) -> float:
    """How much of the budget goes to a test (Genovese, Roeder and Wasserman 2006): it knows nothing of the count that is tested."""
    return SHARE[days] * min(1.0, usual, DECIDES / usual)


def rate_of(budget: float) -> float:
    """The rate of a look by which no more than this many false alarms a month are made of all looks."""
    return budget / (MONTH_D * LOOKS_A_DAY)


def look(series: Mapping[str, Sequence[int]], hours: Hours, rate: float, both: Collection[str] = ()) -> Look:
    """What is unusual at the end of these series (each of `LENGTH` hours), the least likely first. `both`: of which less is news, too."""
    pasts = {key: _past(counts, hours) for key, counts in series.items()}
    spreads, pooled = _spreads(pasts)
    varies = _varies(pasts.values(), pooled)
    chances: list[Unusual] = []
    tested, shares, known, windows = 0, 0.0, 0.0, 0
    for key, counts in series.items():
        for days, usual, weeks, quiet in _windows(pasts[key], hours, spreads[key], varies):
            tested, known, windows = tested + 1, known + 1 / weeks, windows + 1
            shares += LOOKS[days] * _share(days, usual)
            count = sum(counts[-days * DAY :])
            spread = spreads[key] * (1 + 1 / weeks) + SWAY * SWAY * usual
            if count >= max(FEWEST, TIMES * usual):
                chances.append(Unusual(key, days, count, usual, at_least(count, usual, spread) - exactly(count, usual, spread) / 2))
            if key in both:
                tested += 1
                shares += LOOKS[days] * _share(days, quiet) if quiet else 0.0
                if quiet >= FEWEST and count * TIMES <= quiet:
                    chances.append(Unusual(key, days, count, quiet, at_most(count, quiet, spread) - exactly(count, quiet, spread) / 2))
    limit = believed([one.weighed for one in chances], shares or 1.0, rate)
    least: dict[str, Unusual] = {}
    for one in sorted(chances, key=lambda one: (one.weighed, one.days, one.key)):
        if one.weighed <= limit:
            least.setdefault(one.key, one)
    return Look(tuple(least.values()), tested, pooled, windows / known if known else float(WEEKS), rate / (shares or 1.0))


def power(look: Look, usual_a_day: float, days: int, times: int) -> Power:
    """What can be promised by this look: of a burst among nothing else unusual, in one look at the end of the days."""
    usual = usual_a_day * days
    spread = look.spread * (1 + 1 / look.weeks) + SWAY * SWAY * usual
    needed = max(FEWEST, smallest(2 * look.chance * _share(days, usual), usual, spread))
    return Power(days, times, usual_a_day, at_least(needed, times * usual, look.spread))


@dataclass(frozen=True, slots=True)
class _Past:
    """The eight weeks of a series. `hours`: counted in each hour of the week, of ordinary weeks; `weekdays`: those of a day, and how many
    weeks say so, from Monday; `square`, `freedom`: how its days scatter around those of their weekday (chi square); `reach`: by how much
    the square grows with what the spread is above 1: less than by the freedom, as few cases show little of how they come."""

    hours: Sequence[int]
    weekdays: Sequence[tuple[int, int]]
    square: float
    freedom: int
    reach: float
    mean: float

    @property
    def spread(self) -> float:
        return 1 + (self.square - self.freedom) / self.reach

    def noise(self, spread: float) -> float:
        """How far the estimate of the spread itself scatters (variance) where counts scatter like `spread`."""
        peaked = (6 * (spread - 1) + 1 / spread) / self.mean
        return (spread * self.freedom / self.reach) ** 2 * (2 / self.freedom + peaked / (self.freedom + 7))

    def differing(self) -> tuple[float, int, float]:
        """How far weekdays of a kind are apart: chi square, its degrees of freedom, and by how much it grows as their levels differ."""
        square, freedom, grows = 0.0, 0, 0.0
        for kind in KINDS:
            there = [(total, weeks) for total, weeks in (self.weekdays[day] for day in kind) if weeks]
            level = sum(total for total, _ in there) / max(1, sum(weeks for _, weeks in there))
            if level:
                square += sum((total - weeks * level) ** 2 / (weeks * level) for total, weeks in there)
                freedom += len(there) - 1
                grows += (len(there) - 1) * level * sum(weeks for _, weeks in there) / len(there)
        return square, freedom, grows


def _past(counts: Sequence[int], hours: Hours) -> _Past:
    past = counts[:PAST] if hours.plain else list(map(_where, counts, hours.ordinary))
    sums = list(map(sum, zip(*(past[start : start + WEEK] for start in range(0, PAST, WEEK)), strict=True)))
    days = [sum(past[start : start + DAY]) for start in range(0, PAST, DAY)]
    square, freedom, alike = 0.0, 0, list[tuple[int, int]]()
    for weekday in range(7):
        same = days[weekday::7]
        if not hours.plain:
            same = [day for place, day in enumerate(same) if all(hours.ordinary[(7 * place + weekday) * DAY :][:DAY])]
        if total := sum(same):
            square += sum(count * count for count in same) * len(same) / total - total
            freedom += len(same) - 1
            alike.append((total, len(same)))
    a_day = sum(total for total, _ in alike) / max(1, sum(many for _, many in alike))
    reach = sum((many - 1) * (total - 1) / (many * a_day + 1) for total, many in alike)
    turn = -hours.first % WEEK
    weekly, weeks = [*sums[turn:], *sums[:turn]], [*hours.weeks[turn:], *hours.weeks[:turn]]
    weekdays = [(sum(weekly[at : at + DAY]), sum(weeks[at : at + DAY]) // DAY) for at in range(0, WEEK, DAY)]
    return _Past(sums, weekdays, square, freedom, reach, sum(days) / len(days))


def _alike(weekly: Sequence[int], kind: Sequence[int]) -> list[int]:
    """What the days of a kind have together, by the hour of the day."""
    return list(map(sum, zip(*(weekly[day * DAY : (day + 1) * DAY] for day in kind), strict=True)))


def _where(count: int, ordinary: bool) -> int:
    return count if ordinary else 0


def _spreads(pasts: Mapping[str, _Past]) -> tuple[dict[str, float], float]:
    """What each series scatters like, and all of them: where they differ no more than by chance, all alike."""
    usable = [one for one in pasts.values() if one.reach]
    reach = sum(one.reach for one in usable)
    pooled = max(1.0, 1 + sum(one.square - one.freedom for one in usable) / reach) if reach else 1.0
    surplus = [(one.spread - pooled) ** 2 - one.noise(pooled) for one in usable if one.mean >= 1]
    apart = max(0.0, sum(surplus) / len(surplus)) if surplus else 0.0
    return {key: _drawn(pooled, apart, one) for key, one in pasts.items()}, pooled


def _drawn(pooled: float, apart: float, one: _Past) -> float:
    """A series' spread, drawn towards that of all, and as much higher as it may well be."""
    if not one.reach or not apart:
        return pooled
    noise = one.noise(pooled)
    trust = apart / (apart + noise)
    return max(1.0, pooled + trust * (one.spread - pooled) + sqrt(trust * noise))


def _varies(pasts: Iterable[_Past], spread: float) -> float:
    """How much the levels of weekdays of a kind differ in all series (variance, in parts of the level), beyond chance."""
    square, grows = 0.0, 0.0
    for one in pasts:
        its, freedom, more = one.differing()
        square, grows = square + its - freedom * spread, grows + more
    return max(0.0, square / grows) if grows else 0.0


def _windows(past: _Past, hours: Hours, spread: float, varies: float) -> list[tuple[int, float, float, float]]:
    """Of each window its days, what is usual, of how many weeks that is known, and what is usual with holidays held aside.

    A day of the week is as it was eight times, drawn towards the days of its kind as far as these do not differ more than by chance.
    """
    square, freedom, grows = past.differing()
    if square > OWN_WEEK * freedom * spread:
        varies = max(varies, (square - freedom * spread) / grows)
    turn = hours.first % WEEK
    weekly, weeks = [*past.hours[-turn:], *past.hours[:-turn]], [*hours.weeks[-turn:], *hours.weeks[:-turn]]
    usual, unsure = list[float](), list[float]()
    for kind in KINDS:
        known = _alike(weeks, kind)
        like = [total / (many or 1) for total, many in zip(_alike(weekly, kind), known, strict=True)]
        level = sum(like)
        for day in kind:
            own = past.weekdays[day][1] * level * varies
            trust = own / (own + spread) if own else 0.0
            rest = 1 - trust
            of_day, of_weeks = weekly[day * DAY : (day + 1) * DAY], [many or 1 for many in weeks[day * DAY : (day + 1) * DAY]]
            usual += [trust * own / many + rest * other for own, many, other in zip(of_day, of_weeks, like, strict=True)]
            unsure += [trust / many + rest / (all_of or 1) for many, all_of in zip(of_weeks, known, strict=True)]
    usual, unsure = [*usual[turn:], *usual[:turn]], [*unsure[turn:], *unsure[:turn]]
    found = []
    for days in WINDOWS:
        last = slice(WEEK - days * DAY, WEEK)
        if min(hours.weeks[last]) >= FEWEST_WEEKS:
            quiet = sum(usual[last])
            many = 1 / (sum(map(mul, usual[last], unsure[last])) / quiet) if quiet else float(WEEKS)
            lifted = quiet if hours.plain else sum(map(mul, usual[last], hours.lift[last]))
            if not hours.plain:
                quiet = sum(one for one, lift in zip(usual[last], hours.lift[last], strict=True) if lift == 1.0)
            found.append((days, max(lifted, UNSEEN / WEEKS), many, quiet))
    return found
