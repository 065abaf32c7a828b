"""A seeded weekend of an incident desk: what happens, when, and what must stand on the tickets at the end; and the quiet weeks before.

Pure: the same arguments give the same acts. `scenario_play` makes them happen in the two simulators.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tsbridge.simulator import scenario_stories as stories
from tsbridge.simulator import scenario_words as words
from tsbridge.simulator.scenario_sheet import Act, Expected, Sheet

LENGTH = timedelta(hours=62)
"""Friday 18:00 to Monday 08:00."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`acts` by time, those of one story in their own order; `expected`: one entry per ticket that matters."""

    seed: int
    start: datetime
    end: datetime
    acts: tuple[Act, ...]
    expected: tuple[Expected, ...]
    tickets: int
    calls: int


def friday_before(now: datetime) -> datetime:
    """Friday 18:00 of the last weekend that is over at `now` (its Monday 08:00 has passed)."""
    monday = (now - timedelta(days=now.weekday())).replace(hour=8, minute=0, second=0, microsecond=0)
    if monday > now:
        monday -= timedelta(days=7)
    return monday - LENGTH


def weekend(seed: int, start: datetime, *, tickets: int = 300, calls: int = 120) -> Scenario:
    """About so many tickets and calls from `start` on, for 62 hours.

    First every theme once, plainly; then the linked stories with the themes in turn until about half of the tickets are
    used (more of a small weekend); then the harmless rest, so that most of what the desk hears needs nothing from it.
    """
    sheet = Sheet(random.Random(seed), start, start + LENGTH)  # noqa: S311  # reproducible by its seed, protects nothing
    for theme in words.THEMES:
        stories.plain(sheet, theme)
    stories.shared_phone(sheet)
    stories.repeat_reporter(sheet)
    turn = 0
    eventful = max(tickets * 0.55, min(tickets, 28) - 2)
    while sheet.tickets < eventful and sheet.calls < calls * 0.7:
        story = stories.SEVERE[(turn + 1) % len(stories.SEVERE)]
        theme = words.THEMES[(turn + turn // len(stories.SEVERE)) % len(words.THEMES)]
        story(sheet, theme)
        turn += 1
        if turn % 40 == 0:
            stories.repeat_reporter(sheet)
            stories.shared_phone(sheet)
    if tickets >= 100:
        stories.burst(sheet, tickets // 15)
    while sheet.tickets < tickets:
        stories.harmless(sheet)
    while sheet.calls < calls:
        stories.harmless_call(sheet)
    return _ordered(seed, sheet)


def quiet_weeks(seed: int, end: datetime, *, weeks: int = 5) -> Scenario:
    """The weeks up to `end`: a few questions a day, of people who have no telephone number, each answered and solved the same day."""
    sheet = Sheet(random.Random(seed), end - timedelta(weeks=weeks), end)  # noqa: S311  # as above
    for day in range(1, 7 * weeks + 1):
        for hour in (8, 12, 16)[: 3 if (sheet.start + timedelta(days=day)).weekday() < 5 else 1]:
            at = sheet.start.replace(hour=0) + timedelta(days=day, hours=hour) + sheet.some(0, 180)
            if at > end - timedelta(hours=6):
                continue
            story, agent, person = sheet.story("quiet"), sheet.agent(), replace(sheet.person(), phone="")
            ref = sheet.ticket(story, at, person, sheet.rng.choice(words.HARMLESS), sheet.rng.choice(("email", "email", "chat", "web")))
            sheet.desk(story, at + sheet.some(5, 90), ref, "comment", agent=agent, body=sheet.rng.choice(words.REPLIES), public=True)
            sheet.desk(story, at + sheet.some(100, 240), ref, "update", agent=agent, status="solved")
    return _ordered(seed, sheet)


def _ordered(seed: int, sheet: Sheet) -> Scenario:
    acts = sorted(enumerate(sheet.acts), key=lambda pair: (pair[1].at, pair[0]))
    return Scenario(seed, sheet.start, sheet.end, tuple(act for _, act in acts), tuple(sheet.expected), sheet.tickets, sheet.calls)
