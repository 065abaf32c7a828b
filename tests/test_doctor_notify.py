"""`doctor --notify`: a test by every way to everybody, with a button each; and what is proved to reach whom."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.clocks import CountingIds, SettableClock
from tests.notify.desk import Desk, sinks
from tsbridge.core import acklink
from tsbridge.doctor.ways import try_ways, ways
from tsbridge.http import Http
from tsbridge.notify.make import Outside
from tsbridge.notify.ways import Mail
from tsbridge.store import link_keys, proved_ways, rosters
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio


def roster(desk: Desk | None = None) -> dict[str, Any]:
    port = 1 if desk is None else desk.chat_port
    return {
        "schema": 1,
        "timezone": "America/Los_Angeles",
        "agents": {
            "ana": {"name": "Ana Silva", "email": "ana@example.com", "queues": ["safety"], "reach": ["mail", "chat"]},
            "ben": {"name": "Ben Okoye", "email": "ben@example.com", "queues": ["safety"]},
            "eve": {"name": "Eve", "email": "eve@example.com", "queues": ["safety"], "until": "2026-10-31"},
            "dan": {"name": "Dan", "queues": ["safety"]},
        },
        "ways": {"mail": {"kind": "smtp"}, "chat": {"kind": "slack", "url": f"http://127.0.0.1:{port}/slack/secret-path"}},
    }


def publish(database: Database, clock: SettableClock, document: dict[str, Any]) -> None:
    database.write_now(lambda conn: rosters.publish(conn, document, "sha256:x", "first", clock.now(), "test"))


async def tried(
    database: Database, clock: SettableClock, desk: Desk, agent: str | None = None, url: str | None = "https://desk.example"
) -> Any:
    mail = Mail("127.0.0.1", desk.mail_port, "desk@example.com", "desk.example", starttls=False)
    outside = Outside(lambda origin: Http(origin, sleep=asyncio.sleep), clock, mail)
    return await try_ways(database, clock, CountingIds(), lambda size: b"k" * size, outside, url, agent)


async def test_everybody_who_works_here_gets_a_test_by_each_way_with_a_button_of_their_own(
    database: Database, clock: SettableClock
) -> None:
    async with sinks() as desk:
        publish(database, clock, roster(desk))
        lines = await tried(database, clock, desk)
        assert [(line.state, line.words) for line in lines] == [
            ("bad", "No way leads to dan."),
            ("ok", "mail to ana: sent (250 2.0.0). Its button proves that it arrived."),
            ("ok", "chat to ana: sent (200 ok). Its button proves that it arrived."),
            ("ok", "mail to ben: sent (250 2.0.0). Its button proves that it arrived."),
        ]
        texts = [mail.message.get_content() for mail in desk.mail.received] + [desk.chat.received[0].to_json()["body"]["text"]]
    keys = database.read_now(lambda conn: link_keys.verifying(conn, clock.now()))
    found = [acklink.read(re.search(r"https://desk\.example/a/([\w.-]+)", text)[1], keys) for text in texts]  # type: ignore[index]
    assert sorted((link.kind, link.agent, link.way) for link in found if link) == [
        ("proof", "ana", "chat"),
        ("proof", "ana", "mail"),
        ("proof", "ben", "mail"),
    ]


async def test_one_alone_may_be_tried_and_one_nobody_knows_is_said(database: Database, clock: SettableClock) -> None:
    async with sinks() as desk:
        publish(database, clock, roster(desk))
        assert len(await tried(database, clock, desk, "ben")) == 1
        [unknown] = await tried(database, clock, desk, "nobody")
        assert (unknown.state, "nobody" in unknown.words.split()) == ("bad", False)
        assert [mail.recipients for mail in desk.mail.received] == [("ben@example.com",)]


async def test_what_goes_wrong_says_what_to_do_and_no_secret(database: Database, clock: SettableClock) -> None:
    async with sinks() as desk:
        publish(database, clock, roster(desk))
        desk.mail.faults.code, desk.chat.faults.status = 450, 302
        lines = await tried(database, clock, desk, "ana", None)
    assert [(line.state, line.words) for line in lines] == [
        ("bad", "TSBRIDGE_PUBLIC_URL is not set: messages have no button and prove nothing."),
        ("bad", "mail to ana: not now (smtp_450)."),
        ("bad", "chat to ana: this way will not do (redirected)."),
    ]
    assert all(line.next_step for line in lines)
    assert "secret-path" not in str(lines)


async def test_a_way_counts_as_proved_for_thirty_days(database: Database, clock: SettableClock) -> None:
    assert [line.state for line in ways(database, clock)] == ["warn"]
    publish(database, clock, roster())
    at = clock.now()
    database.write_now(lambda conn: [proved_ways.prove(conn, "ana", way, at) for way in ("mail", "chat")] and None)
    said = [(line.state, line.words) for line in ways(database, clock)]
    assert said == [
        ("bad", "dan cannot be told anything: no way leads there."),
        ("warn", "mail to ben was never proved; it counts for 30 days."),
    ]
    clock.advance(timedelta(days=30))
    assert len(ways(database, clock)) == 2
    clock.advance(1)
    assert ("warn", "chat to ana was last proved on 2026-11-22; it counts for 30 days.") in [
        (line.state, line.words) for line in ways(database, clock)
    ]
