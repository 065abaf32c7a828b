"""What docs/limits.md says is what the code says, each limit has its test, and those that have none elsewhere are here."""

from __future__ import annotations

import ast
import asyncio
import copy
import functools
import importlib
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.clocks import START, CountingIds, SettableClock
from tests.core.test_calendar import OFFICE
from tests.core.test_rota import desk as roster_of
from tests.far_side import answers, serving
from tests.notify.desk import ANA, message
from tests.roster.feed_texts import event, feed
from tests.test_server import ends, until, up
from tests.work.telling import BOOK, ROSTER, Telling, rule_tells
from tests.work.walk import Walk
from tsbridge.connections import Connections
from tsbridge.core import limits, strict_json
from tsbridge.core.calendar import MONTHS_KEPT
from tsbridge.core.errors import Malformed, OutcomeUnknown, TryLater
from tsbridge.core.limits import CALL_S, EXPORT_S, RECEIPT_BYTES
from tsbridge.core.roster import Way
from tsbridge.core.rota import LANES_KEPT, Rota
from tsbridge.core.rules.text import PATTERN_LENGTH, BadPattern, pattern
from tsbridge.core.strict_json import DEPTH
from tsbridge.http import Http
from tsbridge.notify.make import make
from tsbridge.roster import ical_in
from tsbridge.roster.ical_events import MOST_EVENTS, BadFeed
from tsbridge.settings.load import load
from tsbridge.store import replays, stored_values, wanted_facts
from tsbridge.store.db import Database
from tsbridge.store.intake import WAITING_BYTES, CannotStore, Intake
from tsbridge.store.replays import KEEP, MOST_OPEN, TooManyOpen
from tsbridge.store.rulebooks import KEEP as BUILT
from tsbridge.vendors import reading
from tsbridge.vendors.zendesk.client import AccessToken, ZendeskClient
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.wiring.clients import outside
from tsbridge.work.hearing import STREAM
from tsbridge.work.notify import MOST_UNKNOWN
from tsbridge.work.paging import SENT_AT_ONCE
from tsbridge.work.reads import ReadBudget
from tsbridge.work.stream import MOST, Stream

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "tsbridge"
PAGE = ROOT / "docs" / "limits.md"


class Row(NamedTuple):
    """A line of the page's tables."""

    of: str
    limit: str
    where: str
    reached: str
    shown_by: str


def rows() -> list[Row]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith(("| of |", "| ---"))]
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


def found(path: str) -> Any:
    """What stands at a dotted path below the package: a module's name, and names in it."""
    parts = path.split(".")
    length = next(n for n in range(len(parts), 0, -1) if (SOURCE.joinpath(*parts[:n]).with_suffix(".py")).is_file())
    return functools.reduce(getattr, parts[length:], importlib.import_module(".".join(["tsbridge", *parts[:length]])))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.where.strip("`"))
def test_the_page_says_what_the_code_says_and_what_happens_and_which_test_shows_it(row: Row) -> None:
    value = found(row.where.strip("`"))
    number = value.total_seconds() if isinstance(value, timedelta) else value
    said = re.match(r"[\d,.]+", row.limit)
    assert said is not None
    assert float(said[0].replace(",", "")) == number
    assert row.reached
    file, name = re.findall(r"`([^`]+)`", row.shown_by)
    tests = {
        node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name in tests


def test_every_limit_of_the_common_module_is_on_the_page() -> None:
    named = {row.where.strip("`") for row in rows()}
    assert {f"core.limits.{name}" for name in vars(limits) if name.isupper()} <= named
    assert len(named) == len(rows())


# At the door and the API


@pytest.mark.anyio
async def test_who_waits_makes_room_and_when_all_are_answered_more_are_told_to_come_again() -> None:
    house = Connections(most=2)
    async with up(house) as port:
        idle = await asyncio.open_connection("127.0.0.1", port)
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        assert await asyncio.wait_for(idle[0].read(), 30) == b""
        for _, writer in slow:
            writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await until(lambda: house.waiting == 0)
        answer = await ends(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 30\r\n" in answer
        for reader, writer in slow:
            assert (await asyncio.wait_for(reader.read(), 30)).endswith(b"ok")
            writer.close()
        idle[1].close()


@pytest.mark.anyio
async def test_the_last_room_is_for_the_door() -> None:
    house = Connections(most=10)
    async with up(house) as port:
        others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(9)]
        await until(lambda: len(house) == 9)
        for path, status in ((b"/livez", b"200"), (b"/", b"503")):
            assert b" %b " % status in (await ends(port, b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path))[:16]
        others[0][1].close()
        await until(lambda: len(house) < 9)
        assert b" 200 " in (await ends(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))[:16]
        for _, writer in others:
            writer.close()


class Stuck:
    """A database whose disk does not answer."""

    dialect = "sqlite"

    async def write(self, work: Any, *, urgent: bool = False) -> Any:
        await asyncio.Event().wait()


def test_what_waits_to_be_on_disk_is_bounded_and_more_is_refused(clock: SettableClock) -> None:
    body = bytes(1 << 20)

    async def come() -> None:
        intake = Intake(Stuck(), clock, CountingIds())  # type: ignore[arg-type]
        waiting = [intake.keep("zendesk", str(n), {}, body) for n in range(WAITING_BYTES // len(body))]
        with pytest.raises(CannotStore, match="too_much_waiting"):
            await intake.keep("zendesk", "one more", {}, b"{}")
        assert not any(one.done() for one in waiting)

    asyncio.run(come())


def test_json_is_read_as_deep_as_it_may_be_and_no_deeper() -> None:
    assert strict_json.read(b"[" * DEPTH + b"]" * DEPTH)
    with pytest.raises(Malformed, match=r"^too_deep$"):
        strict_json.read(b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1))


# What is heard and judged


def test_a_subject_is_cut_and_says_so() -> None:
    cut = reading.text("x" * 5_000, reading.SUBJECT_LENGTH)
    assert cut is not None
    assert (len(cut), cut[-3:]) == (reading.SUBJECT_LENGTH, "[…]")


def test_tags_are_as_many_and_as_long_as_they_may_be() -> None:
    told = reading.tags([f"tag{n:04d}" + "x" * 200 for n in range(600)])
    assert (len(told), {len(tag) for tag in told}) == (reading.TAGS, {reading.TAG_LENGTH})


def test_rows_of_an_export_without_end_are_kept_in_bounds_and_the_rest_is_read_alone(database: Database, clock: SettableClock) -> None:
    """Every ticket rang after what the export tells of it: nothing of it can be told before the export's end."""
    page = 1_000
    child = {"id": 11, "event_type": "Comment", "body": "hello", "public": True, "via": {"channel": "web"}}

    class Account:
        server_time = None

        async def ticket_events(self, start_time: int) -> dict[str, Any]:
            first = start_time * page
            about = {"updater_id": 41, "created_at": "2026-11-22T08:00:00Z", "event_type": "Audit", "child_events": [child]}
            rows = [{"id": n, "ticket_id": n, **about} for n in range(first, first + page)]
            return {"ticket_events": rows, "end_time": start_time + 1, "end_of_stream": False}

    async def hear(heard: Any) -> None:
        raise AssertionError("nothing can be told yet")

    pages = MOST // page + 3
    tickets = [str(n) for n in range(page, (pages + 1) * page)]
    database.write_now(lambda conn: wanted_facts.want_read(conn, tickets, clock.now(), clock.now()))
    database.write_now(lambda conn: stored_values.put(conn, STREAM, {"from": 1, "behind": None}))
    stream = Stream(database, clock, Account(), lambda: OwnUser("7"), "w1", ReadBudget(database, clock), hear, lambda: None)
    for _ in range(pages):
        clock.advance(60)
        assert asyncio.run(stream.round()) is True
    waiting = database.read_now(lambda conn: wanted_facts.of(conn, tickets))
    alone = sorted((ticket for ticket, one in waiting.items() if one.alone), key=int)
    assert stream._rows() == MOST
    assert alone == tickets[: 3 * page]
    assert len(waiting) == len(tickets)


# Rules and people


def test_a_pattern_is_as_long_as_it_may_be() -> None:
    pattern("a" * PATTERN_LENGTH)
    with pytest.raises(BadPattern, match="longer than 512"):
        pattern("a" * (PATTERN_LENGTH + 1))


def test_a_feed_has_as_many_events_as_it_may() -> None:
    since, until = START - timedelta(days=1), START + timedelta(days=1)
    day = event("DTSTART:20261122T090000Z", "DURATION:PT1H")
    zone = ZoneInfo("UTC")
    assert ical_in.read(feed(*[day] * 10, zones=""), since, until, zone, means="off", people={}) is not None
    with pytest.raises(BadFeed, match=f"at most {MOST_EVENTS} events"):
        ical_in.read(feed(*[day] * (MOST_EVENTS + 1), zones=""), since, until, zone, means="off", people={})


# Calls that leave


@pytest.mark.anyio
async def test_pages_of_exports_may_last_longer() -> None:
    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(0.1)
            return httpx.Response(200, json={"tickets": [], "ticket_events": []})

    assert CALL_S < EXPORT_S
    client = ZendeskClient(Http("http://zendesk.test", sleep=asyncio.sleep, transport=Slow(), call_s=0.02), AccessToken("t"))
    with pytest.raises(TryLater, match=r"^too_slow$"):
        await client.tickets(["1"], once=True)
    assert await client.incremental() == await client.ticket_events(0)
    await client.close()


@pytest.mark.anyio
async def test_what_a_chat_answers_is_read_up_to_its_bound(clock: SettableClock) -> None:
    async with serving(answers(b"o" * (RECEIPT_BYTES + 1))) as port:
        way = make(Way("chat", "slack", f"http://127.0.0.1:{port}/"), outside(load({}, None), clock))
        with pytest.raises(OutcomeUnknown, match=r"^answer_too_large$"):
            await way.send(ANA, message())


def test_no_more_messages_are_on_their_way_than_may_be(database: Database, clock: SettableClock) -> None:
    roster = copy.deepcopy(ROSTER)
    crowd = [f"a{n}" for n in range(SENT_AT_ONCE + 5)]
    roster["agents"] |= {key: {"name": key, "email": f"{key}@example.com", "queues": ["intake"], "reach": ["mail"]} for key in crowd}
    roster["lists"]["all"] = crowd
    desk = Telling(database, clock, rule_tells("list:all"), roster)
    going: list[str | None] = []

    async def tell() -> None:
        goes_on = asyncio.Event()

        async def take(way: str, to: Any, told: Any) -> str:
            going.append(to.agent)
            await goes_on.wait()
            return "ok"

        desk.ways.take = take  # type: ignore[method-assign]
        for _ in range(3):
            await desk.notify.round()
            await asyncio.sleep(0)
        assert len(going) == SENT_AT_ONCE
        goes_on.set()
        await desk._until_quiet(desk.notify)

    desk.open("bitten")
    asyncio.run(tell())
    assert sorted(map(str, going)) == sorted(crowd)


def test_a_message_whose_answer_never_comes_is_given_up_and_that_is_said(database: Database, clock: SettableClock) -> None:
    desk = Telling(database, clock, rule_tells("ben"))

    def lost(way: str, agent: str | None) -> None:
        raise OutcomeUnknown("cut")

    desk.ways.lost = lost
    desk.open("bitten")
    desk.run(timedelta(hours=4))
    tried = Counter(id_ for _, _, _, id_ in desk.ways.tried)  # the next person is told at once when nobody answers
    assert set(tried.values()) == {MOST_UNKNOWN}
    assert {state for _, _, state, _ in desk.stand()} == {"failed"}
    assert [what for what, _ in desk.alarms].count("notification_failed") == tried.total()


# What is kept


def test_judges_of_as_many_versions_are_kept_as_may_be(database: Database, clock: SettableClock) -> None:
    walk = Walk(database, clock, BOOK)
    versions = [walk.publish({**BOOK, "title": str(n)}) for n in range(BUILT + 4)]
    built = [database.read_now(lambda conn, v=v: walk.rulebooks.version(conn, v)) for v in versions]  # type: ignore[misc]
    assert [one.version for one in built] == versions
    again = [database.read_now(lambda conn, v=v: walk.rulebooks.version(conn, v)) for v in reversed(versions)]  # type: ignore[misc]
    assert [one is other for one, other in zip(built, reversed(again), strict=True)] == [False] * 4 + [True] * BUILT


def test_what_people_ask_of_a_rota_leaves_no_more_behind_than_may_be() -> None:
    rota = Rota(roster_of())
    at = datetime(2026, 11, 23, 17, tzinfo=UTC)
    said = [rota.on_call(at, f"queue{n}", 1).people for n in range(LANES_KEPT + 50)]
    assert said == [rota.on_call(at, "queue0", 1).people] * len(said)
    assert len(rota._lanes) <= LANES_KEPT


def test_a_calendar_keeps_as_many_months_as_it_may() -> None:
    start = datetime(1990, 1, 1, tzinfo=UTC)
    open_ = OFFICE.open_between(start, start + timedelta(days=31 * (MONTHS_KEPT + 30)))
    assert open_ > timedelta(days=3_000)
    assert len(OFFICE._months) <= MONTHS_KEPT


def queue_a_replay(database: Database, id_: str, at: datetime) -> None:
    asked: dict[str, Any] = {"since": None, "until": START, "as_recorded": False, "document": {}, "hash": "h", "total": 1}
    database.write_now(lambda conn: replays.create(conn, id_, at=at, by="key_1", **asked))


def test_as_many_finished_replays_are_kept_as_may_be(database: Database) -> None:
    ids = [f"rep_{n:03d}" for n in range(KEEP + 5)]
    for n, id_ in enumerate(ids):
        queue_a_replay(database, id_, START + timedelta(seconds=n))
        database.write_now(lambda conn, id_=id_: replays.finish(conn, id_, "done", START))  # type: ignore[misc]
    kept = database.read_now(lambda conn: replays.listed(conn, 200, None))
    assert [job.id for job in kept] == ids[: -KEEP - 1 : -1]


def test_as_many_jobs_wait_as_may_and_more_are_refused_until_one_is_over(database: Database) -> None:
    for n in range(MOST_OPEN):
        queue_a_replay(database, f"rep_{n:03d}", START)
    with pytest.raises(TooManyOpen, match=r"^20 replays"):
        queue_a_replay(database, "one_more", START)
    database.write_now(lambda conn: replays.finish(conn, "rep_003", "cancelled", START))
    queue_a_replay(database, "one_more", START)
