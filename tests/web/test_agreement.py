"""One answer: `/v1/oncall`, `/v1/shifts`, the feeds and the person who is really told are the same at every instant.

Held against a reader written apart, which reads the clock minute by minute. A swap, overrides, time off, contracts, holidays and half
days are active; half of the instants lie on free days, and many one second to either side of an edge.
"""

from __future__ import annotations

import copy
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.clocks import SettableClock
from tests.core import rota_oracle
from tests.core.calendar_oracle import library
from tests.core.rota_oracle import changes, wall
from tests.web.conftest import BOOK, Room, furnished
from tsbridge.core.feed_spans import Span
from tsbridge.core.ports import Ids
from tsbridge.core.rules.document import read
from tsbridge.core.times import time_text
from tsbridge.core.whom import To, whom
from tsbridge.roster import ical_in
from tsbridge.store import feeds, rulebooks
from tsbridge.store.db import Database

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)]

INSTANTS = int(os.environ.get("AGREEMENT", "8"))
"""How many random instants in each zone; `make soak` asks at a thousand."""
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
BEGAN, NOW, END = datetime(2026, 2, 2, 9, tzinfo=UTC), datetime(2026, 2, 20, 9, 30, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
"""When all of it became known, when it is asked, and up to when: what lies between the first two is the past by then."""
ZONES = {
    "Europe/Berlin": ("DE", "BY"),
    "America/New_York": ("US", None),
    "Australia/Lord_Howe": ("AU", "NSW"),
    "Africa/Casablanca": ("MA", None),
}
HALF = date(2026, 5, 5)
QUEUES, SEVERITIES = ("safety", "claims", "intake"), (1, 2, 3, 4)
NAMES = {"ana": "Ana Silva", "ben": "Ben Okoye", "cleo": "Cleo Haddad", "dan": "Dan Weiß", "eve": "Eve"}


def roster(zone: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "timezone": zone,
        "agents": {
            "ana": {"name": NAMES["ana"], "queues": ["safety", "claims"]},
            "ben": {"name": NAMES["ben"], "queues": ["safety"], "until": "2026-09-30"},
            "cleo": {"name": NAMES["cleo"], "queues": ["safety", "claims"]},
            "dan": {"name": NAMES["dan"], "queues": ["claims", "intake"], "from": "2026-03-01"},
            "eve": {"name": NAMES["eve"], "queues": ["safety"], "shadow": True},
        },
        "shifts": {
            "day": {"days": "mon-fri", "hours": "09:00-17:00", "agents": ["ana", "ben", "dan"], "calendar": "office"},
            "night": {"days": "mon-sun", "hours": "22:00-06:00", "agents": ["ben", "cleo", "eve"]},
        },
        "rotations": {
            "lead": {"members": ["ana", "ben", "cleo"], "every": "1d", "starts": "2026-01-12T02:30"},
            "slow": {"members": ["cleo", "dan"], "every": "60h", "starts": "2026-01-13T09:00"},
        },
        "cover": [
            {"queue": "safety", "severity": [1, 2], "oncall": "lead"},
            {"queue": "safety", "oncall": "night"},
            {"queue": "claims", "severity": 1, "oncall": "slow"},
            {"queue": "claims", "oncall": "day"},
            {"oncall": "lead"},
        ],
        "calendars": [{"agent": "cleo", "means": "off", "url_file": "/run/secrets/cleo-calendar"}],
    }


def overrides() -> Iterator[dict[str, Any]]:
    """As the API takes them, with instants: a swap of five weeks in six all along, and the others in between."""
    for week in range(0, 40, 6):
        start = BEGAN + HOUR + week * 7 * DAY
        yield {"kind": "oncall", "agent": "cleo", "instead_of": "ana", "rotation": "lead", "from": start, "to": start + 35 * DAY}
        yield {"kind": "oncall", "agent": "dan", "queue": "claims", "from": start + 3 * DAY, "to": start + 8 * DAY + HOUR / 4}
        yield {"kind": "shift", "agent": "cleo", "instead_of": "ana", "rotation": "day", "from": start + DAY, "to": start + 10 * DAY}
        yield {"kind": "shift", "agent": "ana", "queue": "intake", "from": start + 12 * DAY, "to": start + 12 * DAY + 5 * HOUR}
        yield {"kind": "off", "agent": "ben", "from": start + 15 * DAY, "to": start + 20 * DAY}


AWAY = [("cleo", datetime(2026, 5, 1, 22, tzinfo=UTC), datetime(2026, 5, 11, 22, tzinfo=UTC))]


def book(zone: str) -> dict[str, Any]:
    made = copy.deepcopy(BOOK)
    country, subdivision = ZONES[zone]
    made["queues"]["claims"] = {}
    free = {"country": country, **({"subdivision": subdivision} if subdivision else {}), "dates": {str(HALF): "10:00-13:00"}}
    made["calendars"] = {"office": {"timezone": zone, "hours": {"mon-fri": "08:00-18:00"}, "holidays": free}}
    return made


def free_days(zone: str) -> list[date]:
    known = (*library(*ZONES[zone], 2026)[0], HALF)
    return sorted(day for day in known if BEGAN.date() + DAY < day < END.date() - DAY)


@dataclass
class Everything:
    """Every place that says who is there, and the one apart from them."""

    room: Room
    truth: rota_oracle.Desk
    queues: dict[str, Callable[[datetime], set[str]]]
    agents: dict[str, Callable[[datetime], set[str]]]

    async def api(self, path: str, **asked: Any) -> Any:
        answer = await self.room.client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def compare(self, at: datetime, severities: tuple[int, ...]) -> None:
        duties = (await self.api("/v1/shifts", **{"from": time_text(at), "to": time_text(at + SECOND), "limit": 200}))["items"]
        there = [one for one in duties if instant(one["from"]) <= at < instant(one["to"])]
        self.at_work(at, there)
        self.own_feeds(at, there)
        for queue in QUEUES:
            for severity in severities:
                await self.on_call(at, queue, severity, there)

    def at_work(self, at: datetime, there: list[Any]) -> None:
        kinds = {one["id"]: one["kind"] for one in self.truth.overrides}
        by_shifts = {(one["agent"], one["name"]) for one in there if one["source"] == "shift"}
        by_shifts |= {(one["agent"], by(one)) for one in there if one["source"] == "override" and kinds[by(one)] == "shift"}
        assert by_shifts == set(self.truth.at_work(at, None)), at
        for queue in QUEUES:
            working = {agent for agent, _ in self.truth.at_work(at, queue)} - {"eve"}
            assert {one.partition(":")[2] for one in self.queues[queue](at) if one.startswith("work:")} == working, (at, queue)
            told = whom(self.rota(at), f"queue:{queue}", at, queue, 1, again=False)
            if working:
                assert {to.agent for to in told.first} == working, (at, queue)

    def own_feeds(self, at: datetime, there: list[Any]) -> None:
        """Everybody's own feed has exactly their duties."""
        does = {"rotation": "On call", "shift": "Shift", "override": "Duty"}
        for agent in NAMES:
            duties = {f"{does[one['source']]}: {one['name']}" for one in there if one["agent"] == agent}
            assert self.agents[agent](at) == duties, (at, agent)

    async def on_call(self, at: datetime, queue: str, severity: int, there: list[Any]) -> None:
        place = (at, queue, severity)
        holding = self.truth.on_call(at, queue, severity)
        truth = list(dict.fromkeys(agent for agent, _ in holding))
        answer = await self.api("/v1/oncall", at=time_text(at), queue=queue, severity=severity)
        assert [one["agent"] for one in answer["people"]] == truth, place
        assert (answer["gap"] is None) == bool(truth), place
        feed = {
            one.rpartition(":")[2] for one in self.queues[queue](at) if one.startswith("oncall:") and str(severity) in one.split(":")[1]
        }
        assert feed == set(truth), place
        once, again = (whom(self.rota(at), "oncall", at, queue, severity, again=more) for more in (False, True))
        assert [to.agent for to in once.first] == truth[:1], place
        assert [to.agent for to in (*once.first, *once.backups)][: len(truth)] == truth, place
        assert list(again.first[: len(truth)]) == [To(agent, ()) for agent in truth], place
        assert (once.gap is None) == bool(truth), place
        has = {(one["agent"], by(one)) for one in there}
        named = {(agent, what.partition(" ")[0]) for agent, what in holding}
        assert named <= has, place

    def rota(self, at: datetime) -> Any:
        roster = self.room.desk.roster
        return self.room.desk.database.read_now(lambda conn: roster.now(conn, NOW) if at >= NOW else roster.then(conn, at))


def by(duty: Any) -> str:
    """The shift or rotation of a duty, or the override that makes it."""
    return str(duty["id"].split(":")[1])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def at_each(content: bytes, titles: dict[str, str]) -> Callable[[datetime], set[str]]:
    """A served feed, read back by the reader for feeds of others: what stands in it at an instant."""
    people = {title.casefold(): what for title, what in titles.items()}
    spans = ical_in.read(content, BEGAN, END, UTC, means="shift", people=people).spans
    return lambda at: {span.agent for span in spans if span.start <= at < span.end}


def titles_of_queue() -> dict[str, str]:
    found = {f"At work: {name}": f"work:{key}" for key, name in NAMES.items()}
    for count in SEVERITIES:
        for some in combinations(SEVERITIES, count):
            which = "" if count == 4 else f", severity {', '.join(map(str, some))}"
            found |= {f"On call{which}: {name}": f"oncall:{''.join(map(str, some))}:{key}" for key, name in NAMES.items()}
    return found


def titles_of_agent() -> dict[str, str]:
    names = ("day", "night", "lead", "slow", *QUEUES)
    return {title: title for does in ("On call", "Shift", "Duty") for name in names for title in [f"{does}: {name}"]}


@pytest.fixture
async def everything(request: Any, database: Database, clock: SettableClock, ids: Ids, entropy: Any) -> AsyncIterator[Everything]:
    zone = request.param
    clock.set(BEGAN)
    async with furnished(database, clock, ids, entropy) as room:
        made = book(zone)
        await database.write(lambda conn: rulebooks.publish(conn, made, read(made).hash, "with a calendar", BEGAN, "test"))
        put = await room.client.put("/v1/roster", json={"document": roster(zone), "note": ""}, headers={"If-Match": '"0"'})
        assert put.status_code == 201, put.text
        known = []
        for one in overrides():
            text = {**one, "from": time_text(one["from"]), "to": time_text(one["to"]), "why": "as agreed"}
            answer = await room.client.post("/v1/overrides", json=text)
            assert answer.status_code == 201, answer.text
            known.append({**one, "id": answer.json()["id"]})
        off = tuple(Span(start, end, "") for _, start, end in AWAY)
        await database.write(lambda conn: feeds.read_well(conn, "off-cleo", off, BEGAN + 400 * DAY, BEGAN, (), None))
        clock.set(NOW)
        truth = rota_oracle.Desk(roster(zone), known, AWAY, made["calendars"])

        async def served(path: str, titles: dict[str, str]) -> Callable[[datetime], set[str]]:
            url = (await room.client.post(path)).json()["url"]
            answer = await room.client.get(url, headers={"Authorization": ""})
            assert answer.status_code == 200
            return at_each(answer.content, titles)

        yield Everything(
            room,
            truth,
            {queue: await served(f"/v1/queues/{queue}/feed", titles_of_queue()) for queue in QUEUES},
            {agent: await served(f"/v1/agents/{agent}/feed", titles_of_agent()) for agent in NAMES},
        )


def instants(dice: Random, zone: str, known: rota_oracle.Desk) -> Iterator[datetime]:
    """Random ones, half of them on free days; and one second to either side of edges of every kind."""
    clock, free = wall(zone), free_days(zone)
    for number in range(INSTANTS):
        if number % 2:
            midnight = clock.start(dice.choice(free), 0)
            yield midnight + dice.randrange(24 * 3_600) * SECOND
        else:
            yield BEGAN + SECOND + dice.randrange(int((END - BEGAN).total_seconds())) * SECOND
    edges = [*changes(zone), *(edge for one in known.overrides for edge in (one["from"], one["to"]))]
    edges += [edge for _, start, end in AWAY for edge in (start, end)]
    for day in (*free, *(one.astimezone(ZoneInfo(zone)).date() for one in changes(zone))):
        for minute in (0, 150, 6 * 60, 9 * 60, 10 * 60, 13 * 60, 17 * 60, 22 * 60):
            edges += [clock.start(day, minute), clock.end(day, minute)]
    edges += [clock.start(date(2026, 3, 1), 0), clock.end(date(2026, 10, 1), 0)]
    within = sorted({edge for edge in edges if BEGAN + SECOND < edge < END})
    always = [edge for edge in changes(zone) if edge in within]
    for edge in {*always, *dice.sample(within, min(len(within), INSTANTS // 6))}:
        yield from (edge - SECOND, edge, edge + SECOND)


@pytest.mark.timeout(120 + INSTANTS)
@pytest.mark.parametrize("everything", list(ZONES) if INSTANTS > 100 else list(ZONES)[:1], indirect=True)
async def test_everybody_says_the_same_at_every_instant(everything: Everything, request: Any) -> None:
    zone = request.node.callspec.params["everything"]
    asked = list(instants(Random(f"agreement {zone}"), zone, everything.truth))  # noqa: S311  # the same instants in every run
    for number, at in enumerate(asked):
        await everything.compare(at, SEVERITIES[number % 2 :: 2])  # each line of cover has one of 1 and 3, and one of 2 and 4
    answers = [everything.truth.on_call(at, queue, severity) for at in asked for queue in QUEUES for severity in (1, 3)]
    assert any(not one for one in answers)  # at some nobody is on call,
    assert sum(what.startswith("ovr_") for one in answers for _, what in one) > len(asked) / 4  # and an override decides many
