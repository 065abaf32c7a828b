"""Four weeks of a desk (one for every change, all by `make soak`): both changes to and from daylight saving, holidays, clocks that jump,
workers killed each hour, mail away for two.

What should fire is worked out beside the desk from when cases came and were acknowledged. Everything severe ends with a person who has
it, or with the words that nobody could be reached.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, select

from tests.clocks import SettableClock
from tests.work.telling import Telling
from tests.work.walk import ticket
from tsbridge.core import crashpoint
from tsbridge.core.errors import TryLater
from tsbridge.core.moments import instant_text
from tsbridge.core.roster import Override
from tsbridge.store import rosters
from tsbridge.store.db import Database
from tsbridge.store.notice_tables import notices
from tsbridge.work.due_cases import DueTimes

ZONE = ZoneInfo("America/New_York")
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
STEPS = (timedelta(0), 10 * MINUTE, 25 * MINUTE, 2 * HOUR)
OFFICE = 3
"""The step that waits for office hours."""

ROSTER: dict[str, Any] = {
    "schema": 1,
    "timezone": "America/New_York",
    "agents": {
        "ana": {"name": "Ana", "email": "ana@example.com", "queues": ["safety"], "reach": ["mail", "chat"], "quiet": "22:00-07:00"},
        "ben": {"name": "Ben", "email": "ben@example.com", "queues": ["safety"], "reach": ["mail"], "quiet": "22:00-07:00"},
        "cleo": {"name": "Cleo", "email": "cleo@example.com", "queues": ["safety"], "reach": ["chat", "mail"]},
        "dov": {"name": "Dov", "email": "dov@example.com", "queues": ["safety"], "reach": ["mail"]},
    },
    "ways": {"mail": {"kind": "smtp"}, "chat": {"kind": "slack", "url_file": "/run/secrets/chat"}},
    "rotations": {"lead": {"members": ["ana", "ben", "cleo"], "every": "1d", "starts": "2026-03-01T09:00"}},
    "cover": [{"oncall": "lead", "then": ["dov"]}],
    "lists": {"leads": ["dov", "cleo"]},
}
BOOK: dict[str, Any] = {
    "schema": 1,
    "queues": {"safety": {}},
    "calendars": {
        "office": {
            "timezone": "America/New_York",
            "hours": {"mon-fri": "09:00-17:00"},
            "holidays": {"country": "US", "dates": ["2026-03-10"]},
        }
    },
    "policies": {
        "sev1": {
            "stops_when": {"any": [{"field": "case.acknowledged", "operator": "is", "value": True}]},
            "steps": [
                {"after": "0m", "actions": [{"notify": "oncall"}]},
                {"after": "10m", "actions": [{"notify": "oncall"}]},
                {"after": "25m", "actions": [{"notify": "list:leads"}]},
                {"after": "2h", "in": "office", "actions": [{"notify": "rotation:lead"}]},
            ],
        }
    },
    "rules": [
        {
            "key": "hurt",
            "kind": "escalation",
            "when": {"field": "text", "operator": "contains", "value": "bitten"},
            "then": [{"set_severity": 1}, {"escalate": "sev1"}],
        },
        {
            "key": "lost",
            "kind": "escalation",
            "when": {"field": "text", "operator": "contains", "value": "lost"},
            "then": [{"set_severity": 3}, {"notify": "oncall"}],
        },
        {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "safety"}]},
    ],
}


class Killed(BaseException):
    """A worker's process ends."""


class Weeks:
    """So many days from `start`: what comes in, who answers, and what goes wrong, out of a seed."""

    def __init__(self, database: Database, start: datetime, days: int, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311  # a seeded world
        self.clock = SettableClock(start)
        self.start, self.end, self.span = start, start + days * DAY, days * DAY
        self.desk = Telling(database, self.clock, BOOK, ROSTER)
        a_third, later = days * 5 // 14 * DAY, days * 9 // 14 * DAY
        self.away = (start + a_third + 13 * HOUR, start + a_third + 15 * HOUR)
        self.nobody = (start + later + 2 * HOUR, start + later + 8 * HOUR)
        self.desk.ways.fault = self.fault
        self.opened: dict[str, datetime] = {}
        self.answers: list[tuple[datetime, str, str]] = []
        self.acknowledged: dict[str, datetime] = {}
        self.heard = 0
        for agent in ("ana", "ben", "cleo", "dov"):
            self._off(agent)

    def _off(self, agent: str) -> None:
        def write(conn: Connection) -> None:
            rosters.lock(conn)
            off = Override(f"ovr_{agent}", "off", agent, *self.nobody, "the whole team is away")
            rosters.add_override(conn, off, self.start, "sue")

        self.desk.database.write_now(write)

    def fault(self, way: str, agent: str | None) -> None:
        """Mail is away for two hours; for a few hours nothing reaches anybody."""
        now = self.clock.now()
        if (way == "mail" and self.away[0] <= now < self.away[1]) or self.nobody[0] <= now < self.nobody[1]:
            raise TryLater("away")

    def comes_in(self) -> list[tuple[datetime, str, bool]]:
        """When which ticket comes, and whether it is severe: some in the hours that happen twice or never, and while things are away."""
        severe = [self.start + self.dice.random() * self.span for _ in range(2 * self.span.days)]
        severe += [datetime(self.start.year, month, day, hour, 30, tzinfo=ZONE).astimezone(UTC) for month, day, hour in self._edges()]
        severe += [self.away[0] + 20 * MINUTE, self.away[0] + 70 * MINUTE, self.nobody[0] + HOUR]
        lesser = [self.start + self.dice.random() * self.span for _ in range(self.span.days)]
        known = [(at, True) for at in severe] + [(at, False) for at in lesser]
        return [(at, str(50_000 + number), hurt) for number, (at, hurt) in enumerate(sorted(known)) if at < self.end - DAY]

    def _edges(self) -> list[tuple[int, int, int]]:
        return [(3, 8, 1), (3, 8, 3)] if self.start.month == 3 else [(11, 1, 0), (11, 1, 1), (11, 1, 2)]

    def live(self) -> None:
        coming = self.comes_in()
        jumps = [self.start + days * DAY + 7 * HOUR for days in (self.span.days * part // 14 for part in (3, 7, 11))]
        hour = self.start + HOUR
        while True:
            times = [at for at, *_ in coming[:1]] + [at for at, *_ in sorted(self.answers)[:1]] + jumps[:1] + [hour]
            at = min(times)
            if at > self.end:
                break
            if at > self.clock.now():
                self.desk.run(at - self.clock.now())
            if coming and coming[0][0] <= self.clock.now():
                _, name, severe = coming.pop(0)
                self.open(name, severe=severe)
            elif self.answers and min(self.answers)[0] <= self.clock.now():
                self.answer()
            elif jumps and jumps[0] <= self.clock.now():
                jumps.pop(0)
                self.clock.advance(5 * MINUTE if len(jumps) % 2 else -5 * MINUTE)
                self.desk.tell()
            else:
                self.restart()
                hour += HOUR
            self.listen()
        self.desk.run(DAY)
        self.listen()

    def open(self, name: str, *, severe: bool) -> None:
        now = self.clock.now()
        body = ticket("created", 0, name, text="bitten" if severe else "lost", person=name)[1]
        body["ticket"] |= {"created_at": instant_text(now), "updated_at": instant_text(now)}
        self.desk.walk.tell([("zendesk", body)])
        self.desk.walk.work()
        self.opened[name] = now
        if self.dice.random() < 0.15:
            crashpoint.arm(self.dice.choice(["notify.claimed", "notify.sent", "notify.settled"]), self.die)
            try:
                asyncio.run(self._round())
            except Killed:
                self.restart()
            crashpoint.disarm()
        self.desk.tell()

    async def _round(self) -> None:
        await self.desk.notify.round()
        await self.desk.notify.finish()

    @staticmethod
    def die() -> None:
        crashpoint.disarm()
        raise Killed

    def restart(self) -> None:
        """The processes were killed; others stand in their place."""
        self.desk.notify = self.desk.worker()
        walk = self.desk.walk
        walk.due = DueTimes(walk.database, self.clock, walk.conclusions, lambda _: None)

    def listen(self) -> None:
        """Whoever got a message about something severe may answer it after some minutes; whoever is told at a later step does."""
        for sent in self.desk.ways.sent[self.heard :]:
            data = sent.message.data
            for case in data.get("cases", [data]):
                if not data.get("acknowledged") and case["severity"] == 1 and (case["step"] > 1 or self.dice.random() < 0.6):
                    self.answers.append((sent.at + self.dice.uniform(1, 9) * MINUTE, case["case_id"], sent.agent or ""))
        self.heard = len(self.desk.ways.sent)

    def answer(self) -> None:
        self.answers.sort()
        _, case, agent = self.answers.pop(0)
        if case not in self.acknowledged:
            self.acknowledged[case] = self.clock.now()
            self.desk.acknowledge(case, agent)
            self.desk.tell()


@pytest.mark.parametrize(
    ("fresh_url", "start", "days"),
    [
        ("sqlite", datetime(2026, 3, 5, 6, tzinfo=UTC), 7),
        pytest.param("sqlite", datetime(2026, 3, 1, 6, tzinfo=UTC), 14, marks=pytest.mark.soak),
        pytest.param("postgresql", datetime(2026, 10, 30, 6, tzinfo=UTC), 14, marks=pytest.mark.soak),
    ],
    indirect=["fresh_url"],
    ids=["a week in spring", "spring", "autumn"],
)
def test_no_step_is_missed_or_doubled_and_everything_severe_has_somebody_or_says_that_nobody_was_there(
    database: Database, start: datetime, days: int
) -> None:
    weeks = Weeks(database, start, days, start.month)
    weeks.live()
    desk = weeks.desk
    rows = database.read_now(lambda conn: conn.execute(select(notices)).all())
    by_case: dict[str, list[Any]] = {}
    for row in rows:
        by_case.setdefault(row.case_id, []).append(row)
    office = desk.walk.rulebooks.version
    calendar = database.read_now(lambda conn: office(conn, 1).book.calendars["office"])
    severe = [row.case_id for row in rows if row.asked_by == "policy:sev1/1"]
    assert len(severe) == len(set(severe)) >= 1.8 * days
    missed, should_fire = [], 0
    for name, at in weeks.opened.items():
        case = desk.case_of(name)
        asked = Counter((row.asked_by, row.target) for row in by_case[case])
        assert set(asked.values()) == {1}, asked
        if case not in severe:
            continue
        dues = [calendar.after(at, after) if index == OFFICE else at + after for index, after in enumerate(STEPS)]
        until = weeks.acknowledged.get(case, weeks.clock.now())
        should = {f"policy:sev1/{index + 1}" for index, due in enumerate(dues) if due is not None and due <= until}
        should_fire += len(should)
        missed += [(case, step) for step in should if not any(row.asked_by == step for row in by_case[case])]
        early = {row.asked_by for row in by_case[case] if not row.ahead} - should
        assert early <= {row.asked_by for row in by_case[case] if nobody(desk, case)}, (case, early)
    assert missed == []
    assert should_fire > len(severe) * 1.5
    late = sorted((row.asked_at - row.at).total_seconds() for row in rows)
    assert late[len(late) * 99 // 100] < 5
    silent = [case for case in severe if case not in weeks.acknowledged and not nobody(desk, case)]
    assert silent == []
    assert len(weeks.acknowledged) >= 1.8 * days
    assert any(nobody(desk, case) for case in severe)  # the night on which nobody was there
    twice = Counter(one.message.id for one in desk.ways.sent)
    assert max(twice.values()) <= 2  # only where the answer was lost, and then under the same id
    assert {row.status for row in desk.items()} <= {"sent", "failed", "superseded"}


def nobody(desk: Telling, case: str) -> bool:
    return any(row.agent is None and row.reason in ("nobody_on_call", "nobody_reached") for row in desk.items(case))
