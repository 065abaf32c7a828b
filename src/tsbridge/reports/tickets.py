"""First reply and resolution as Zendesk counts them: by ticket, from its creation, only what has happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tsbridge.core.calendar import Calendar
from tsbridge.reports.life import CREATED, REPLIED, SOLVED, UNSOLVED, Life
from tsbridge.reports.model import BUSINESS, SECOND, WALL, Column, Item, Measure
from tsbridge.reports.table import cases_counted, counted, timed

CREATED_THEN: Final = "tickets created in the time asked for"
SCHEDULE: Final = (
    "one for the whole life of the ticket: the calendar of its case's queue, by the rulebook that was live at the event that ends it"
)
NOT_THERE: Final = "no figure of Zendesk's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket(Item):
    """A ticket; `at` is when it was created. Durations in seconds, on the wall clock and within opening hours; None: not yet."""

    replied: tuple[int, int] | None
    first_solved: tuple[int, int] | None
    last_solved: tuple[int, int] | None
    is_solved: bool


Open = Callable[[datetime], Calendar]
"""The calendar that counts for an event."""


def tickets_of(life: Life, open_at: Open) -> list[tuple[datetime, dict[str, Any]]]:
    """The tickets of a case whose creation is known: when they were created, and the rest of a `Ticket`."""
    found: list[tuple[datetime, dict[str, Any]]] = []
    created = {event.of: event.at for event in life.events if event.what == CREATED}
    for key, at in created.items():
        its = [event for event in life.events if event.of == key]
        replies = [event.at for event in its if event.what == REPLIED]  # what an agent opens it with is none: then the second counts
        solved = [event.at for event in its if event.what == SOLVED]
        last = next((event.what for event in reversed(its) if event.what in (SOLVED, UNSOLVED)), None)

        def took(end: datetime, at: datetime = at) -> tuple[int, int]:
            return (end - at) // SECOND, open_at(end).open_between(at, end) // SECOND

        told: dict[str, Any] = {
            "replied": took(replies[0]) if replies else None,
            "first_solved": took(solved[0]) if solved else None,
            "last_solved": took(solved[-1]) if last == SOLVED else None,
            "is_solved": last == SOLVED,
        }
        found.append((at, told))
    return found


def responses() -> Sequence[Measure[Ticket]]:
    first = "from its creation to the first public comment of an agent; the second, where an agent opened it with one"
    return (
        cases_counted("cases", "Cases", "cases of these tickets", CREATED_THEN),
        counted("tickets", "Tickets", "tickets created", CREATED_THEN, sense="zendesk"),
        _none("acknowledged", "Acknowledged", "count"),
        *(_none(f"acknowledge_p{place}_s", f"Time to acknowledge, {place} % within", "s") for place in (50, 90, 95)),
        counted("replied", "Answered", "tickets with a first reply", CREATED_THEN, lambda one: one.replied is not None, sense="zendesk"),
        counted(
            "open", "Not answered", "tickets without one, left out below", CREATED_THEN, lambda one: one.replied is None, sense="zendesk"
        ),
        *_of("first_reply", "First reply", first, lambda one: one.replied),
    )


def resolutions() -> Sequence[Measure[Ticket]]:
    full = "from its creation to its last change to solved"
    first = "from its creation to its first change to solved"
    return (
        cases_counted("cases", "Cases", "cases of these tickets", CREATED_THEN),
        counted("tickets", "Tickets", "tickets created", CREATED_THEN, sense="zendesk"),
        counted("resolved", "Solved", "tickets that are solved", CREATED_THEN, lambda one: one.is_solved, sense="zendesk"),
        counted("open", "Not solved", "tickets that are not, left out below", CREATED_THEN, lambda one: not one.is_solved, sense="zendesk"),
        *_of("resolve", "Full resolution", full, lambda one: one.last_solved),
        *_of("first_resolve", "First resolution", first, lambda one: one.first_solved),
    )


def _of(key: str, title: str, metric: str, of: Callable[[Ticket], tuple[int, int] | None]) -> Sequence[Measure[Ticket]]:
    def wall(ticket: Ticket) -> int | None:
        return None if (took := of(ticket)) is None else took[0]

    def business(ticket: Ticket) -> int | None:
        return None if (took := of(ticket)) is None else took[1]

    found: list[Measure[Ticket]] = []
    for place in (50, 90, 95):
        within = f"{title}, {place} % within"
        found.append(timed(f"{key}_p{place}_s", within, metric, CREATED_THEN, place, wall, sense="zendesk", time=WALL))
        open_hours: dict[str, Any] = {"sense": "zendesk", "time": BUSINESS, "schedule": SCHEDULE}
        found.append(timed(f"{key}_business_p{place}_s", f"{within}, open hours", metric, CREATED_THEN, place, business, **open_hours))
    return found


def _none(key: str, title: str, unit: str) -> Measure[Ticket]:
    return Measure(Column(key, title, unit, NOT_THERE, CREATED_THEN, sense="zendesk"), lambda tickets: None, lambda ticket: False)
