"""Tickets that are merged, as the service hears and keeps them: severe is what one of them is, whatever comes last or late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.clocks import SettableClock
from tests.core.test_joined import BOOK
from tests.work.test_hearing import Desk
from tests.work.walk import Walk, call, ticket
from tsbridge.core.moments import Interaction
from tsbridge.store import cases
from tsbridge.store.case_tables import cases as rows
from tsbridge.store.db import Database
from tsbridge.store.notice_tables import notices

HURT = ticket("created", 0, "4711", text="my dog was bitten")
BILL = ticket("created", 1, "4800", text="where is my invoice", person="42")
MORE = [
    ticket("commented", 8, "4800", text="please send that invoice", person="42"),
    ticket("commented", 9, "4711", text="he was bitten, I said"),
    call("call.ended", 12, "c1", zendesk_ticket_id="4800"),
]
SEVERE = (1, "safety", "safety")


@pytest.fixture
def late(clock: SettableClock) -> SettableClock:
    clock.advance(timedelta(days=1))
    return clock


def begun(database: Database, clock: SettableClock, told: list[Any]) -> Walk:
    walk = Walk(database, clock, BOOK)
    walk.tell(told)
    walk.work()
    return walk


def stands(walk: Walk) -> list[tuple[Any, ...]]:
    return sorted((case[2:5] for case in walk.outcome()["cases"]), key=str)


def join(walk: Walk, into: str, other: str) -> str:
    of = {member[2]: member[0] for member in walk.outcome()["members"]}
    return str(asyncio.run(walk.desk.merge(of[into], "Sue", of[other])).id)


@pytest.mark.parametrize(("into", "other"), [("4711", "4800"), ("4800", "4711")])
def test_merged_in_either_order_the_case_is_as_severe_as_its_worst_ticket(
    database: Database, late: SettableClock, into: str, other: str
) -> None:
    walk = begun(database, late, [HURT, BILL])
    assert stands(walk) == [SEVERE, (2, "billing", "claims")]
    case = join(walk, into, other)
    assert stands(walk) == [SEVERE]
    for one in MORE:
        walk.tell([one])
        walk.work()
        assert stands(walk) == [SEVERE]
    told = database.read_now(lambda conn: conn.execute(select(notices.c.interaction, notices.c.severity)).all())
    assert [tuple(row) for row in told] == [("4711", 1)], "whoever speaks in turns tells nobody again"
    asyncio.run(walk.desk.split(case, "Sue", Interaction("zendesk", other)))
    assert {SEVERE, (2, "billing", "claims")} <= set(stands(walk))


def test_late_deliveries_and_a_rulebook_published_in_between_end_alike(make_database: Callable[[], Database], late: SettableClock) -> None:
    gentler = {**BOOK, "rules": [{**rule, "then": [{"set_severity": 3}]} if rule["key"] == "injury" else rule for rule in BOOK["rules"]]}
    ends = []
    for order in ([HURT, BILL, *MORE], [BILL, *MORE, HURT], [MORE[0], HURT, MORE[2], MORE[1], BILL]):
        walk = begun(make_database(), late, order[:2])
        join(walk, "4711", "4800") if order[0] is HURT else None
        walk.tell(order[2:])
        walk.work()
        if order[0] is not HURT:
            join(walk, "4711", "4800")
        walk.publish(gentler)
        ends.append((stands(walk), walk.outcome()["wishes"]))
        walk.tell([ticket("commented", 20, "4800", text="the invoice", person="42")])
        walk.work()
        assert stands(walk) == [SEVERE], "what was judged by the version before is not judged anew by the next"
    assert ends[0][0] == [SEVERE]
    assert ends[1:] == ends[:1] * 2


def test_a_state_that_was_kept_before_is_made_again_when_its_time_comes(database: Database, late: SettableClock) -> None:
    walk = begun(database, late, [HURT, BILL])
    join(walk, "4711", "4800")
    before = walk.outcome()
    opened = rows.c.opened_at
    database.write_now(lambda conn: conn.execute(update(rows).values(state={}, severity=2, due_at=opened)))  # as the migration leaves them
    assert database.read_now(lambda conn: cases.facts_of(conn, {"4711": before["cases"][0][0]})) == {}
    walk.work()
    assert walk.outcome() == before


@pytest.mark.parametrize("lost", ["hurt", "bill"])
def test_tickets_that_an_agent_merges_at_zendesk_stay_as_severe_as_the_worst(database: Database, clock: SettableClock, lost: str) -> None:
    desk = Desk(database, clock)
    desk.walk.publish({**BOOK, "queues": {name: {} for name in BOOK["queues"]}})
    made: dict[str, str] = {}
    for name, text in (("hurt", "my dog was bitten"), ("bill", "where is my invoice")):
        person = desk.world.add_user(name, f"{name}@example.com")
        said = {"subject": "Help", "comment": {"body": text}, "requester_id": person["id"], "status": "open"}
        made[name] = str(desk.world.create(said, person, via="mail")["id"])
    left = made["bill" if lost == "hurt" else "hurt"]
    desk.world.merge(int(left), [int(made[lost])], desk.world.admin, None, None)
    clock.advance(60)
    desk.writing.edit(left, comment={"body": "where is the invoice that I asked for", "public": True})
    for ticket_id in made.values():
        desk.ring(ticket_id)
    desk.walk.work()
    assert stands(desk.walk) == [SEVERE]
