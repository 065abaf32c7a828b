"""Figures about cases, each counted in the time in which it was opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tsbridge.reports.life import ACKNOWLEDGED, ANSWERED, REOPENED, REPLIED, RESOLVED, Life
from tsbridge.reports.model import SECOND, Item, Measure
from tsbridge.reports.table import cases_counted, counted, summed, timed

OPENED: Final = "cases opened in the time asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Item):
    """A case as it was known at `as_of`; `at` is when it was opened.

    `tickets`, `calls`: how many it holds. `defaulted`: it lies where the catch-all rule put it. `acknowledged_at`: when somebody first
    had it in hand.
    """

    as_of: datetime
    life: Life
    tickets: int = 0
    calls: int = 0
    defaulted: bool = False
    acknowledged_at: datetime | None = None

    def since(self, at: datetime | None) -> int | None:
        """Whole seconds from its opening; what happened before it counts as at once."""
        return None if at is None else max(0, (at - self.at) // SECOND)

    @property
    def age(self) -> int:
        return max(0, (self.as_of - self.at) // SECOND)

    def acknowledged_s(self) -> int | None:
        return self.since(self.acknowledged_at)

    def replied_s(self) -> int | None:
        found = self.life.first(REPLIED, ANSWERED)
        return None if found is None else self.since(found.at)

    def resolved_s(self) -> int | None:
        return self.since(self.life.resolved_at)

    def first_resolved_s(self) -> int | None:
        found = self.life.first(RESOLVED)
        return None if found is None else self.since(found.at)


def age_unless(done: Callable[[Case], int | None]) -> Callable[[Case], int | None]:
    """How old a case is to which that has not happened."""
    return lambda case: case.age if done(case) is None else None


def volumes() -> Sequence[Measure[Case]]:
    return (
        counted("cases", "Cases", "cases opened", OPENED),
        summed("tickets", "Tickets", "count", "Zendesk tickets in these cases", OPENED, lambda case: case.tickets),
        summed("calls", "Calls", "count", "Talkdesk calls in these cases", OPENED, lambda case: case.calls),
        counted("open", "Open", "cases not resolved", OPENED, lambda case: case.resolved_s() is None),
        counted("severe", "Severity 1 and 2", "cases of severity 1 or 2", OPENED, lambda case: case.severity in (1, 2)),
        counted(
            "defaulted", "By the catch-all", "cases that lie where the rulebook's last rule put them", OPENED, lambda case: case.defaulted
        ),
    )


def responses() -> Sequence[Measure[Case]]:
    acknowledge, reply = Case.acknowledged_s, Case.replied_s
    waits, unanswered = age_unless(acknowledge), age_unless(reply)
    by = "from its opening until somebody first has the case in hand"
    first = "from its opening until an agent first answers in public, or takes a call"
    return (
        counted("cases", "Cases", "cases opened", OPENED),
        counted(
            "acknowledged", "Acknowledged", "cases that somebody has or had in hand", OPENED, lambda case: acknowledge(case) is not None
        ),
        counted("open", "Not acknowledged", "cases that nobody has had in hand yet", OPENED, lambda case: acknowledge(case) is None),
        timed("acknowledge_p50_s", "Time to acknowledge, half within", by, OPENED, 50, acknowledge, waits),
        timed("acknowledge_p90_s", "Time to acknowledge, 90 % within", by, OPENED, 90, acknowledge, waits),
        timed("acknowledge_p95_s", "Time to acknowledge, 95 % within", by, OPENED, 95, acknowledge, waits),
        counted("replied", "Answered", "cases in which an agent has answered", OPENED, lambda case: reply(case) is not None),
        counted("reply_open", "Not answered", "cases in which no agent has answered yet", OPENED, lambda case: reply(case) is None),
        timed("first_reply_p50_s", "First response, half within", first, OPENED, 50, reply, unanswered),
        timed("first_reply_p90_s", "First response, 90 % within", first, OPENED, 90, reply, unanswered),
        timed("first_reply_p95_s", "First response, 95 % within", first, OPENED, 95, reply, unanswered),
    )


def resolutions() -> Sequence[Measure[Case]]:
    resolve, at_first = Case.resolved_s, Case.first_resolved_s
    goes_on, never = age_unless(resolve), age_unless(at_first)
    last = "from its opening until it was resolved for the last time; a case that is open again has not been"
    once = "from its opening until it was resolved for the first time, whatever came then"
    return (
        counted("cases", "Cases", "cases opened", OPENED),
        counted("resolved", "Resolved", "cases that are resolved", OPENED, lambda case: resolve(case) is not None),
        counted("open", "Open", "cases that are not", OPENED, lambda case: resolve(case) is None),
        timed("resolve_p50_s", "Time to resolve, half within", last, OPENED, 50, resolve, goes_on),
        timed("resolve_p90_s", "Time to resolve, 90 % within", last, OPENED, 90, resolve, goes_on),
        timed("resolve_p95_s", "Time to resolve, 95 % within", last, OPENED, 95, resolve, goes_on),
        timed("first_resolve_p50_s", "First resolution, half within", once, OPENED, 50, at_first, never),
        timed("first_resolve_p90_s", "First resolution, 90 % within", once, OPENED, 90, at_first, never),
        cases_counted(
            "reopened", "Opened again", "cases opened again after they were resolved", OPENED, lambda case: case.life.count(REOPENED) > 0
        ),
        summed(
            "reopenings", "Reopenings", "count", "times that these cases were opened again", OPENED, lambda case: case.life.count(REOPENED)
        ),
    )


def first_acknowledged(kept: datetime | None, life: Life, threads: int, as_of: datetime) -> datetime | None:
    """When somebody first had a case in hand. `kept`: since when somebody has it, which is forgotten when it is opened again.

    Of several `threads` the one counts that the case is shown by: whose act is the one that is kept.
    """
    told = [event for event in life.events if event.what == ACKNOWLEDGED]
    if kept is not None and kept <= as_of:
        shown = next((event.what_of for event in told if event.at == kept), None)
        found = [kept, *(event.at for event in told if event.what_of in (shown, ""))]
    else:
        found = [event.at for event in told if threads == 1 or not event.what_of]
    return min((at for at in found if at <= as_of), default=None)


def standing_of(keys: Mapping[str, str], assignee: str | None, agent: str | None) -> str | None:
    """The roster's key of whoever has a case; a Zendesk id that nobody of the roster has stands as it is."""
    return agent or (None if assignee is None else keys.get(assignee, assignee))
