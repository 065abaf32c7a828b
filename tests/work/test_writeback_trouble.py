"""Write-back when Zendesk is slow, full, down or refuses us; when others write too; when we die. Hours pass on a set clock."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import pytest

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk, asked, tags
from tsbridge.core import crashpoint
from tsbridge.core.helpdesk import Wish
from tsbridge.simulator.zendesk import Limits
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk.client import client_credentials

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> WritingDesk:
    return WritingDesk(database, clock)


# -- told to wait ------------------------------------------------------------------------------------------------------


async def test_a_429_makes_everybody_wait_as_told_and_costs_no_attempt(desk: WritingDesk) -> None:
    first, second = desk.ticket(), desk.ticket()
    desk.wish(first, tags("ts_a"), severity=1)
    desk.zendesk.faults.too_many, desk.zendesk.faults.retry_after = 1, "42"
    start = desk.clock.now()
    await desk.round()
    assert desk.status(first) == ("waiting", "rate_limited")
    assert desk.row(first)["attempts"] == 0
    desk.wish(second, tags("ts_a"))
    other = desk.writer("other")
    assert await desk.round() == await other.round() == start + timedelta(seconds=42)
    assert desk.puts() == 1
    await desk.until_quiet()
    assert desk.status(first) == desk.status(second) == ("confirmed", None)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), ("0", 1), ("-1", 10), ("1e9", 10), ("999999999", 3_600), ("soon", 10), (None, 10), ("Sun, 22 Nov 2026 09:00:30 GMT", 30)],
)
async def test_whatever_retry_after_says_the_wait_makes_sense(desk: WritingDesk, said: str | None, seconds: int) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    desk.zendesk.faults.too_many, desk.zendesk.faults.retry_after = 1, said
    start = desk.clock.now()
    await desk.round()
    assert await desk.round() == start + timedelta(seconds=seconds)
    await desk.until_quiet(2 * HOUR)
    assert desk.status(ticket) == ("confirmed", None)


async def test_a_wait_outlives_the_process(desk: WritingDesk) -> None:
    desk.wish(desk.ticket(), tags("ts_a"))
    desk.zendesk.faults.too_many, desk.zendesk.faults.retry_after = 1, "60"
    await desk.round()
    born_later = desk.writer("later")
    assert await born_later.round() == desk.clock.now() + MINUTE


# -- the breaker -------------------------------------------------------------------------------------------------------


async def test_while_zendesk_is_down_it_is_probed_twice_a_minute_by_all_processes_together(
    database: Database, clock: SettableClock
) -> None:
    desk = WritingDesk(database, clock, writers=3)
    tickets = [desk.ticket() for _ in range(10)]
    for ticket in tickets:
        desk.wish(ticket, tags("ts_a"))
    desk.zendesk.faults.down = True
    await desk.until_quiet(5 * MINUTE)
    before = len(desk.wire.asked)
    await desk.until_quiet(20 * MINUTE)
    assert len(desk.wire.asked) - before <= 40
    assert {desk.row(ticket)["attempts"] for ticket in tickets} == {0}
    assert desk.shared().open
    assert desk.alarmed()["zendesk_in_trouble"] == 1
    desk.zendesk.faults.down = False
    await desk.until_quiet(5 * MINUTE)
    assert {desk.status(ticket) for ticket in tickets} == {("confirmed", None)}
    assert not desk.shared().open


async def test_an_upstream_that_cannot_be_reached_opens_it_as_well(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    desk.wire.unreachable = True
    await desk.until_quiet(10 * MINUTE)
    assert desk.shared().open
    desk.wire.unreachable = False
    await desk.until_quiet(MINUTE)
    assert desk.status(ticket) == ("confirmed", None)


async def test_nothing_is_given_up_during_a_long_outage(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    desk.zendesk.faults.down = True
    for _ in range(27):
        await desk.until_quiet(MINUTE)
        desk.clock.advance(3 * HOUR)
    desk.zendesk.faults.down = False
    desk.zendesk.faults.server_errors = 1
    await desk.until_quiet()
    assert desk.status(ticket) == ("confirmed", None)


async def test_a_ticket_that_alone_fails_for_three_days_is_parked_with_an_alarm(desk: WritingDesk) -> None:
    bad, good = desk.ticket(), desk.ticket()
    desk.wish(bad, tags("ts_a"))

    def fail(request: httpx.Request) -> None:
        desk.zendesk.faults.server_errors = 1 if request.method == "PUT" and f"/{bad}" in request.url.path else 0

    desk.wire.before = fail
    for n in range(25):
        desk.wish(good, tags("ts_a", "ts_b", by=str(1_000 + n)) if n % 2 else tags("ts_a", by=str(1_000 + n)))
        await desk.until_quiet(MINUTE)
        desk.clock.advance(3 * HOUR)
    assert desk.status(bad) == ("parked", "gave_up")
    assert desk.alarmed()["writeback_given_up"] == 1
    assert desk.status(good)[0] == "confirmed"


# -- credentials -------------------------------------------------------------------------------------------------------


async def test_a_token_that_expired_is_renewed_once_and_the_call_made_again(database: Database, clock: SettableClock) -> None:
    desk = WritingDesk(database, clock, credentials=client_credentials("tsbridge", "secret", clock), strict=True)
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    await desk.until_quiet()
    desk.zendesk.gate.tokens.clear()
    desk.wish(ticket, tags("ts_b", by="2"))
    await desk.until_quiet()
    assert desk.status(ticket) == ("confirmed", None)
    assert desk.wire.count("POST", "/oauth/tokens") == 2


async def test_when_our_credentials_are_refused_everything_waits_with_an_alarm_and_goes_on_by_itself(
    database: Database, clock: SettableClock
) -> None:
    desk = WritingDesk(database, clock, credentials=client_credentials("tsbridge", "secret", clock), strict=True)
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    desk.zendesk.faults.refuse_tokens = True
    await desk.until_quiet(MINUTE)
    assert desk.status(ticket) == ("waiting", "unauthorized")
    assert desk.row(ticket)["attempts"] == 0
    assert desk.alarmed()["zendesk_refuses_our_credentials"] >= 1
    assert len(desk.wire.asked) <= 4
    desk.zendesk.faults.refuse_tokens = False
    await desk.until_quiet()
    assert desk.status(ticket) == ("confirmed", None)


# -- fights ------------------------------------------------------------------------------------------------------------


async def test_a_tag_that_is_fought_over_is_parked_after_twenty_writes_and_others_go_on(desk: WritingDesk) -> None:
    world = desk.zendesk.world
    world.store.triggers[1] = {
        "id": 1,
        "title": "no such tags here",
        "active": True,
        "position": 1,
        "conditions": {"all": [{"field": "current_tags", "operator": "includes", "value": "ts_a"}], "any": []},
        "actions": [{"field": "remove_tags", "value": "ts_a"}],
    }
    fought, other = desk.ticket(), desk.ticket()
    start = desk.clock.now()
    for n in range(60):  # each time something new asks for the tag
        desk.wish(fought, tags("ts_a", by=f"{n:04}"))
        await desk.until_quiet(timedelta(seconds=10))
        if desk.status(fought)[0] == "parked":
            break
        desk.clock.advance(max(timedelta(0), start + (n + 1) * timedelta(seconds=6) - desk.clock.now()))
    assert desk.status(fought) == ("parked", "loop_suspected")
    assert desk.puts(fought) == 20
    told = {"ticket": fought, "tags": ["ts_a"], "fields": [], "by": ["no such tags here"]}
    assert ("loop_suspected", told) in desk.alarms
    assert desk.row(fought)["plan"]["undone_by"] == ["no such tags here"]
    desk.wish(other, tags("ts_b"))
    await desk.until_quiet()
    assert desk.status(other) == ("confirmed", None)


async def test_being_told_to_wait_often_is_no_fight(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a"))
    desk.zendesk.faults.too_many, desk.zendesk.faults.retry_after = 30, "1"
    await desk.until_quiet(5 * MINUTE)
    assert desk.status(ticket) == ("confirmed", None)


# -- dying -------------------------------------------------------------------------------------------------------------


class Died(BaseException):
    """The process is gone."""


def die() -> None:
    crashpoint.disarm()
    raise Died


@pytest.fixture
def disarmed() -> Iterator[None]:
    yield
    crashpoint.disarm()


@pytest.mark.parametrize("point", [name for name in crashpoint.POINTS if name.startswith("writeback.")])
async def test_dying_anywhere_loses_no_wish_and_writes_no_second_note(desk: WritingDesk, disarmed: None, point: str) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", notes=(("n1", "hurt"),), priority=asked("high")))
    desk.zendesk.faults.cut = 1 if point == "writeback.sent" else 0
    crashpoint.arm(point, die)
    with pytest.raises(Died):
        await desk.round()
    desk.writers = [desk.writer("born later")]
    await desk.until_quiet()
    assert desk.tags(ticket) == {"ts_a"}
    assert desk.notes(ticket) == ["hurt"]
    assert desk.status(ticket) == ("confirmed", None)
    desk.wish(ticket, Wish(notes=(("n1", "hurt"),)))
    await desk.until_quiet()
    assert desk.tags(ticket) == set()
    assert desk.notes(ticket) == ["hurt"]


# -- limits ------------------------------------------------------------------------------------------------------------


def most_in_a_minute(times: list[datetime]) -> int:
    most = start = 0
    for end, at in enumerate(times):
        while at - times[start] >= MINUTE:
            start += 1
        most = max(most, end - start + 1)
    return most


@pytest.mark.parametrize(("writers", "limit"), [pytest.param(1, 100, marks=pytest.mark.soak), (4, 20)])
async def test_never_above_seventy_percent_of_a_limit_with_any_number_of_writers(
    database: Database, clock: SettableClock, writers: int, limit: int
) -> None:
    desk = WritingDesk(database, clock, limits=Limits(700, limit, 30, 10), writers=writers, per_minute=200)
    for n in range(120):
        desk.wish(desk.ticket(), tags(f"ts_{n}"))
    await desk.until_quiet(12 * MINUTE)
    sent = [at for at, method, _ in desk.wire.asked if method == "PUT"]
    assert len(sent) >= min(120, 8 * limit * 0.7)
    learned = sent[0] + MINUTE  # what the limit is, the first answers tell
    assert most_in_a_minute([at for at in sent if at >= learned]) <= limit * 0.7
    assert desk.zendesk.gate.refused == 0


async def test_a_storm_of_429s_ends_with_everything_written_and_few_of_them(database: Database, clock: SettableClock) -> None:
    """U3: others eat most of the account's updates; Retry-After says odd things."""
    desk = WritingDesk(database, clock, limits=Limits(700, 100, 30, 10), writers=2)
    rng = random.Random(7)  # noqa: S311  # a seeded storm
    tickets = [desk.ticket() for _ in range(150)]
    foreign = desk.ticket()
    for ticket in tickets:
        desk.wish(ticket, tags(f"ts_{ticket}"))
    start, eaten = clock.now(), clock.now()

    def others(request: httpx.Request) -> None:
        nonlocal eaten
        if clock.now() - eaten >= MINUTE:
            eaten = clock.now()
            for _ in range(40):
                desk.zendesk.gate.count("PUT", f"/api/v2/tickets/{foreign}{rng.randrange(10**6)}", 1)
        if clock.now() - start < MINUTE and rng.random() < 0.1:
            desk.zendesk.faults.too_many = 1
            desk.zendesk.faults.retry_after = rng.choice(["0", "-1", "1e9", "soon", None, "3"])

    desk.wire.before = others
    await desk.until_quiet(30 * MINUTE)
    assert {desk.status(ticket)[0] for ticket in tickets} == {"confirmed"}
    late = [status for at, method, status in desk.wire.answered if at - start >= MINUTE and method == "PUT"]
    assert len(late) > 60
    assert late.count(429) <= 0.01 * len(late)
