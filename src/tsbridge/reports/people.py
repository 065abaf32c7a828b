"""Figures about people: what each did, what each carried, and how much of it distresses."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from tsbridge.core.burden import Burden, jain
from tsbridge.reports.model import Column, Figure, Item, Measure
from tsbridge.reports.table import cases_counted, counted, summed

GIVEN, TAKEN, ANSWERED, TALKED, SOLVED = "given", "taken", "answered", "talked", "solved"
ACTS: Final = "acts in the time asked for"
WORKED: Final = "shifts worked in the time asked for, up to `as_of`, as they were known then"
SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Item):
    """Something that `agent` did, or got: `given` by the desk, `taken` in hand, `answered` in public, `talked` to a caller, `solved`.

    `shifts`: those of the agent's in which it lies; `is_open`: the case is not resolved.
    """

    what: str
    is_open: bool
    shifts: tuple[str, ...] = ()


def _is(what: str) -> Callable[[Act], bool]:
    return lambda act: act.what == what


def workload() -> Sequence[Measure[Act]]:
    return (
        cases_counted("cases", "Cases", "cases in which somebody did or got something", ACTS),
        cases_counted("open", "Open", "of these cases those that are not resolved", ACTS, lambda act: act.is_open),
        counted("given", "Given", "cases that the desk gave to somebody", ACTS, _is(GIVEN)),
        counted("taken", "Taken", "acts by which somebody first had a case in hand", ACTS, _is(TAKEN)),
        counted("answers", "Answers", "public comments of agents", ACTS, _is(ANSWERED)),
        counted("calls", "Calls", "calls that somebody took", ACTS, _is(TALKED)),
        counted("solved", "Solved", "tickets that agents solved", ACTS, _is(SOLVED)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Item):
    """Something that `agent` carried: time at work, a page (by its message), a distressing case. `goes_on`: a piece of a shift that is not
    over at `as_of`."""

    burden: Burden = field(default_factory=Burden)
    message: str | None = None
    goes_on: bool = False


def fairness() -> Sequence[Measure[Load]]:
    def by_agent(items: Sequence[Load]) -> dict[str, int]:
        found: dict[str, Burden] = defaultdict(Burden)
        for item in items:
            if item.agent is not None:
                found[item.agent] += _whole(item)
        return {agent: burden.points for agent, burden in found.items()}

    def even(items: Sequence[Load]) -> Figure:
        points = by_agent(items)
        return round(jain(sorted(points.values())), 4) if len(points) > 1 else None

    def hours(key: str, title: str, metric: str, of: Callable[[Burden], timedelta]) -> Measure[Load]:
        return summed(key, title, "s", metric, WORKED, lambda item: of(item.burden) // SECOND, time="calendar")

    def pages(items: Sequence[Load]) -> int:
        return len({item.message for item in items if item.message is not None})

    weighs = "points: an hour at work 4, at night 2 more, on a weekend 2 more, on a holiday 4 more, a page 8, a distressing case 8"
    return (
        hours("worked_s", "At work", "time at work", lambda burden: burden.worked),
        hours("nights_s", "At night", "of it between 22:00 and 06:00 on the wall clock of whoever works", lambda burden: burden.nights),
        hours("weekends_s", "On weekends", "of it on Saturdays and Sundays", lambda burden: burden.weekends),
        hours(
            "holidays_s", "On holidays", "of it on days that a calendar of the rulebook has as a holiday", lambda burden: burden.holidays
        ),
        Measure(
            Column("pages", "Pages", "count", "messages about cases that reached them", "messages sent in the time asked for"),
            pages,
            lambda item: item.message is not None,
        ),
        counted(
            "distressing",
            "Distressing",
            "cases of distressing categories that the desk gave them",
            "cases given in the time asked for",
            lambda item: bool(item.burden.distressing),
        ),
        Measure(
            Column("points", "Points", "points", weighs, "all of it"),
            lambda items: sum(by_agent(items).values()),
            lambda item: bool(_whole(item).points),
        ),
        Measure(
            Column(
                "evenness",
                "Evenness",
                "fraction",
                "Jain's index over the points of all agents: 1 where all carry the same, 1/n where one carries all",
                "agents of the roster",
            ),
            even,
            lambda item: True,
        ),
        counted("open", "Going on", "pieces of shifts that are not over", WORKED, lambda item: item.goes_on),
    )


def _whole(item: Load) -> Burden:
    return item.burden if item.message is None else Burden(pages=1)


def exposure() -> Sequence[Measure[Act]]:
    """`limits` of the roster say what distresses and how much of it one may get in a shift; the items know only of such cases."""

    def most(items: Sequence[Act]) -> int:
        return max(_per_shift(items).values(), default=0)

    distressing = "acts in cases of distressing categories in the time asked for"
    return (
        cases_counted("cases", "Cases", "distressing cases in which somebody did or got something", distressing),
        cases_counted("open", "Open", "of these cases those that are not resolved", distressing, lambda act: act.is_open),
        cases_counted("severe", "Severity 1", "of these cases those of severity 1", distressing, lambda act: act.severity == 1),
        counted("given", "Given", "such cases that the desk gave to somebody", distressing, _is(GIVEN)),
        Measure(
            Column(
                "most_per_shift", "Most in a shift", "count", "the most different such cases that one agent had in one shift", distressing
            ),
            most,
            lambda act: bool(act.shifts),
        ),
    )


def _per_shift(items: Sequence[Act]) -> Counter[Any]:
    cases = {(item.agent, shift, item.case_id) for item in items for shift in item.shifts}
    return Counter((agent, shift) for agent, shift, _ in cases)
