"""Rules, people and Zendesk's own triggers together: whatever they do to each other, it comes to rest.

`python -m benchmarks rest` runs it for a thousand worlds.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.seeds import seeds
from tests.work.desk import WritingDesk
from tests.work.walk import Walk
from tsbridge.core import strict_json
from tsbridge.simulator.zendesk.deliveries import event_body
from tsbridge.store import claiming, inbox
from tsbridge.store.db import Database
from tsbridge.vendors.reading import Normalized
from tsbridge.vendors.zendesk import normalize as zendesk
from tsbridge.vendors.zendesk.read_fields import OwnUser

pytestmark = pytest.mark.anyio

TAGS = ("ts_a", "ts_b", "ts_c", "vip")
WORDS = ("bite", "refund", "lost")
PRIORITIES = ("low", "normal", "high", "urgent")


def some_rulebook(rng: random.Random) -> dict[str, Any]:
    """A few rules over words, tags and priority that add and take off the same few tags."""

    def condition() -> dict[str, Any]:
        return rng.choice(
            [
                {"field": "text", "operator": "contains", "value": rng.choice(WORDS)},
                {"field": "tags", "operator": rng.choice(["includes", "not_includes"]), "value": rng.choice(TAGS)},
                {"field": "ticket.priority", "operator": rng.choice(["is", "is_not"]), "value": rng.choice(PRIORITIES)},
            ]
        )

    def action() -> dict[str, Any]:
        return rng.choice(
            [
                {"add_tags": [rng.choice(TAGS)]},
                {"remove_tags": [rng.choice(TAGS)]},
                {"set_priority": rng.choice(PRIORITIES)},
                {"note": "Have a look."},
            ]
        )

    rules: list[dict[str, Any]] = [
        {
            "key": f"r{n}",
            "kind": "escalation",
            "title": f"rule {n}",
            "when": {rng.choice(["all", "any"]): [condition() for _ in range(rng.randint(1, 2))]},
            "then": list({next(iter(a)): a for a in (action() for _ in range(rng.randint(1, 2)))}.values()),
        }
        for n in range(rng.randint(1, 4))
    ]
    rest = {"key": "rest", "kind": "routing", "title": "the rest", "when": {}, "then": [{"route": "intake"}]}
    return {"schema": 1, "queues": {"intake": {"zendesk_group_id": 61000000001}}, "rules": [*rules, rest]}


def some_triggers(rng: random.Random) -> dict[int, dict[str, Any]]:
    """A few of Zendesk's own rules that put things their way."""

    def trigger(n: int) -> dict[str, Any]:
        when = rng.choice(
            [
                {"field": "current_tags", "operator": rng.choice(["includes", "not_includes"]), "value": rng.choice(TAGS)},
                {"field": "priority", "operator": "is", "value": rng.choice(PRIORITIES)},
                {"field": "update_type", "operator": "is", "value": "Change"},
            ]
        )
        then = rng.choice(
            [
                {"field": "current_tags", "value": rng.choice(TAGS)},
                {"field": "remove_tags", "value": rng.choice(TAGS)},
                {"field": "priority", "value": rng.choice(PRIORITIES)},
            ]
        )
        return {"id": n, "title": str(n), "active": True, "position": n, "conditions": {"all": [when], "any": []}, "actions": [then]}

    return {n: trigger(n) for n in range(1, rng.randint(1, 4))}


class Whole(Walk):
    """The walk with a writer behind it and the simulated Zendesk on both ends."""

    def __init__(self, database: Database, clock: SettableClock, document: dict[str, Any], rng: random.Random) -> None:
        super().__init__(database, clock, document)
        self.writing = WritingDesk(database, clock)
        self.rng = rng

    def _zendesk(self, row: claiming.Claimed, _: Any) -> Normalized:
        bridge = self.writing.zendesk.world.bridge
        own = OwnUser(str(bridge["id"]), bridge["email"])
        return zendesk.normalize(strict_json.read(row.body), received_at=row.received_at, own=own)

    def hear(self) -> int:
        """Zendesk tells what happened since: shuffled, some of it twice."""
        world = self.writing.zendesk.world
        happened, world.happened = world.happened, []
        bodies = [event_body(one, self.rng) for one in happened]
        bodies += [body for body in bodies if self.rng.random() < 0.3]
        self.rng.shuffle(bodies)
        now = self.clock.now()
        for body in bodies:
            key = str(json.loads(body)["id"])
            delivery = inbox.Delivery(self.ids.new("evt"), "zendesk", key, now, {}, body)
            self.database.write_now(lambda conn, delivery=delivery: inbox.keep(conn, [delivery]))  # type: ignore[misc]
        return len(bodies)

    async def go(self, span: timedelta) -> None:
        """Everybody works for a while."""
        end = self.clock.now() + span
        while self.clock.now() < end:
            heard = self.hear()
            await self._work()
            await self.writing.until_quiet(timedelta(seconds=2))
            self.clock.advance(2 if heard else 30)


async def restless(database: Database, clock: SettableClock, seed: int) -> list[str]:
    """A random rulebook with random triggers, people and echoes. Returns what did not come to rest."""
    rng = random.Random(seed)  # noqa: S311  # a seeded world
    whole = Whole(database, clock, some_rulebook(rng), rng)
    writing, world = whole.writing, whole.writing.zendesk.world
    world.store.triggers.update(some_triggers(rng))
    tickets = [writing.ticket(comment={"body": f"a {rng.choice(WORDS)}"}, tags=rng.sample(TAGS, 1)) for _ in range(2)]
    for _ in range(3):
        await whole.go(timedelta(seconds=20))
        ticket = rng.choice(tickets)
        if rng.random() < 0.5:
            writing.edit(ticket, tags=sorted(set(rng.sample(TAGS, 2))))
        else:
            requester = world.user(writing.seen(ticket)["requester_id"])
            world.change(int(ticket), {"comment": {"body": f"a {rng.choice(WORDS)}", "public": True}}, requester, via="email")
    await whole.go(timedelta(minutes=5))
    before = writing.puts()
    await whole.go(timedelta(minutes=10))
    found = [] if writing.puts() == before and world.happened == [] else ["still writing after five minutes"]
    for ticket in tickets:
        if writing.puts(ticket) > 20:
            found.append(f"ticket {ticket}: {writing.puts(ticket)} writes")
        if writing.asked_of(ticket) and writing.status(ticket)[0] not in ("confirmed", "unneeded", "parked"):
            found.append(f"ticket {ticket}: {writing.status(ticket)}")
    return found


@pytest.mark.parametrize("seed", seeds(3, 30))
async def test_any_rulebook_with_any_triggers_comes_to_rest(make_database: Callable[[], Database], clock: SettableClock, seed: int) -> None:
    assert await restless(make_database(), clock, seed) == []
