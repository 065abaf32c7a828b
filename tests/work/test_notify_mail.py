"""The worker and the real ways together: over TCP to a mail server and a chat, with the troubles both know."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.clocks import SettableClock
from tests.notify.desk import Desk, sinks
from tests.work.telling import ROSTER, Telling
from tsbridge.core import roster as values
from tsbridge.notify.ways import Way
from tsbridge.store import notifications
from tsbridge.store.db import Database
from tsbridge.work.notify import Notify, Pages
from tsbridge.work.rosters import LiveRoster


def worker(telling: Telling, desk: Desk) -> Notify:
    def make(way: values.Way) -> Way:
        return desk.mail_way() if way.kind == "smtp" else desk.way("slack", "/slack/x")

    def quiet(what: str, **named: object) -> None:
        """Nobody looks at alarms here."""

    pages = Pages("https://desk.example", lambda count: bytes(count))
    live, books = LiveRoster(), telling.walk.rulebooks
    return Notify(telling.database, telling.clock, telling.walk.ids, live, books, make, pages, "w9", quiet, lambda: None)


async def until_quiet(telling: Telling, notify: Notify, seconds: float) -> None:
    """Let it work, and so much time pass."""
    end = telling.clock.now().timestamp() + seconds
    while True:
        await notify.round()
        await notify.finish()
        due = await telling.database.read(notifications.next_due)
        if due is None or due.timestamp() > end:
            return
        telling.clock.set(max(due, telling.clock.now()))


def lost(desk: Desk) -> None:
    desk.mail.faults.lost, desk.mail.faults.times = True, 1


def later(desk: Desk) -> None:
    desk.mail.faults.code, desk.mail.faults.times = 451, 1


def away(desk: Desk) -> None:
    desk.mail.faults.away = True


@pytest.mark.parametrize(("trouble", "mails", "chats"), [(None, 1, 0), (lost, 1, 1), (later, 0, 1), (away, 0, 1)])
def test_a_severe_case_arrives_by_mail_or_by_the_next_way_and_what_may_have_arrived_keeps_its_id(
    database: Database, clock: SettableClock, trouble: Callable[[Desk], None] | None, mails: int, chats: int
) -> None:
    roster: dict[str, Any] = copy.deepcopy(ROSTER)
    roster["cover"] = [{"oncall": "ana"}]
    telling = Telling(database, clock, roster=roster)
    case = telling.open("bitten")

    async def play() -> tuple[list[Any], int]:
        async with sinks() as desk:
            if trouble is not None:
                trouble(desk)
            await until_quiet(telling, worker(telling, desk), 120)
            return [one.message for one in desk.mail.received], len(desk.chat.received)

    received, talked = asyncio.run(play())
    assert (len({one["Message-ID"] for one in received}), talked) == (mails, chats)
    assert all(case in one.get_content() and "https://desk.example/a/" in one.get_content() for one in received)
    assert "sent" in {row.status for row in telling.items()}
    assert {row.agent for row in telling.items()} == {"ana"}
