"""Races with people, and a long outage: nobody's edit is lost, every wish arrives, and Zendesk is not flooded (U1, U5).

`race` and `outage` are run with thousands by `python -m benchmarks races outage`.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.clocks import SettableClock
from tests.seeds import first
from tests.work.desk import WritingDesk, asked, tags
from tsbridge.core.helpdesk import Wish
from tsbridge.simulator.zendesk import Limits
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio

RACES = 100
OUT = 30
MINUTE = timedelta(minutes=1)


class Person:
    """Edits one ticket some times while we write to it, and remembers how it should be left."""

    def __init__(self, desk: WritingDesk, rng: random.Random, ticket: str) -> None:
        self.desk, self.rng, self.ticket = desk, rng, ticket
        self.mine = {"vip", "pet"}
        self.off: set[str] = set()
        self.priority: str | None = None
        self.left = rng.randint(0, 2)

    def edit(self) -> None:
        if not self.left or self.rng.random() < 0.3:
            return
        self.left -= 1
        seen = self.desk.tags(self.ticket)
        what = self.rng.randrange(3)
        props: dict[str, Any] = {}
        if what == 0:
            new = f"p{self.rng.randrange(10**6)}"
            self.mine.add(new)
            props["tags"] = sorted(seen | {new})
        elif what == 1 and self.mine:
            gone = self.rng.choice(sorted(self.mine))
            self.mine.discard(gone)
            self.off.add(gone)
            props["tags"] = sorted(seen - {gone})
        else:
            self.priority = "low"
            props["priority"] = "low"
        self.desk.edit(self.ticket, **props)
        if self.rng.random() < 0.15:
            self.desk.clock.advance(1)


async def race(desk: WritingDesk, count: int) -> Counter[str]:
    """So many tickets are written to while people edit them. Returns what was lost, by kind."""
    rng = random.Random(5)  # noqa: S311  # seeded races
    people: dict[str, Person] = {}
    for _ in range(count):
        ticket = desk.ticket(tags=["vip", "pet"], priority="normal")
        people[ticket] = Person(desk, rng, ticket)
        desk.wish(ticket, tags("ts_a", "ts_b", priority=asked("urgent"), notes=(("n1", "hurt"),)))

    def meanwhile(request: httpx.Request) -> None:
        if request.method == "PUT":
            people[request.url.path.rpartition("/")[2].removesuffix(".json")].edit()

    desk.wire.before = meanwhile
    await desk.until_quiet()
    lost: Counter[str] = Counter()
    for ticket, person in people.items():
        now = desk.tags(ticket)
        lost["tags"] += len(person.mine - now)
        lost["brought back"] += len(person.off & now)
        lost["ours"] += len({"ts_a", "ts_b"} - now)
        lost["priority"] += person.priority is not None and desk.seen(ticket)["priority"] != person.priority
        lost["notes"] += desk.notes(ticket) != ["hurt"]
        lost["unsettled"] += desk.status(ticket) != ("confirmed", None)
    return +lost


async def test_in_races_with_people_no_tag_and_no_field_of_theirs_is_lost_and_every_wish_ends(
    database: Database, clock: SettableClock
) -> None:
    desk = WritingDesk(database, clock, per_minute=100_000)
    assert await race(desk, RACES) == Counter()
    assert max(Counter(path for _, method, path in desk.wire.asked if method == "PUT").values()) <= 4
    conflicts = sum(status == 409 for _, _, status in desk.wire.answered)
    assert conflicts > RACES / 5  # the races did happen, in another second
    assert desk.alarmed()["foreign_edit_restored"] > RACES / 25  # and in the same one


@dataclass(frozen=True)
class Outage:
    """What came of an outage. `probes`: most calls of a minute while it lasted; `late`: how far anybody was out of order, in places."""

    tickets: int
    wrong: int
    unsettled: int
    writes: Counter[str]
    probes: int
    drained: timedelta
    in_order: bool


async def outage(desk: WritingDesk, count: int) -> Outage:
    """Zendesk is away for 48 hours in which so many tickets change up to ten times each; then it is back."""
    rng = random.Random(48)  # noqa: S311  # a seeded outage
    tickets = [desk.ticket() for _ in range(count)]
    desk.zendesk.faults.down = True
    start = desk.clock.now()
    wishes: dict[str, Wish] = {}
    slots: dict[str, int] = {}
    probes = 0
    changes = sorted(((rng.randrange(48 * 60), ticket) for ticket in tickets for _ in range(rng.randint(1, 10))), reverse=True)
    for minute in range(0, 48 * 60, 30):
        while changes and changes[-1][0] < minute + 30:
            at, ticket = changes.pop()
            slots.setdefault(ticket, minute)
            mark = f"ts_{ticket}_{rng.randrange(9)}"  # no two tickets need the same: each is written alone
            wishes[ticket] = tags(mark, by=f"{at:05}{len(changes):06}")
            desk.wish(ticket, wishes[ticket])
        before = len(desk.wire.asked)
        await desk.until_quiet(MINUTE)
        if minute > 60:
            probes = max(probes, len(desk.wire.asked) - before)
        desk.clock.set(max(desk.clock.now(), start + timedelta(minutes=minute + 30)))
    assert desk.puts() == 0
    desk.zendesk.faults.down = False
    begun = desk.clock.now()
    await desk.until_quiet(timedelta(minutes=count / 60 * 2 + 10))
    drained = max(at for at, method, _ in desk.wire.asked if method == "PUT") - begun
    written = [path.rpartition("/")[2].removesuffix(".json") for _, method, path in desk.wire.asked if method == "PUT"]
    asked_at = [slots[ticket] for ticket in written]
    return Outage(
        len(wishes),
        sum(desk.tags(ticket) != {tag for tag, _ in wish.tags} for ticket, wish in wishes.items()),
        sum(desk.status(ticket) != ("confirmed", None) for ticket in wishes),
        Counter(written),
        probes,
        drained,
        all(earlier <= later for earlier, later in zip(asked_at, asked_at[25:], strict=False)),  # the oldest first, some at a time
    )


@pytest.mark.parametrize("fresh_url", first(1, ["sqlite", "postgresql"]), indirect=True)
async def test_after_two_days_of_outage_each_ticket_is_written_once_in_order_within_the_permitted_time(
    database: Database, clock: SettableClock
) -> None:
    desk = WritingDesk(database, clock, limits=Limits(700, 100, 30, 10))
    found = await outage(desk, OUT)
    assert (found.tickets, found.wrong, found.unsettled) == (OUT, 0, 0)
    assert set(found.writes.values()) == {1}
    assert len(found.writes) == OUT
    assert found.probes <= 3  # two a minute, the one at the very end of it included
    assert found.drained <= 1.25 * timedelta(minutes=OUT / 60) + MINUTE
    assert found.in_order
