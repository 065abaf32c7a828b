"""Escalation policies: what is armed, when its clock rests, when its next step is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tsbridge.core.calendar import ALWAYS, Calendar
from tsbridge.core.moments import CLOCK, GIVEN, Interaction, instant_text, read_instant
from tsbridge.core.rules.language import Policy, Rulebook, Step

Rest = tuple[datetime, datetime | None]
"""From when to when a clock rests; no end as long as it does."""


@dataclass(frozen=True, slots=True)
class Armed:
    """A policy whose steps are still to come. `next_step` counts from 0; `interaction`: whose moment armed it.

    `rests`: when its clock rested, in order; while the last has no end it does. `paused_by`: the interactions for which `pauses_when`
    held when they were last heard of. `acknowledged_until`: until when an acknowledgement lets it rest, or let it. `quiet`: steps that
    come due up to then are passed over (`core.quiet`). `version`: of the rulebook that armed it, whose policy it is until it is
    over; 0: not known, then it is that of whichever rulebook is asked.
    """

    policy: str
    armed_at: datetime
    next_step: int
    interaction: Interaction
    rests: tuple[Rest, ...] = ()
    paused_by: tuple[Interaction, ...] = ()
    acknowledged_until: datetime | None = None
    quiet: datetime | None = None
    version: int = 0

    @property
    def resting(self) -> bool:
        return bool(self.rests) and self.rests[-1][1] is None

    def asked(self, at: datetime, subject: Interaction, policy: Policy, *, pauses: bool, acknowledged: bool, event: str | None) -> Armed:
        """As it is known at a moment whether it rests; `set_going` then ends a rest that is over, `laid_to_rest` begins one.

        `pauses`: whether `pauses_when` holds for the `subject` whose moment it is.
        """
        paused_by = tuple(sorted({*self.paused_by, subject} if pauses else {*self.paused_by} - {subject}))
        until = None
        if acknowledged and policy.acknowledged_for is not None:
            until = self.acknowledged_until
            if event == "case.acknowledged" or until is None or (event not in (CLOCK, GIVEN) and at < until):
                until = at + policy.acknowledged_for
        return replace(self, paused_by=paused_by, acknowledged_until=until)

    def may_run(self, at: datetime) -> bool:
        return not self.paused_by and (self.acknowledged_until is None or self.acknowledged_until <= at)

    def set_going(self, at: datetime) -> Armed:
        """Its clock goes on, if it rested and may run."""
        if not self.resting or not self.may_run(at):
            return self
        start = self.rests[-1][0]
        return replace(self, rests=(*self.rests[:-1], *([(start, at)] if start < at else [])))

    def laid_to_rest(self, at: datetime) -> Armed:
        """Its clock rests from now on, if it ran and may not."""
        return self if self.resting or self.may_run(at) else replace(self, rests=(*self.rests, (at, None)))

    def to_json(self) -> list[Any]:
        told = [self.policy, instant_text(self.armed_at), self.next_step, list(self.interaction)]
        if self.rests or self.paused_by or self.acknowledged_until is not None or self.quiet is not None or self.version:
            told.append(
                {
                    "rests": rests_json(self.rests),
                    "paused_by": [list(one) for one in self.paused_by],
                    "acknowledged_until": None if self.acknowledged_until is None else instant_text(self.acknowledged_until),
                    **({} if self.quiet is None else {"quiet": instant_text(self.quiet)}),
                    **({"version": self.version} if self.version else {}),
                }
            )
        return told

    @classmethod
    def from_json(cls, data: list[Any]) -> Armed:
        policy, armed_at, next_step, interaction, *more = data
        armed = cls(policy, read_instant(armed_at), next_step, Interaction(*interaction))
        if not more:
            return armed
        until, quiet = more[0]["acknowledged_until"], more[0].get("quiet")
        return replace(
            armed,
            rests=rests_from(more[0]["rests"]),
            paused_by=tuple(Interaction(*one) for one in more[0]["paused_by"]),
            acknowledged_until=None if until is None else read_instant(until),
            quiet=None if quiet is None else read_instant(quiet),
            version=more[0].get("version", 0),
        )


def rests_json(rests: Iterable[Rest]) -> list[list[str | None]]:
    return [[instant_text(start), None if end is None else instant_text(end)] for start, end in rests]


def rests_from(data: Iterable[Any]) -> tuple[Rest, ...]:
    return tuple((read_instant(start), None if end is None else read_instant(end)) for start, end in data)


def due(step: Step, armed_at: datetime, calendars: Mapping[str, Calendar], rests: Iterable[Rest] = ()) -> datetime | None:
    """When a step comes due: `after` on the wall clock, or that much time inside its calendar, `rests` left out. None: never, or
    not as long as the last of them lasts."""
    calendar = ALWAYS if step.within is None or step.after == timedelta(0) else calendars.get(step.within)
    if calendar is None:
        return None
    since, left = armed_at, step.after
    for start, end in rests:
        time = calendar.after(since, left)
        if time is not None and time <= start:
            return time
        if end is None:
            return None
        left -= min(left, calendar.open_between(since, start))
        since = end
    return calendar.after(since, left)


class Books(NamedTuple):
    """The rulebook that judges, its version, and how those before it are had: what they armed goes on as it was armed."""

    book: Rulebook
    version: int = 0
    earlier: Callable[[int], Rulebook] | None = None

    def of(self, armed: Armed) -> Rulebook:
        """The rulebook whose policy it is."""
        if self.earlier is None or armed.version in (0, self.version):
            return self.book
        return self.earlier(armed.version)

    def policy(self, armed: Armed) -> Policy | None:
        return self.of(armed).policies.get(armed.policy)


def step_due(book: Rulebook, armed: Armed, index: int) -> datetime | None:
    """When step `index` of an armed policy comes due. A step never comes before the one above it."""
    policy = book.policies.get(armed.policy)
    if policy is None or index >= len(policy.steps):
        return None
    times = [due(step, armed.armed_at, book.calendars, armed.rests) for step in policy.steps[: index + 1]]
    return None if any(time is None for time in times) else max(time for time in times if time is not None)


def expected(book: Rulebook, armed: Armed, index: int) -> datetime | None:
    """When step `index` comes due if a rest that lasts ends as early as it may."""
    if armed.resting:
        start = armed.rests[-1][0]
        armed = replace(armed, rests=(*armed.rests[:-1], (start, max(start, armed.acknowledged_until or start))))
    return step_due(book, armed, index)


def next_due(books: Books, armed: Iterable[Armed]) -> datetime | None:
    """The earliest step to come, or end of a rest."""
    first: datetime | None = None
    for one in armed:
        time = step_due(books.of(one), one, one.next_step) if not one.resting else None if one.paused_by else one.acknowledged_until
        if time is not None and (first is None or time < first):
            first = time
    return first
