"""Write-back against a simulated Zendesk: what is sent, what is not, and how a wish ends."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk, asked, tags
from tsbridge.core.helpdesk import Wish
from tsbridge.store import desired
from tsbridge.store.db import Database
from tsbridge.work.loop import LEASE
from tsbridge.work.writeback import SAY_AGAIN

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> WritingDesk:
    return WritingDesk(database, clock)


async def test_everything_that_is_wished_arrives_in_one_guarded_call(desk: WritingDesk) -> None:
    ticket = desk.ticket(tags=["vip"])
    wish = tags(
        "ts_injury",
        "ts_sev1",
        priority=asked("urgent"),
        group_id=asked("61000000010"),
        assignee_id=asked("41000000007"),
        custom_fields=(("360001234", asked("tier_3")),),
        notes=(("rule:injury#1", "Somebody is hurt."), ("rule:vip#1", "A guest of ours.")),
    )
    desk.wish(ticket, wish)
    await desk.until_quiet()
    seen = desk.seen(ticket)
    assert desk.tags(ticket) == {"vip", "ts_injury", "ts_sev1", "tier_3"}  # a drop-down's value is a tag, too
    assert (seen["priority"], seen["group_id"], seen["assignee_id"]) == ("urgent", 61000000010, 41000000007)
    assert {"id": 360001234, "value": "tier_3"} in seen["custom_fields"]
    assert desk.notes(ticket) == ["Somebody is hurt.\n\nA guest of ours."]
    assert desk.puts() == 1
    sent = desk.zendesk.writes[0]["content"]["ticket"]
    assert sent["safe_update"] is True
    assert sent["updated_stamp"] == "2026-11-22T09:00:00Z"
    assert sent["comment"]["public"] is False
    assert "status" not in sent
    assert sent["metadata"]["notes"] == ["rule:injury#1", "rule:vip#1"]
    assert desk.status(ticket) == ("confirmed", None)


async def test_a_ticket_that_already_is_as_wished_is_not_written(desk: WritingDesk) -> None:
    ticket = desk.ticket(tags=["ts_a"])
    desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    assert desk.puts() == 0
    assert desk.status(ticket) == ("unneeded", None)


async def test_a_new_wish_without_a_difference_is_confirmed_when_we_wrote_before(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    desk.wish(ticket, tags("ts_a", by="2"))
    await desk.until_quiet()
    assert desk.puts() == 1
    assert desk.status(ticket) == ("confirmed", None)


async def test_the_same_wish_again_changes_nothing(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    assert desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    before = dict(desk.row(ticket))
    assert not desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    assert dict(desk.row(ticket)) == before


async def test_a_burst_of_wishes_is_one_write(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    for n in range(1, 6):
        desk.wish(ticket, tags(*(f"ts_{i}" for i in range(n)), by=str(n)))
    await desk.until_quiet()
    assert desk.puts() == 1
    assert desk.tags(ticket) == {f"ts_{i}" for i in range(5)}


async def test_a_tag_that_no_longer_follows_is_taken_off_and_a_persons_own_is_not(desk: WritingDesk) -> None:
    ticket = desk.ticket(tags=["vip"])
    desk.wish(ticket, tags("ts_a", "vip"))
    await desk.until_quiet()
    desk.wish(ticket, Wish())
    await desk.until_quiet()
    assert desk.tags(ticket) == {"vip"}


async def test_a_tag_a_person_took_off_stays_off_until_it_is_asked_for_anew(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    desk.edit(ticket, tags=[])
    desk.wish(ticket, Wish(tags=(("ts_a", "1"), ("ts_b", "2"))))
    await desk.until_quiet()
    assert desk.tags(ticket) == {"ts_b"}
    desk.wish(ticket, Wish(tags=(("ts_a", "3"), ("ts_b", "2"))))
    await desk.until_quiet()
    assert desk.tags(ticket) == {"ts_a", "ts_b"}


async def test_a_wish_that_changes_while_we_write_is_written_too_and_notes_are_not_repeated(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", notes=(("n1", "first"),)))
    changed = tags("ts_b", by="2", notes=(("n1", "first"), ("n2", "second")))

    def meanwhile(request: httpx.Request) -> None:
        if request.method == "PUT":
            desk.wish(ticket, changed)

    desk.wire.before = meanwhile
    await desk.until_quiet()
    assert desk.tags(ticket) == {"ts_b"}
    assert desk.notes(ticket) == ["first", "second"]
    assert desk.status(ticket) == ("confirmed", None)


async def test_a_person_in_between_is_a_conflict_and_the_edit_is_planned_anew(desk: WritingDesk) -> None:
    ticket = desk.ticket(tags=["vip"])
    desk.wish(ticket, tags("ts_a"))
    desk.clock.advance(1)
    edits = iter([["vip", "pet"], ["vip", "pet", "angry"]])

    def person(request: httpx.Request) -> None:
        if request.method == "PUT" and (now := next(edits, None)) is not None:
            desk.edit(ticket, tags=now)
            desk.clock.advance(1)

    desk.wire.before = person
    await desk.round()
    assert desk.tags(ticket) == {"vip", "pet", "angry", "ts_a"}
    assert desk.puts() == 3
    assert desk.status(ticket) == ("confirmed", None)


async def test_after_three_new_plans_in_a_row_a_busy_ticket_waits(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    desk.zendesk.faults.conflicts = 1_000
    due = await desk.round()
    assert due is not None
    assert desk.puts() == 4
    assert desk.status(ticket) == ("waiting", "conflict")
    assert desk.row(ticket)["attempts"] == 1
    desk.zendesk.faults.conflicts = 0
    await desk.until_quiet()
    assert desk.status(ticket) == ("confirmed", None)


async def test_what_a_person_did_in_the_same_second_is_given_back_at_once_and_reported(desk: WritingDesk) -> None:
    ticket = desk.ticket(tags=["vip", "old"], priority="normal")
    desk.wish(ticket, tags("ts_a", priority=asked("high")))
    edits = iter([{"tags": ["vip", "pet"], "priority": "low"}])

    def person(request: httpx.Request) -> None:
        if request.method == "PUT" and (now := next(edits, None)) is not None:
            desk.edit(ticket, **now)  # the clock stands still: the stamp does not tell

    desk.wire.before = person
    await desk.round()
    assert desk.tags(ticket) == {"vip", "pet", "ts_a"}
    assert desk.seen(ticket)["priority"] == "low"
    assert desk.alarms == [("foreign_edit_restored", {"ticket": ticket, "tags": 2, "values": 1})]
    assert desk.status(ticket) == ("confirmed", None)
    desk.wish(ticket, Wish())
    await desk.until_quiet()
    assert desk.tags(ticket) == {"vip", "pet"}


async def test_what_is_owed_to_a_person_is_not_forgotten_when_zendesk_goes_away(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    edits = iter([["pet"]])

    def person(request: httpx.Request) -> None:
        if request.method == "PUT":
            now = next(edits, None)
            if now is not None:
                desk.edit(ticket, tags=now)
            else:
                desk.wire.unreachable = True

    desk.wire.before = person
    await desk.round()
    assert desk.tags(ticket) == {"ts_a"}
    assert desk.status(ticket)[0] == "waiting"
    desk.wire.unreachable, desk.wire.before = False, lambda request: None
    await desk.until_quiet()
    assert desk.tags(ticket) == {"ts_a", "pet"}


@pytest.mark.parametrize("notes", [(), (("n1", "Somebody is hurt."),)])
async def test_a_call_cut_off_after_it_was_applied_is_not_made_twice(desk: WritingDesk, notes: tuple[tuple[str, str], ...]) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", notes=notes))
    desk.zendesk.faults.cut = 1
    await desk.round()
    assert desk.status(ticket) == ("waiting", "cut")
    await desk.until_quiet()
    assert desk.tags(ticket) == {"ts_a"}
    assert desk.notes(ticket) == [text for _, text in notes]
    assert desk.puts() == 1
    assert desk.status(ticket) == ("confirmed", None)


async def test_after_a_cut_a_person_who_takes_our_tag_off_wins_as_well(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", "ts_b", notes=(("n1", "hurt"),)))
    desk.zendesk.faults.cut = 1
    await desk.round()
    desk.clock.advance(1)
    desk.edit(ticket, tags=["ts_b"])
    await desk.until_quiet()
    assert desk.tags(ticket) == {"ts_b"}
    desk.wish(ticket, Wish())
    await desk.until_quiet()
    assert desk.tags(ticket) == set()  # what the cut call put there is ours to take off


async def test_what_a_cut_call_took_from_a_person_in_the_same_second_is_given_back(desk: WritingDesk) -> None:
    ticket = desk.ticket(tags=["vip", "pet"], priority="normal")
    desk.wish(ticket, tags("ts_a", priority=asked("urgent")))
    desk.meanwhile(ticket, tags=["pet", "theirs"], priority="low")
    desk.zendesk.faults.cut = 1
    await desk.until_quiet()
    assert desk.tags(ticket) == {"pet", "theirs", "ts_a"}
    assert desk.seen(ticket)["priority"] == "low"
    assert desk.alarmed()["foreign_edit_restored"] == 1
    assert desk.status(ticket) == ("confirmed", None)


async def test_what_somebody_did_after_a_cut_call_is_not_undone_by_giving_back(desk: WritingDesk) -> None:
    ticket = desk.ticket(tags=["vip"], priority="normal")
    desk.wish(ticket, tags("ts_a", priority=asked("urgent")))
    desk.meanwhile(ticket, tags=[], priority="low")
    desk.zendesk.faults.cut = 1
    await desk.round()
    desk.clock.advance(1)
    desk.edit(ticket, priority="high", tags=["ts_a"])
    await desk.until_quiet()
    assert desk.seen(ticket)["priority"] == "high"
    assert desk.tags(ticket) == {"ts_a"}


async def test_a_call_that_never_arrived_is_made_again(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", notes=(("n1", "hurt"),)))
    desk.zendesk.faults.server_errors = 1
    await desk.round()
    assert desk.status(ticket) == ("waiting", "server_error")
    await desk.until_quiet()
    assert desk.notes(ticket) == ["hurt"]
    assert desk.puts() == 2


async def test_a_closed_ticket_is_refused_for_good(desk: WritingDesk) -> None:
    ticket = desk.ticket(status="closed")
    desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    assert desk.status(ticket) == ("refused", "closed")
    assert desk.puts() == 0


async def test_a_ticket_that_closes_between_reading_and_writing_is_refused(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    desk.wire.before = lambda request: desk.seen(ticket).update(status="closed") if request.method == "PUT" else None
    await desk.until_quiet()
    assert desk.status(ticket) == ("refused", "closed")
    assert desk.puts() == 1


async def test_a_deleted_ticket_is_refused(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.zendesk.act("delete", {"id": ticket})
    desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    assert desk.status(ticket) == ("refused", "deleted")


async def test_a_merged_ticket_is_refused_and_its_target_is_written(desk: WritingDesk) -> None:
    source, target = desk.ticket(), desk.ticket()
    desk.zendesk.act("merge", {"id": source, "into": target})
    desk.wish(source, tags("ts_a"))
    desk.wish(target, tags("ts_a"))
    await desk.until_quiet()
    assert desk.status(source) == ("refused", "closed")
    assert desk.tags(target) == {"ts_a"}


async def test_what_zendesk_does_not_accept_is_parked_and_holds_nobody(desk: WritingDesk) -> None:
    bad, good = desk.ticket(), desk.ticket()
    desk.wish(bad, tags("ts_a", assignee_id=asked("nobody at all")))
    desk.wish(good, tags("ts_a"))
    await desk.until_quiet()
    assert desk.status(bad) == ("parked", "part_refused")
    assert desk.tags(bad) == {"ts_a"}
    assert desk.status(good) == ("confirmed", None)


@pytest.mark.parametrize("odd", ["\u00b2", "\u0661", "9" * 30, "1/../2", "1.json?"])
async def test_a_ticket_whose_id_is_none_of_zendesks_holds_nobody(desk: WritingDesk, odd: str) -> None:
    good = desk.ticket()
    desk.wish(odd, tags("ts_a"))
    desk.wish(good, tags("ts_a"))
    await desk.until_quiet()
    assert desk.status(good) == ("confirmed", None)
    assert desk.status(odd) == ("refused", "deleted")
    assert all(path.isascii() for _, _, path in desk.wire.asked)


@pytest.mark.parametrize("where", ["reading", "writing"])
async def test_a_wish_that_fails_in_an_unknown_way_never_stops_the_others(desk: WritingDesk, where: str) -> None:
    bad, *good = (desk.ticket() for _ in range(4))
    for ticket in (bad, *good):
        desk.wish(ticket, tags("ts_a"))

    def stumble(request: httpx.Request) -> None:
        asked_for = request.url.params.get("ids", "").split(",") if where == "reading" else [request.url.path.rpartition("/")[2][:-5]]
        if bad in asked_for and request.method == ("GET" if where == "reading" else "PUT"):
            raise LookupError("nobody foresaw this")

    desk.wire.before = stumble
    await desk.writers[0].round()
    assert [desk.status(ticket) for ticket in good] == [("confirmed", None)] * 3
    assert desk.status(bad) == ("waiting", "stumbled")
    assert desk.row(bad)["attempts"] == 1
    desk.wire.before = lambda request: None
    await desk.until_quiet()
    assert desk.status(bad) == ("confirmed", None)


async def test_a_wish_that_stumbles_for_three_days_is_parked_and_somebody_is_told(desk: WritingDesk) -> None:
    bad = desk.ticket()
    desk.wish(bad, tags("ts_a"))

    def stumble(request: httpx.Request) -> None:
        raise LookupError

    desk.wire.before = stumble
    for _ in range(11):
        await desk.writers[0].round()
        desk.clock.advance(timedelta(hours=8).total_seconds())
    assert desk.status(bad) == ("parked", "gave_up")
    assert [what for what, _ in desk.alarms] == ["writeback_given_up"]


async def test_a_dry_run_plans_and_sends_nothing_and_live_sends_it_at_once_when_asked_to(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.mode("dry-run")
    desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    assert desk.puts() == 0
    assert desk.status(ticket) == ("dry_run", None)
    assert desk.row(ticket)["plan"] == {"add": ["ts_a"], "remove": [], "values": {}, "notes": []}
    desk.mode("live", send=True)
    await desk.round()
    assert desk.tags(ticket) == {"ts_a"}


async def test_what_a_dry_run_planned_is_dropped_and_only_what_is_asked_anew_is_written(desk: WritingDesk) -> None:
    ticket, other = desk.ticket(), desk.ticket()
    desk.mode("dry-run")
    old = tags("ts_old", "ts_again", priority=asked("urgent"), notes=(("rule#1", "planned in the dry run"),))
    desk.wish(ticket, old)
    desk.wish(other, old)
    await desk.until_quiet()
    desk.mode("live")
    await desk.until_quiet()
    assert desk.puts() == 0
    assert desk.status(ticket) == ("dry_run", "dropped")
    anew = tags("ts_new", by="m2").tags
    newer = replace(old, tags=tuple(sorted([*tags("ts_old").tags, *tags("ts_again", by="m2").tags, *anew])))
    desk.wish(ticket, newer)
    await desk.until_quiet()
    assert desk.tags(ticket) == {"ts_again", "ts_new"}
    assert desk.notes(ticket) == []
    assert desk.seen(ticket)["priority"] != "urgent"
    assert desk.status(ticket) == ("confirmed", None)
    assert desk.tags(other) == set()


async def test_a_person_may_still_have_one_that_was_dropped_written(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.mode("dry-run")
    desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    desk.mode("live")
    now = desk.clock.now()
    assert desk.database.write_now(lambda conn: desired.retry(conn, desk.row(ticket)["id"], now))
    await desk.until_quiet()
    assert desk.tags(ticket) == {"ts_a"}


async def test_a_dry_run_ends_with_a_start_that_is_set_otherwise_as_well(desk: WritingDesk) -> None:
    ticket, queued = desk.ticket(), desk.ticket()
    dry = desk.writer("w1", mode="dry-run")
    desk.wish(ticket, tags("ts_a"))
    while await dry.round() is not None:
        pass
    assert desk.status(ticket) == ("dry_run", None)
    desk.wish(queued, tags("ts_a"))
    live = desk.writer("w2", mode="live")
    while await live.round() is not None:
        pass
    assert desk.puts() == 0
    desk.wish(ticket, tags("ts_b", by="m2"))
    while await live.round() is not None:
        pass
    assert (desk.tags(ticket), desk.tags(queued)) == ({"ts_b"}, set())


async def dry_week(desk: WritingDesk, count: int) -> tuple[int, int, int]:
    """Tickets are wished again and again for a week, some tags of ours stand from before; then live, and what is new is asked for.

    Returns how many wishes were planned, how many writes there were for them, and how many tickets read otherwise than they should.
    """
    chance = random.Random(5)  # noqa: S311
    everyone = [desk.ticket() for _ in range(count)]
    for ticket in everyone[: count // 3]:
        desk.wish(ticket, tags("ts_before"))
    await desk.until_quiet()
    before, puts = {ticket: desk.tags(ticket) for ticket in everyone}, desk.puts()
    desk.mode("dry-run")
    last: dict[str, Wish] = {}
    planned = 0
    for day in range(7):
        for ticket in chance.sample(everyone, count * 2 // 5):
            last[ticket] = tags(*chance.sample(["ts_a", "ts_b", "ts_c"], 2), by=f"m2{day}")
            desk.wish(ticket, last[ticket])
            planned += 1
        await desk.until_quiet()
        desk.clock.advance(timedelta(days=1))
    for ticket in chance.sample(everyone, count // 6):  # asked and not yet planned
        last[ticket] = tags("ts_late", by="m29")
        desk.wish(ticket, last[ticket])
        planned += 1
    desk.mode("live")
    await desk.until_quiet()
    written = desk.puts() - puts
    wrong = sum(desk.tags(ticket) != before[ticket] for ticket in everyone)
    for ticket, wish in last.items():
        desk.wish(ticket, replace(wish, tags=tuple(sorted([*wish.tags, ("ts_new", "m3")]))))
    await desk.until_quiet()
    wrong += sum(desk.tags(ticket) - before[ticket] != {"ts_new"} for ticket in last)
    return planned, written, wrong


async def test_after_a_week_of_dry_run_nothing_that_was_planned_before_is_written_unless_asked(desk: WritingDesk) -> None:
    planned, written, wrong = await dry_week(desk, 30)
    assert planned > 80
    assert (written, wrong) == (0, 0)


async def test_paused_asks_zendesk_nothing_and_live_goes_on_where_it_stopped(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.mode("paused")
    desk.wish(ticket, tags("ts_a"))
    assert await desk.round() is None
    assert desk.wire.asked == []
    assert desk.status(ticket) == ("waiting", "paused")
    desk.mode("live")
    await desk.round()
    assert desk.status(ticket) == ("confirmed", None)


async def test_a_switch_to_paused_stops_what_has_not_been_sent_yet(desk: WritingDesk) -> None:
    tickets = [desk.ticket() for _ in range(12)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a"))
    desk.wire.before = lambda request: desk.mode("paused") if request.method == "GET" else None
    await desk.round()
    assert desk.puts() == 0
    assert {desk.status(ticket) for ticket in tickets} == {("waiting", "paused")}


async def test_without_a_zendesk_wishes_wait_and_say_why(desk: WritingDesk) -> None:
    desk.wish("4711", tags("ts_a"))
    alone = desk.writer("alone", zendesk=False)
    assert await alone.round() is None
    assert desk.status("4711") == ("waiting", "no_zendesk")


async def test_without_a_zendesk_what_waits_is_not_gone_through_with_every_wish(desk: WritingDesk) -> None:
    alone = desk.writer("alone", zendesk=False)
    assert await alone.round() is None
    desk.wish("4711", tags("ts_a"))
    again = await alone.round()
    assert (again, desk.status("4711")) == (desk.clock.now() + SAY_AGAIN, ("waiting", None))
    desk.clock.advance(SAY_AGAIN.total_seconds())
    assert await alone.round() is None
    assert desk.status("4711") == ("waiting", "no_zendesk")


async def test_severe_wishes_go_first_then_the_oldest(desk: WritingDesk) -> None:
    mild, older, severe = desk.ticket(), desk.ticket(), desk.ticket()
    desk.wish(older, tags("ts_a"), severity=3)
    desk.clock.advance(1)
    desk.wish(mild, tags("ts_a"))
    desk.wish(severe, tags("ts_a"), severity=1)
    claimed = desk.database.write_now(lambda conn: desired.claim(conn, "w", desk.clock.now(), timedelta(minutes=1), 9))
    assert [c.ticket for c in claimed] == [severe, older, mild]


async def test_a_ticket_that_changes_all_the_time_keeps_its_place(desk: WritingDesk) -> None:
    busy, other = desk.ticket(), desk.ticket()
    desk.wish(busy, tags("ts_a"))
    desk.clock.advance(1)
    desk.wish(other, tags("ts_a"))
    desk.clock.advance(1)
    desk.wish(busy, tags("ts_a", "ts_b"))
    claimed = desk.database.write_now(lambda conn: desired.claim(conn, "w", desk.clock.now(), timedelta(minutes=1), 1))
    assert [c.ticket for c in claimed] == [busy]


async def test_a_writer_that_died_leaves_its_wishes_to_others(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    now = desk.clock.now()
    desk.database.write_now(lambda conn: desired.claim(conn, "dead", now, timedelta(minutes=1), 9))
    assert await desk.round() == now + timedelta(minutes=1)
    await desk.until_quiet()
    assert desk.status(ticket) == ("confirmed", None)


async def test_a_writer_that_was_away_too_long_finds_its_wish_taken_and_sends_nothing(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", notes=(("n1", "hurt"),)))
    other = desk.writer("other")

    def away(request: httpx.Request) -> None:
        if request.method == "GET":
            desk.wire.before = lambda request: None
            desk.clock.advance(2 * LEASE)

    desk.wire.before = away
    await desk.round()
    assert desk.puts() == 0
    await other.round()
    assert desk.notes(ticket) == ["hurt"]
    assert desk.puts() == 1


async def test_a_note_written_by_a_writer_whose_lease_ran_out_meanwhile_is_not_written_again(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", notes=(("n1", "hurt"),)))

    def slow(request: httpx.Request) -> None:
        if request.method == "PUT":
            desk.wire.before = lambda request: None
            now = desk.clock.advance(2 * LEASE)
            desk.database.write_now(lambda conn: desired.claim(conn, "other", now, timedelta(minutes=1), 9))

    desk.wire.before = slow
    await desk.round()
    assert desk.notes(ticket) == ["hurt"]
    assert desk.status(ticket) == ("sending", None)
    await desk.until_quiet()
    assert desk.notes(ticket) == ["hurt"]
    assert desk.status(ticket) == ("confirmed", None)


async def test_eight_tickets_are_in_flight_at_once_and_no_more(desk: WritingDesk) -> None:
    for _ in range(12):
        desk.wish(desk.ticket(), tags("ts_a"))
    flying = most = 0
    full = asyncio.Event()

    async def slow(seconds: float) -> None:
        nonlocal flying, most
        if not reading:
            flying += 1
            most = max(most, flying)
            if flying == 8:
                full.set()
            async with asyncio.timeout(20):
                await full.wait()
            flying -= 1

    reading = False

    def look(request: httpx.Request) -> None:
        nonlocal reading
        reading = request.method == "GET"

    desk.wire.before = look
    desk.zendesk.faults.slow_s = 1
    desk.zendesk._sleep = slow
    await desk.until_quiet()
    assert most == 8
    assert desk.puts() == 12
