"""A large backlog: tickets that need the same tags share a job; whatever is unclear is written alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk, asked, tags
from tests.work.test_writeback_refused import refused
from tests.work.test_writeback_trouble import Died, die
from tsbridge.core import crashpoint
from tsbridge.core.helpdesk import Wish
from tsbridge.simulator.zendesk import Limits
from tsbridge.store import intents
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio
LIMITED = Limits(account=700, updates=100, per_ticket=30)


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> WritingDesk:
    return WritingDesk(database, clock, limits=LIMITED)


def jobs(desk: WritingDesk) -> int:
    return desk.wire.count("PUT", "update_many")


def alone(desk: WritingDesk) -> int:
    return desk.wire.count("PUT") - jobs(desk)


async def test_five_hundred_tickets_that_need_the_same_tags_are_done_with_five_permits(desk: WritingDesk) -> None:
    tickets = [desk.ticket(tags=["vip"]) for _ in range(500)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a"))
    started = desk.clock.now()
    await desk.until_quiet()
    assert (jobs(desk), alone(desk)) == (5, 0)
    assert desk.clock.now() - started < timedelta(minutes=2)
    for ticket in tickets:
        assert desk.tags(ticket) == {"vip", "ts_a"}
        assert desk.status(ticket) == ("confirmed", None)
    assert desk.zendesk.gate.refused == 0


async def test_a_ticket_that_needs_more_than_tags_is_written_alone(desk: WritingDesk) -> None:
    plain = [desk.ticket() for _ in range(80)]
    more = [desk.ticket() for _ in range(20)]
    for ticket in plain:
        desk.wish(ticket, tags("ts_a"))
    for ticket in more:
        desk.wish(ticket, tags("ts_a", priority=asked("urgent"), notes=(("rule:x#1", "Call them."),)), severity=1)
    await desk.until_quiet()
    assert (jobs(desk), alone(desk)) == (1, 20)
    assert all(desk.notes(ticket) == ["Call them."] and desk.seen(ticket)["priority"] == "urgent" for ticket in more)
    assert all(desk.tags(ticket) == {"ts_a"} for ticket in (*plain, *more))


async def test_a_few_wishes_are_written_alone(desk: WritingDesk) -> None:
    for _ in range(20):
        desk.wish(desk.ticket(), tags("ts_a"))
    await desk.until_quiet()
    assert (jobs(desk), alone(desk)) == (0, 20)


async def test_tags_that_no_longer_follow_come_off_together(desk: WritingDesk) -> None:
    tickets = [desk.ticket(tags=["vip"]) for _ in range(120)]
    for wish in (tags("ts_a"), Wish()):
        for ticket in tickets:
            desk.wish(ticket, wish)
        await desk.until_quiet()
    assert all(desk.tags(ticket) == {"vip"} for ticket in tickets)
    assert jobs(desk) >= 2


async def test_a_ticket_that_fails_in_its_job_is_looked_at_alone_and_holds_nobody(desk: WritingDesk) -> None:
    tickets = [desk.ticket() for _ in range(100)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a"))

    def close(request: object) -> None:
        if jobs(desk) == 1 and desk.seen(tickets[7])["status"] != "closed":
            desk.edit(tickets[7], status="closed")  # between our read and the job

    desk.wire.before = close
    await desk.until_quiet()
    assert desk.status(tickets[7]) == ("refused", "closed")
    assert {desk.status(ticket) for ticket in tickets if ticket != tickets[7]} == {("confirmed", None)}
    assert alone(desk) == 0


async def test_a_tag_that_zendesk_does_not_keep_is_parked_by_name_on_each_ticket(desk: WritingDesk) -> None:
    desk.zendesk.world.store.unwanted.add("ts_never")
    tickets = [desk.ticket() for _ in range(100)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a", "ts_never"))
    await desk.until_quiet()
    assert jobs(desk) == 1
    assert {desk.status(ticket) for ticket in tickets} == {("parked", "part_refused")}
    assert all(refused(desk, ticket) == {"tag:ts_never": "not_kept"} and desk.tags(ticket) == {"ts_a"} for ticket in tickets)


async def test_what_somebody_takes_off_behind_a_job_stays_off(desk: WritingDesk) -> None:
    tickets = [desk.ticket() for _ in range(100)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a"))

    def take_off(request: object) -> None:
        if "ts_a" in desk.tags(tickets[7]):
            desk.edit(tickets[7], tags=[])  # between the job and our look at what it did

    desk.wire.before = take_off
    await desk.until_quiet()
    assert {desk.status(ticket) for ticket in tickets} == {("confirmed", None)}
    assert [ticket for ticket in tickets if desk.tags(ticket) != {"ts_a"}] == [tickets[7]]
    assert (jobs(desk), alone(desk)) == (1, 0)


async def test_a_job_is_followed_to_its_end(desk: WritingDesk) -> None:
    desk.zendesk.world.job_looks = 3
    tickets = [desk.ticket() for _ in range(100)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    assert desk.wire.count("GET", "job_statuses") == 4
    assert {desk.status(ticket) for ticket in tickets} == {("confirmed", None)}


@pytest.mark.parametrize("trouble", ["never ends", "cut"])
async def test_of_a_job_whose_end_is_not_known_each_ticket_tells_what_happened_to_it(desk: WritingDesk, trouble: str) -> None:
    """What the job did is found in the audits, so that the tags stay ours to take off again."""
    if trouble == "cut":
        desk.zendesk.faults.cut = 1
    else:
        desk.zendesk.world.job_looks = 1_000
    tickets = [desk.ticket() for _ in range(100)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    assert {desk.status(ticket) for ticket in tickets} == {("confirmed", None)}
    assert all(desk.tags(ticket) == {"ts_a"} for ticket in tickets)
    assert (jobs(desk), alone(desk)) == (1, 0)
    desk.zendesk.world.job_looks = 0
    for ticket in tickets:
        desk.wish(ticket, Wish())
    await desk.until_quiet()
    assert not any(desk.tags(ticket) for ticket in tickets)


async def test_a_job_zendesk_refuses_is_written_ticket_by_ticket(desk: WritingDesk) -> None:
    desk.zendesk.faults.conflicts = 1
    tickets = [desk.ticket() for _ in range(100)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    assert alone(desk) == 100
    assert {desk.status(ticket) for ticket in tickets} == {("confirmed", None)}


async def test_two_writers_never_have_the_same_ticket_in_two_jobs(database: Database, clock: SettableClock) -> None:
    desk = WritingDesk(database, clock, limits=LIMITED, writers=2)
    tickets = [desk.ticket() for _ in range(300)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    assert (jobs(desk), alone(desk)) == (3, 0)
    writes = database.read_now(lambda conn: [intents.writes_since(conn, t, clock.now() - timedelta(days=1)) for t in tickets])
    assert set(writes) == {1}


@pytest.mark.parametrize("point", [f"writeback.{name}" for name in ("claimed", "intended", "answered", "settled")])
async def test_dying_anywhere_on_the_way_of_a_job_loses_no_wish_and_the_tags_stay_ours(desk: WritingDesk, point: str) -> None:
    tickets = [desk.ticket(tags=["vip"]) for _ in range(25)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a"))
    crashpoint.arm(point, die)
    try:
        with pytest.raises(Died):
            await desk.round()
    finally:
        crashpoint.disarm()
    desk.writers = [desk.writer("born later")]
    await desk.until_quiet()
    assert {desk.status(ticket) for ticket in tickets} == {("confirmed", None)}
    assert all(desk.tags(ticket) == {"vip", "ts_a"} for ticket in tickets)
    for ticket in tickets:
        desk.wish(ticket, Wish())
    await desk.until_quiet()
    assert all(desk.tags(ticket) == {"vip"} for ticket in tickets)
