"""Thirty simulated days of the demo's desk: eight agents on shifts, cases as they come, each given by `core.assign` the moment it can be.

The rota is the real one, read from a roster's document; the days are simulated event by event, without a database. Counted by a
second look that knows nothing of the ranking: who is there, what they have, what they got.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tsbridge.core.assign import Colleague, Terms, Work, chosen, halves, load_of, rank
from tsbridge.core.burden import DISTRESSING, PAGE, WINDOW, jain
from tsbridge.core.calendar import Calendar
from tsbridge.core.rota import Rota
from tsbridge.core.zones import zone
from tsbridge.roster.document import read
from tsbridge.simulator.scenario_words import AGENTS
from tsbridge.work.choosing import time_points

START = datetime(2026, 11, 16, 8, tzinfo=UTC)
QUEUE = "safety"
KEYS = tuple(email.partition("@")[0].replace(".", "-") for _, email in AGENTS)[:8]
CATEGORIES = ((None, 0.80), ("safety_incident", 0.12), ("personal_safety", 0.08))
CHANNELS = (("email", 0.6), ("chat", 0.25), ("voice", 0.15))
BY_HOUR = (2, 1, 1, 1, 1, 2, 3, 5, 6, 7, 7, 6, 6, 6, 6, 5, 5, 5, 5, 5, 4, 4, 3, 3)


def document() -> dict[str, Any]:
    """Eight people: two who mostly work nights, and unlike shares of the weekends, as rotas are."""
    a, b, c, d, e, f, g, h = KEYS
    shifts = {
        "early": {"days": "mon-fri", "hours": "06:00-14:00", "agents": [a, b]},
        "middle": {"days": "mon-fri", "hours": "10:00-18:00", "agents": [c]},
        "late": {"days": "tue-sat", "hours": "14:00-22:00", "agents": [d]},
        "late-around": {"days": "sun-thu", "hours": "14:00-22:00", "agents": [e]},
        "around": {"days": "sat-wed", "hours": "06:00-14:00", "agents": [f]},
        "night": {"days": "sun-thu", "hours": "22:00-06:00", "agents": [g]},
        "weekend-night": {"days": "fri-sat", "hours": "22:00-06:00", "agents": [h]},
        "relief": {"days": "mon-wed", "hours": "10:00-18:00", "agents": [h]},
    }
    capacity = {"email": 6, "chat": 3, "voice": 2}
    agents = {
        key: {"name": key, "zendesk_user_id": 100 + place, "queues": [QUEUE], "capacity": capacity, "skills": {"safety": 2}}
        for place, key in enumerate(KEYS)
    }
    return {
        "schema": 1,
        "timezone": "America/Los_Angeles",
        "agents": agents,
        "shifts": shifts,
        "rotations": {"lead": {"members": list(KEYS), "every": "3d", "starts": "2026-10-01T09:00"}},
        "cover": [{"oncall": "lead"}],
        "limits": {"distressing": {"categories": ["safety_incident", "personal_safety"], "per_shift": 4}},
    }


@dataclass(frozen=True, slots=True)
class Case:
    number: int
    at: datetime
    severity: int
    category: str | None
    channel: str
    takes: timedelta


@dataclass(slots=True)
class Month:
    """What came of it."""

    points: dict[str, int] = field(default_factory=dict)
    given: Counter[str] = field(default_factory=Counter)
    distressing: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    absent: int = 0
    twice: int = 0
    left: int = 0
    waited: int = 0

    @property
    def jain(self) -> float:
        return jain(list(self.points.values()))


def cases(seed: int, days: int) -> list[Case]:
    rng = random.Random(seed)  # noqa: S311
    desk = zone("America/Los_Angeles")
    found = []
    for hour in range(24 * days):
        begins = START + timedelta(hours=hour)
        count = sum(rng.random() < BY_HOUR[begins.astimezone(desk).hour] / 10 for _ in range(10))
        for minute in sorted(rng.uniform(0, 60) for _ in range(count)):
            category = rng.choices([name for name, _ in CATEGORIES], [share for _, share in CATEGORIES])[0]
            channel = rng.choices([name for name, _ in CHANNELS], [share for _, share in CHANNELS])[0]
            severity = rng.choice((1, 2)) if category else rng.choice((3, 3, 4))
            takes = timedelta(minutes=5 + rng.expovariate(1 / 60))
            found.append(Case(len(found), begins + timedelta(minutes=minute), severity, category, channel, takes))
    return found


class Desk:
    """The team at work under one mode."""

    def __init__(self, mode: str) -> None:
        roster = read(document())
        self.rota = Rota(roster)
        self.terms = Terms(QUEUE, mode, (("safety", 2),), roster.limits)
        self.limited = {name for limit in roster.limits for name in limit.categories}
        self.calendar = Calendar("us", roster.zone, country="US")
        self.month = Month()
        self.waiting: list[Case] = []
        self.has: dict[str, list[Case]] = defaultdict(list)
        self.got: dict[str, list[tuple[datetime, Case]]] = defaultdict(list)
        self.known: set[int] = set()
        self.last: dict[str, datetime] = {}
        self.ends: list[tuple[datetime, int, str, Case]] = []
        self._weighed: tuple[datetime, dict[str, int]] = (datetime.min.replace(tzinfo=UTC), {})

    def run(self, seed: int, days: int) -> Month:
        until, order = START + timedelta(days=days), itertools.count()
        coming = cases(seed, days)
        events: list[tuple[datetime, int, Case | None]] = [(one.at, next(order), one) for one in coming]
        edge = self.rota.next_change(START)
        while edge is not None and edge < until:
            events.append((edge, next(order), None))
            edge = self.rota.next_change(edge)
        for at, _, case in sorted(events):
            while self.ends and self.ends[0][0] <= at:
                ended, _, agent, done = heapq.heappop(self.ends)
                self.has[agent].remove(done)
                self.give(ended)
            if case is not None:
                self.page(case)
                self.waiting.append(case)
            self.give(at)
        self.month.left = len(self.waiting)
        self.month.points = self.points(until, until - START)
        return self.month

    def page(self, case: Case) -> None:
        if case.severity == 1:
            for person in self.rota.on_call(case.at, QUEUE, 1).people[:1]:
                self.month.pages[person.agent] += 1

    def give(self, now: datetime) -> None:
        self.waiting.sort(key=lambda one: (one.severity, one.at))
        for case in list(self.waiting):
            people = self.people(now)
            work = Work(case.severity, case.category, case.channel)
            if (to := chosen(rank(self.terms, work, people))) is not None:
                self.waiting.remove(case)
                self.check(to.agent, case, now)
                self.has[to.agent].append(case)
                self.got[to.agent].append((now, case))
                self.last[to.agent] = now
                self.month.given[to.agent] += 1
                self.month.distressing[to.agent] += case.category in self.limited
                self.month.waited += now > case.at
                heapq.heappush(self.ends, (now + case.takes, case.number, to.agent, case))

    def people(self, now: datetime) -> list[Colleague]:
        here = {one.agent: one for one in reversed(self.rota.at_work(now, QUEUE))}
        points = self.points(now, WINDOW)
        found = []
        for agent in self.rota.roster.agents:
            since = here[agent.key].start if agent.key in here else now
            lately = itertools.takewhile(lambda one, since=since: one[0] >= since, reversed(self.got[agent.key]))  # type: ignore[misc]
            got = sum(case.category in self.limited for _, case in lately)
            found.append(
                Colleague(
                    agent.key,
                    here=agent.key in here,
                    zendesk_user_id=str(agent.zendesk_user_id),
                    skills=agent.skills,
                    capacity=agent.capacity,
                    load=load_of(agent.capacity, [(case.channel, case.severity) for case in self.has[agent.key]]),
                    got=(("distressing", got),),
                    burden=points[agent.key],
                    last_given=self.last.get(agent.key),
                )
            )
        return found

    def points(self, now: datetime, window: timedelta) -> dict[str, int]:
        """Time up to the last day's beginning, as far back as the window; pages and distressing cases of the month so far."""
        until = now.replace(hour=8, minute=0, second=0, microsecond=0)
        if self._weighed[0] != until or window != WINDOW:
            self._weighed = (until, time_points(self.rota, [self.calendar], until - window, until))
        points = dict(self._weighed[1])
        for agent in points:
            points[agent] += PAGE * self.month.pages[agent] + DISTRESSING * self.month.distressing[agent]
        return points

    def check(self, agent: str, case: Case, now: datetime) -> None:
        """Counts what must not be, from what was given alone."""
        at_work = [one for one in self.rota.at_work(now, QUEUE) if one.agent == agent]
        self.month.absent += not at_work
        room = dict(self.rota.agents[agent].capacity)[case.channel]
        busy = [one for one in self.has[agent] if one.channel == case.channel]
        self.month.broken += bool(busy) and sum(halves(one.severity) for one in (*busy, case)) > 2 * room
        if case.category in self.limited and at_work:
            before = sum(at >= at_work[0].start and one.category in self.limited for at, one in self.got[agent])
            self.month.broken += before + 1 > self.rota.roster.limits[0].per_shift
        self.month.twice += case.number in self.known
        self.known.add(case.number)


def run(days: int, seeds: tuple[int, ...]) -> bool:
    """Print the figures of both modes; False when something is not as it must be."""
    good = True
    print(f"{days} simulated days of a desk of eight, from {START:%Y-%m-%d}")
    print("| seed | mode | cases | Jain | points | distressing | caps broken | absent | twice | never given |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for seed in seeds:
        for mode in ("least_loaded", "round_robin"):
            month = Desk(mode).run(seed, days)
            points, distressing = sorted(month.points.values()), sorted(month.distressing[key] for key in KEYS)
            spread = f"{points[0]}-{points[-1]} | {distressing[0]}-{distressing[-1]}"
            wrong = f"{month.broken} | {month.absent} | {month.twice} | {month.left}"
            print(f"| {seed} | {mode} | {sum(month.given.values()):,} | {month.jain:.4f} | {spread} | {wrong} |")
            good &= not (month.broken or month.absent or month.twice)
            good &= mode != "least_loaded" or month.jain >= 0.97
    print()
    return good
