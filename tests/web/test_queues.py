"""Who would get the next case, and who has one, as callers see it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from tests.web import rows
from tests.work.team import roster
from tsbridge.roster.document import read
from tsbridge.store import rosters
from tsbridge.store.work_tables import workload

pytestmark = pytest.mark.anyio

TEAM = roster({"ana": "00:00-24:00", "ben": "00:00-24:00"}, agents={"ben": {"shadow": True}})


def employ(conn: Connection, room: Any) -> None:
    rosters.publish(conn, TEAM, read(TEAM).hash, "", room.desk.clock.now(), "test")


async def test_the_next_case_of_a_queue_is_previewed_with_everybody_and_why(room: Any) -> None:
    def there(conn: Connection) -> None:
        employ(conn, room)
        since = room.desk.clock.now()
        piece = {"case_id": "case_1", "thread": "zendesk:1", "ticket": "1", "queue": "safety", "channel": "email", "since": since}
        conn.execute(workload.insert().values(**piece, waits=True))

    await room.desk.database.write(there)
    shown = (await room.client.get("/v1/queues/safety/next")).json()
    assert (shown["queue"], shown["waiting"], shown["assign"], shown["case_id"]) == ("safety", 1, "none", "case_1")
    assert [(one["agent"], one["chosen"]) for one in shown["candidates"]] == [("ana", False), ("ben", False)]
    assert shown["candidates"][0]["because"] == [{"step": "mode", "says": "the queue gives nothing out by itself"}]
    assert shown["candidates"][1]["because"] == [{"step": "shadow", "says": "is on shift to learn"}]


async def test_without_a_roster_there_is_nobody(room: Any) -> None:
    assert (await room.client.get("/v1/queues/safety/next")).json()["candidates"] == []


async def test_a_queue_that_is_not_there_is_not_found(room: Any) -> None:
    assert (await room.client.get("/v1/queues/nowhere/next")).status_code == 404


@pytest.mark.parametrize(("kept", "agent"), [("ana", "ana"), (None, "ana")])
async def test_a_case_names_its_assignee_by_zendesk_id_and_by_the_key_of_the_roster(room: Any, kept: str | None, agent: str) -> None:
    def there(conn: Connection) -> None:
        employ(conn, room)
        rows.case(conn, "case_1", room.desk.clock.now(), "1", assignee="7", agent=kept, assigned_because="assigned in Zendesk")

    await room.desk.database.write(there)
    case = (await room.client.get("/v1/cases/case_1")).json()
    assert case["assignee"] == {"id": "7", "agent": agent, "because": "assigned in Zendesk"}


async def test_whoever_acknowledged_in_zendesk_is_named_by_their_key_of_the_roster(room: Any) -> None:
    now = room.desk.clock.now()

    def there(conn: Connection) -> None:
        employ(conn, room)
        for number, who in ((1, "7"), (2, "12345"), (3, "night desk")):
            known = {"acknowledged": True, "acknowledged_by": who, "acknowledged_at": now, "acknowledged_way": "reply"}
            rows.case(conn, f"case_{number:06d}", now, str(number), **known)
            rows.escalation(conn, number, now, status="acknowledged", ended_at=now, taken_by=who, taken_at=now)

    await room.desk.database.write(there)
    expected = {"ana", "12345", "night desk"}
    for path in ("/v1/cases", "/v1/escalations"):
        assert {one["acknowledged_by"] for one in (await room.client.get(path)).json()["items"]} == expected
    explained = (await room.client.get("/v1/cases/case_000001/explain")).json()
    assert {explained["case"]["acknowledged_by"], *(one["acknowledged_by"] for one in explained["escalations"])} == {"ana"}


async def test_decisions_are_found_by_an_agents_key_and_by_the_zendesk_id(room: Any) -> None:
    def there(conn: Connection) -> None:
        employ(conn, room)
        now = room.desk.clock.now()
        named = {**rows.OUTCOME, "assignee": {"id": "7", "because": "named by a rule or a supervisor"}}
        rows.decision(conn, 1, now, outcome=named)
        rows.decision(conn, 2, now)

    await room.desk.database.write(there)
    for word in ("ana", "7"):
        items = (await room.client.get("/v1/audit/routing", params={"agent": word})).json()["items"]
        assert [item["id"] for item in items] == ["dec_000001"]
        assert items[0]["outcome"]["assignee"]["agent"] == "ana"
    assert (await room.client.get("/v1/audit/routing", params={"agent": "ben"})).json()["items"] == []


async def test_the_check_says_what_cannot_work_for_want_of_people(room: Any, book: dict[str, Any]) -> None:
    book["queues"]["safety"]["assign"] = "least_loaded"
    found = (await room.client.post("/v1/rulebook/check", json=book)).json()
    assert found["ok"]
    told = ("gives_without_roster", "/queues/safety/assign")
    assert told in [(one["code"], one["path"]) for one in found["findings"]]
    await room.desk.database.write(lambda conn: employ(conn, room))
    again = (await room.client.post("/v1/rulebook/check", json=book)).json()["findings"]
    assert told not in [(one["code"], one["path"]) for one in again]
