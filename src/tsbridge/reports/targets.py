"""How often the targets of queues were kept. Every target of a case is one instance: met, missed or still running."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tsbridge.reports.figures import share
from tsbridge.reports.model import BUSINESS, Column, Item, Measure
from tsbridge.reports.table import counted, timed

WITH_TARGETS = "cases opened in the time asked for, of queues that had targets when they were opened"
SCHEDULE = "the calendar of the queue, of the rulebook that was live when the case was opened"


@dataclass(frozen=True, slots=True)
class Target:
    """`within` seconds it shall have happened; it `took` so many, or None and it is open for `age` by now. Seconds of open hours."""

    within: int
    took: int | None
    age: int

    @property
    def is_met(self) -> bool:
        return self.took is not None and self.took <= self.within

    @property
    def is_missed(self) -> bool:
        return (self.age if self.took is None else self.took) > self.within

    @property
    def is_running(self) -> bool:
        return not self.is_met and not self.is_missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised(Item):
    """A case that was promised something; `at` is when it was opened."""

    acknowledge: Target | None
    resolve: Target | None


def sla() -> Sequence[Measure[Promised]]:
    def running(case: Promised) -> bool:
        return any(target is not None and target.is_running for target in (case.acknowledge, case.resolve))

    return (
        counted("cases", "Cases", "cases with targets", WITH_TARGETS),
        counted("open", "Running", "cases with a target that is neither met nor missed", WITH_TARGETS, running),
        *_of("acknowledge", "Acknowledge", lambda case: case.acknowledge),
        *_of("resolve", "Resolve", lambda case: case.resolve),
    )


def _of(key: str, title: str, of: Callable[[Promised], Target | None]) -> Sequence[Measure[Promised]]:
    def has(case: Promised) -> bool:
        return of(case) is not None

    def met(case: Promised) -> bool:
        return (target := of(case)) is not None and target.is_met

    def missed(case: Promised) -> bool:
        return (target := of(case)) is not None and target.is_missed

    def took(case: Promised) -> int | None:
        return None if (target := of(case)) is None else target.took

    def age(case: Promised) -> int | None:
        return None if (target := of(case)) is None or target.took is not None else target.age

    def kept(cases: Sequence[Promised]) -> float | None:
        return share(sum(map(met, cases)), sum(map(met, cases)) + sum(map(missed, cases)))

    metric = f"met of those that are met or missed: {key} within the queue's target"
    column = Column(f"{key}_kept", f"{title}: kept", "fraction", metric, WITH_TARGETS, time=BUSINESS, schedule=SCHEDULE)
    took_metric = f"open hours from its opening until it was {key}d"
    return (
        counted(f"{key}_targets", f"{title}: targets", f"cases with a target to {key}", WITH_TARGETS, has),
        counted(f"{key}_met", f"{title}: met", f"{key}d within the target", WITH_TARGETS, met, time=BUSINESS, schedule=SCHEDULE),
        counted(
            f"{key}_missed",
            f"{title}: missed",
            f"{key}d later, or not yet and the target is over",
            WITH_TARGETS,
            missed,
            time=BUSINESS,
            schedule=SCHEDULE,
        ),
        Measure(column, kept, lambda case: met(case) or missed(case)),
        timed(f"{key}_p90_s", f"{title}: 90 % within", took_metric, WITH_TARGETS, 90, took, age, time=BUSINESS, schedule=SCHEDULE),
    )
