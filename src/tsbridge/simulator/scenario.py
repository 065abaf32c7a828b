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


def weekend(seed: int, start: datetime, *, tickets: int = 300, calls: int = 120, part: tuple[int, int] = (0, 1)) -> Scenario:
    """About so many tickets and calls from `start` on, for 62 hours.

    First every theme once, plainly; then the linked stories with the themes in turn until about half of the tickets are
    used (more of a small weekend); then the harmless rest, so that most of what the desk hears needs nothing from it.
    """
    sheet = Sheet(random.Random(seed), start, start + LENGTH, part)  # noqa: S311  # reproducible by its seed, protects nothing
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


def weeks(seed: int, start: datetime, *, tickets: int, calls: int, before: int = 5) -> list[Scenario]:
    """The weekend from `start` on behind others like it, with quiet days between them; each with people of its own.

    Those before are without calls and what belongs to them: what Talkdesk says of a call when it begins has no time, so a call of weeks ago
    would be one of now.
    """
    found, parts = [], before + 2
    for week in range(before, 0, -1):
        earlier = start - timedelta(weeks=week)
        found.append(_without_calls(weekend(seed + 2 * week, earlier, tickets=tickets, calls=calls, part=(week, parts))))
        found.append(quiet_days(seed + 2 * week + 1, earlier + LENGTH, earlier + timedelta(weeks=1), part=(parts - 1, parts)))
    return [*found, weekend(seed, start, tickets=tickets, calls=calls, part=(0, parts))]


def quiet_days(seed: int, start: datetime, end: datetime, part: tuple[int, int] = (0, 1)) -> Scenario:
    """A few questions a day, of people who have no telephone number, each answered and solved the same day."""
    sheet = Sheet(random.Random(seed), start, end, part)  # noqa: S311  # as above
    for day in range((end - start).days + 1):
        for hour in (0, 3, 6):
            at = start + timedelta(days=day, hours=hour) + sheet.some(0, 180)
            if at > end - timedelta(hours=6):
                continue
            story, agent, person = sheet.story("quiet"), sheet.agent(), replace(sheet.person(), phone="")
            ref = sheet.ticket(story, at, person, sheet.rng.choice(words.HARMLESS), sheet.rng.choice(("email", "email", "chat", "web")))
            sheet.desk(story, at + sheet.some(5, 90), ref, "comment", agent=agent, body=sheet.rng.choice(words.REPLIES), public=True)
            sheet.desk(story, at + sheet.some(100, 240), ref, "update", agent=agent, status="solved")
    return _ordered(seed, sheet)


def _without_calls(scenario: Scenario) -> Scenario:
    """The stories that are told by tickets alone."""
    called = {act.story for act in scenario.acts if act.system == "talkdesk"}
    acts = tuple(act for act in scenario.acts if act.story not in called)
    expected = tuple(one for one in scenario.expected if one.story not in called)
    return replace(scenario, acts=acts, expected=expected, tickets=sum(act.act == "ticket" for act in acts), calls=0)


def _ordered(seed: int, sheet: Sheet) -> Scenario:
    acts = sorted(enumerate(sheet.acts), key=lambda pair: (pair[1].at, pair[0]))
    return Scenario(seed, sheet.start, sheet.end, tuple(act for _, act in acts), tuple(sheet.expected), sheet.tickets, sheet.calls)
