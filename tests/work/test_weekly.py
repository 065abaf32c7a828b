"""The weekly pack leaves by itself: when, to whom, once, and what they get."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from tests.clocks import SettableClock
from tests.notify.desk import sinks
from tests.roster.rosters import document
from tests.web import rows
from tests.web.conftest import BOOK
from tsbridge.core.errors import GiveUp, TryLater
from tsbridge.core.ports import Died
from tsbridge.core.rules.document import read as read_book
from tsbridge.report_process import made as answered
from tsbridge.roster.document import read
from tsbridge.settings.load import load
from tsbridge.store import rulebooks
from tsbridge.store.db import Database
from tsbridge.wiring.weekly import made, meant, message
from tsbridge.work.weekly import LOOK, NOT_SENT, TURN_FOR, Weekly, last_over

pytestmark = pytest.mark.anyio

ZONE = ZoneInfo("America/Los_Angeles")
MONDAY = datetime(2026, 11, 23, 7, tzinfo=ZONE)


class Away:
    """Somebody who cannot be reached until they are there."""

    def __init__(self, *, there: bool = False) -> None:
        self.there = there
        self.got: list[str] = []

    async def __call__(self, pack: str) -> None:
        if not self.there:
            raise TryLater("status_503")
        self.got.append(pack)


class Maker:
    def __init__(self) -> None:
        self.asked = 0
        self.dies = False

    async def __call__(self, monday: date) -> str:
        self.asked += 1
        if self.dies:
            raise Died
        return monday.isoformat()


@pytest.mark.parametrize(
    ("at", "monday"),
    [
        (MONDAY, date(2026, 11, 16)),
        (MONDAY - timedelta(seconds=1), date(2026, 11, 9)),
        (MONDAY + timedelta(days=6, hours=16), date(2026, 11, 16)),
        (datetime(2026, 11, 23, 14, 59, tzinfo=UTC), date(2026, 11, 9)),
        (datetime(2026, 11, 23, 15, tzinfo=UTC), date(2026, 11, 16)),
    ],
)
def test_a_week_is_over_on_monday_morning_of_the_teams_clock(at: datetime, monday: date) -> None:
    assert last_over(at, ZONE) == monday


async def test_each_gets_a_week_once_and_who_was_away_gets_it_later(database: Database, clock: SettableClock) -> None:
    clock.set(MONDAY)
    here, away, make_it, alarms = Away(there=True), Away(), Maker(), list[tuple[str, Any]]()
    places = {"ana": here, "hook": away}
    one = Weekly(database, clock, ZONE, make_it, places, lambda what, **named: alarms.append((what, named)), "one")
    other = Weekly(database, clock, ZONE, make_it, places, lambda *_, **__: None, "two")
    for _ in range(2):
        await one.round()
        await other.round()
        clock.advance(LOOK)
    assert (here.got, away.got, alarms) == (["2026-11-16"], [], [(NOT_SENT, {"places": ["hook"]})])
    away.there = True
    await one.round()
    made_so_far = make_it.asked
    for _ in range(50):
        clock.advance(TURN_FOR)
        await one.round()
        await other.round()
    assert (here.got, away.got, make_it.asked) == (["2026-11-16"], ["2026-11-16"], made_so_far)
    clock.set(MONDAY + timedelta(days=7))
    await other.round()
    assert (here.got[1:], away.got[1:]) == (["2026-11-23"], ["2026-11-23"])


async def test_where_it_cannot_be_made_it_is_told_once_and_tried_again(database: Database, clock: SettableClock) -> None:
    clock.set(MONDAY)
    here, make_it, alarms = Away(there=True), Maker(), list[str]()
    weekly = Weekly(database, clock, ZONE, make_it, {"ana": here}, lambda what, **named: alarms.append(what), "one")
    make_it.dies = True
    for _ in range(3):
        await weekly.round()
        clock.advance(LOOK)
    make_it.dies = False
    await weekly.round()
    assert (alarms, here.got) == ([NOT_SENT], ["2026-11-16"])


async def test_where_nobody_is_named_nothing_is_made(database: Database, clock: SettableClock) -> None:
    clock.set(MONDAY)
    make_it = Maker()
    await Weekly(database, clock, ZONE, make_it, {}, lambda *_, **__: None, "one").round()
    assert make_it.asked == 0


async def test_an_agent_gets_the_page_and_the_spreadsheet_by_mail_the_same_whenever_it_is_sent(
    database: Database, clock: SettableClock
) -> None:
    clock.set(MONDAY)

    def fill(conn: Any) -> None:
        rulebooks.publish(conn, BOOK, read_book(BOOK).hash, "", MONDAY - timedelta(days=30), "system")
        for number in range(3):
            rows.case(conn, f"case_{number}", MONDAY - timedelta(days=2), str(4711 + number), severity=2, category="claims")

    database.write_now(fill)
    settings = load({"TSBRIDGE_TIMEZONE": str(ZONE), "TSBRIDGE_PUBLIC_URL": "https://desk.example", "TSBRIDGE_PACK_TO": "ana,page"}, None)
    url = database.url.render_as_string(hide_password=False)
    pack = made(date(2026, 11, 16), clock.now(), settings, lambda asked: answered(asked, url, ZONE, ()))
    assert pack.figures == {"cases": 3, "tickets": 3, "calls": 0}
    known = read(document())
    way, ana = meant(known, "ana")
    assert (way.kind, ana.email) == ("smtp", "ana@example.com")
    told = message(pack, "ana", settings.public_url)
    async with sinks() as desk:
        for _ in range(2):
            await desk.mail_way().send(ana, told)
        first, second = desk.mail.received
    assert first == second
    body, page, sheet = first.message.iter_parts()
    assert "The week 2026-W47 had 3 cases, 3 tickets, 0 calls." in body.get_content()
    assert "https://desk.example/console/reports/pack?week=2026-W47" in body.get_content()
    assert 'href="https://desk.example/console/reports/volumes' in page.get_content()
    assert "/v1/" not in page.get_content()
    assert sheet.get_filename() == "week-2026-W47.xlsx"
    assert load_workbook(io.BytesIO(sheet.get_content())).sheetnames


def test_a_way_gets_the_link_and_the_figures_and_whoever_is_not_there_nothing() -> None:
    known = read(document())
    way, nobody = meant(known, "page")
    assert (way.key, nobody.agent) == ("page", None)
    for name in ("zoe", "lead"):
        with pytest.raises(GiveUp):
            meant(known, name)
    with pytest.raises(GiveUp):
        meant(None, "ana")
