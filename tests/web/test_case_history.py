"""The whole of a case, with when it became known; and what was known at any time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from tests.clocks import CountingIds, SettableClock
from tests.roster.rosters import document
from tests.web import rows
from tests.web.conftest import furnished
from tests.work.test_walk_laws import BOOK, STORY
from tests.work.walk import Walk
from tsbridge.roster.document import read as read_roster
from tsbridge.store import chain, rosters
from tsbridge.store.db import Database
from tsbridge.store.writing_tables import intents

pytestmark = pytest.mark.anyio


@pytest.fixture
async def told(database: Database, clock: SettableClock, entropy: Callable[[int], bytes]) -> AsyncIterator[Any]:
    """A story told and decided an hour ago, with a write, a message and a note; then a rulebook more."""
    clock.advance(timedelta(days=1))
    walk = Walk(database, clock, BOOK)
    walk.tell(STORY[:1])
    await walk._work()
    clock.advance(timedelta(hours=1))
    walk.tell(STORY[1:5])
    await walk._work()
    (case, *_), *_ = walk.outcome()["cases"]

    def write(conn: Any) -> None:
        at = clock.now()
        conn.execute(insert(intents).values(id="int_1", ticket="4711", revision=1, at=at, plan={}, outcome="done", settled_at=at))
        rows.telling(conn, 1, at)
        chain.add_change(
            conn, id="chg_note", at=at, actor="Ana", action="case.note", subject=case, before=None, after={"note": "n"}, salt="s"
        )
        rosters.publish(conn, document(), read_roster(document()).hash, "why", at, "Ana")

    database.write_now(write)
    async with furnished(database, clock, CountingIds("more"), entropy) as room:
        yield room, case, clock.now()


async def history(room: Any, case: str, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await room.client.get(f"/v1/audit/cases/{case}", params={"limit": "7", **params, **cursor})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


async def test_the_whole_of_a_case_is_told_once_in_order_with_when_it_was_known_and_none_of_its_words(told: Any) -> None:
    room, case, _ = told
    found = await history(room, case)
    assert [one["at"] for one in found] == sorted(one["at"] for one in found)
    assert len({(one["kind"], one["id"]) for one in found}) == len(found)
    kinds = {one["kind"] for one in found}
    assert {"delivery", "moment", "link", "decision", "change", "escalation", "writeback"} <= kinds
    assert "bitten" not in str(found)
    assert "example.com" not in str(found)
    first = next(one for one in found if one["kind"] == "moment")
    assert first["says"].startswith("ticket.created of zendesk 4711")
    assert first["known_at"] > first["at"]
    decided = next(one for one in found if one["kind"] == "decision")
    assert decided["says"] == "decided by injury, out-of-hours-severe, to-safety of version 1: queue safety, severity 1"


async def test_as_of_a_time_only_what_had_come_in_by_then_is_told_as_it_stood_then(told: Any) -> None:
    room, case, now = told
    whole, before = await history(room, case), (now - timedelta(minutes=30)).isoformat()
    then = await history(room, case, as_of=before)
    assert {one["id"] for one in then} < {one["id"] for one in whole}
    assert all(one["known_at"] < before.replace("+00:00", "Z") for one in then)
    assert {one["kind"] for one in then} >= {"delivery", "moment", "decision"}
    assert not {one["kind"] for one in then} & {"writeback", "change"}
    shown = (await room.client.get("/v1/audit/as-of", params={"at": before, "case": case})).json()
    assert shown["rulebook"]["version"] == 1
    assert shown["roster"] is None
    assert shown["gap"] == "there was no roster"
    assert (shown["case"]["severity"], shown["case"]["queue"], shown["case"]["heard"]) == (1, "safety", 1)
    later = (await room.client.get("/v1/audit/as-of", params={"case": case})).json()
    assert later["case"]["heard"] > 1
    assert later["roster"]["version"] == 1
    assert (await room.client.get("/v1/audit/cases/case_none")).status_code == 404
    assert (await room.client.get("/v1/audit/as-of", params={"case": "case_none"})).status_code == 404


async def test_who_reads_a_severe_case_is_on_record_once_in_ten_minutes(told: Any, clock: SettableClock) -> None:
    room, case, _ = told
    decision = (await room.client.get("/v1/audit/routing", params={"case": case})).json()["items"][0]["id"]
    for path in (f"/v1/cases/{case}/timeline", f"/v1/cases/{case}/explain", f"/v1/audit/routing/{decision}", f"/v1/cases/{case}"):
        assert (await room.client.get(path)).status_code == 200
    viewer = await room.key("viewer")
    assert (await room.client.get(f"/v1/cases/{case}/explain", headers=viewer)).status_code == 200
    clock.advance(timedelta(minutes=10))
    assert (await room.client.get(f"/v1/cases/{case}/timeline", headers=viewer)).status_code == 200
    looks = (await room.client.get("/v1/audit/changes", params={"action": "case.words_read", "subject": case})).json()["items"]
    assert [(look["actor"], look["after"]["what"]) for look in looks] == [
        ("viewer", "timeline"),
        ("viewer", "explanation"),
        ("admin", "timeline"),
    ]
