"""`DELETE /v1/people/{id}`: a plan first, then the person is forgotten; erasures are listed, and none of it says who it was."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy import delete

from tests.clocks import SettableClock
from tests.web.conftest import BOOK, Room
from tests.web.test_redaction import everything
from tests.work.test_erasing import PLANTED, STREET, Erased, signed
from tests.work.test_redaction import CARD, NAME, holding
from tests.work.walk import Walk, ticket
from tsbridge.core.erasure import fault
from tsbridge.ed25519 import proves
from tsbridge.store.report_tables import report_answers
from tsbridge.web.services import Services
from tsbridge.work.erasing import Erasing

pytestmark = pytest.mark.anyio

MAIL = "p41@example.com"


def remembers(desk: Services) -> None:
    """Somebody wrote, and somebody else did."""
    assert isinstance(desk.clock, SettableClock)
    walk = Walk(desk.database, desk.clock, BOOK)
    walk.tell([ticket("created", 0, text="it has bitten me"), ticket("created", 1, "4712", text="not me", person="42")])
    walk.work()
    desk.clock.advance(600)


def worker(room: Room) -> Erasing:
    desk = room.desk
    return Erasing(desk.database, desk.clock, desk.ids, desk.salt, desk.live, signed)


@pytest.fixture
async def asked(room: Room) -> httpx.AsyncClient:
    await anyio.to_thread.run_sync(remembers, room.desk)
    return room.other(forget=worker(room).step)


async def test_a_plan_says_how_much_and_changes_nothing(room: Room, asked: httpx.AsyncClient) -> None:
    for _ in range(2):
        plan = await asked.delete(f"/v1/people/{MAIL}", params={"plan": "true"})
        assert plan.status_code == 200
        assert (plan.json()["known_by"], plan.json()["interactions"]) == ({"email": 1, "zendesk_user": 1}, 1)
        assert MAIL not in plan.text
    assert (await asked.get("/v1/erasures")).json()["items"] == []
    assert holding(room.desk.database, MAIL) != []


async def test_a_person_is_forgotten_and_the_certificate_is_the_answer(room: Room, asked: httpx.AsyncClient) -> None:
    answer = await asked.delete(f"/v1/people/{MAIL}")
    told = answer.json()
    assert (answer.status_code, told["status"], told["asked_by"]) == (200, "done", "admin")
    assert fault(told["certificate"], frozenset(), proves) is None
    assert holding(room.desk.database, MAIL, "it has bitten me") == []
    assert holding(room.desk.database, "p42@example.com", "not me") != []
    assert (await asked.get(answer.headers["Location"])).json() == told
    assert [one["id"] for one in (await asked.get("/v1/erasures")).json()["items"]] == [told["id"]]
    said = await asked.get("/v1/audit/changes", params={"subject": told["id"]})
    assert {one["action"] for one in said.json()["items"]} == {"person.erase", "person.erased"}
    assert (await asked.get("/v1/audit/verify")).json()["ok"] is True
    case: Any = (await asked.get("/v1/cases", params={"ticket": "4711"})).json()["items"][0]
    assert (case["severity"], case["queue"]) == (1, "safety")
    assert (await asked.get("/v1/cases", params={"person": MAIL})).json()["items"] == []
    gone = await asked.delete(f"/v1/people/{MAIL}")
    assert (gone.status_code, MAIL in gone.text) == (404, False)


async def test_no_answer_has_anything_of_a_forgotten_person_and_reports_stay_the_same(room: Room) -> None:
    def lived() -> Erased:
        assert isinstance(room.desk.clock, SettableClock)
        desk = Erased(room.desk.database, room.desk.clock)
        desk.fill()
        return desk

    async def figures() -> list[Any]:
        await room.desk.database.write(lambda conn: conn.execute(delete(report_answers)) and None)  # they are made of what there is
        span = {"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z", "as_of": "2026-11-22T09:11:00Z"}
        told = [(await room.client.get(f"/v1/reports/{name}", params=span)).json() for name in ("volumes", "rules")]
        assert all(one["rows"] for one in told)
        return told

    desk = await anyio.to_thread.run_sync(lived)
    story = f"/v1/cases/{desk.case}/timeline"
    read = (await room.client.get(story)).text
    assert all(word in read for word in (CARD, NAME, STREET))
    before = await figures()
    await anyio.to_thread.run_sync(desk.erase)
    said, explained = await everything(room)
    assert [word for word in PLANTED if word in said] == []
    hers = [one for one in explained if one["interaction"]["id"] in (desk.ticket, "call-0001") and not one["retracted"]]
    assert hers
    assert all(one["redacted_since"] is not None for one in hers)
    assert await figures() == before


async def test_where_workers_work_elsewhere_it_is_begun_and_goes_on_by_itself(room: Room, asked: httpx.AsyncClient) -> None:
    answer = await room.client.delete(f"/v1/people/{MAIL}")
    assert (answer.status_code, answer.json()["status"], answer.json()["certificate"]) == (202, "running", None)
    elsewhere = worker(room)
    while await elsewhere.step():
        continue
    assert (await asked.get(answer.headers["Location"])).json()["status"] == "done"


async def test_only_administrators_may(room: Room, asked: httpx.AsyncClient) -> None:
    refused = await asked.delete(f"/v1/people/{MAIL}", headers=await room.key("ops"))
    assert refused.status_code == 403
    assert holding(room.desk.database, MAIL) != []
