"""A supervisor takes a wrong moment out of its story."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.web.conftest import Room
from tests.web.test_explained import CASE, heard
from tsbridge.core.moments import Moment, Text
from tsbridge.store import views
from tsbridge.work.batch_moments import ToldNow
from tsbridge.work.conclude import Conclusions

pytestmark = pytest.mark.anyio


async def told(room: Room, *moments: Moment) -> Any:
    """A client of the API that has cases judged in earnest, after these moments were heard."""
    salts = itertools.count()
    conclusions = Conclusions(room.desk.live, room.desk.ids, lambda: f"salt{next(salts)}")

    def hear(conn: Any) -> None:
        live, now = conclusions.begin(conn), ToldNow()
        for moment in moments:
            now.hear(conn, moment, "evt_1", live.version)
        conclusions.conclude(conn, live, now, room.desk.clock.now())

    await room.desk.database.write(hear)
    return room.other(judging=conclusions)


async def test_the_timeline_names_each_moment_and_shows_what_was_withdrawn_by_whom_and_why(room: Room) -> None:
    first = heard(room)
    wrong = Moment("zendesk", "4711", "ticket.commented", room.desk.clock.now(), texts=(Text("comment", "not his"),))
    client = await told(room, first, wrong)
    held = await room.key("supervisor")
    answer = await client.post(f"/v1/moments/{wrong.digest}/withdraw", json={"reason": "another ticket's"}, headers=held)
    assert answer.status_code == 200, answer.text
    withdrawn = {"at": answer.json()["moment"]["withdrawn"]["at"], "by": "supervisor", "reason": "another ticket's"}
    assert answer.json()["case_id"] == CASE
    assert answer.json()["moment"]["withdrawn"] == withdrawn
    again = await client.post(f"/v1/moments/{wrong.digest}/withdraw", json={"reason": "again"})
    assert again.json() == answer.json()
    shown = (await client.get(f"/v1/cases/{CASE}/timeline")).json()["items"]
    assert {entry["id"]: entry["withdrawn"] for entry in shown if entry["kind"] == "moment"} == {
        first.digest: None,
        wrong.digest: withdrawn,
    }
    (change,) = [entry for entry in shown if entry["kind"] == "change"]
    assert (change["action"], change["actor"]) == ("moment.withdraw", "supervisor")
    assert change["after"] == {"moment": wrong.digest, "reason": "another ticket's"}


async def test_a_case_of_which_nothing_is_left_can_still_be_looked_at(room: Room) -> None:
    only = heard(room)
    client = await told(room, only)
    assert (await client.post(f"/v1/moments/{only.digest}/withdraw", json={"reason": "a test of the form"})).status_code == 200
    shown = (await client.get(f"/v1/cases/{CASE}")).json()
    assert (shown["status"], shown["severity"], shown["queue"], shown["tags"]) == ("resolved", None, None, [])
    explained = (await client.get(f"/v1/cases/{CASE}/explain")).json()
    assert explained["decision"] is None
    kinds = [entry["kind"] for entry in (await client.get(f"/v1/cases/{CASE}/timeline")).json()["items"]]
    assert kinds == ["moment", "decision", "decision", "change"]
    audit = (await client.get("/v1/audit/routing")).json()["items"]
    assert [item["retracted"] for item in audit] == [True, False]
    assert (await client.get("/v1/audit/verify")).json()["ok"] is True


async def test_it_needs_a_reason_and_a_moment_that_there_is(room: Room) -> None:
    only = heard(room)
    client = await told(room, only)
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": "a\x00b"}, {"why": "wrong"}):
        assert (await client.post(f"/v1/moments/{only.digest}/withdraw", json=body)).status_code == 422
    assert (await client.post(f"/v1/moments/{'0' * 64}/withdraw", json={"reason": "wrong"})).status_code == 404
    kept = await room.desk.database.read(lambda conn: views.moment(conn, only.digest))
    assert kept is not None
    assert kept["withdrawn_at"] is None


async def test_a_decision_about_what_was_done_at_the_desk_names_no_delivery(room: Room) -> None:
    client = await told(room, heard(room))
    assert (await client.post(f"/v1/cases/{CASE}/acknowledge", json={})).status_code == 200
    newest = (await client.get("/v1/audit/routing")).json()["items"][0]
    assert (newest["event"], newest["event_id"]) == ("case.acknowledged", None)
    assert (await client.get("/v1/audit/verify")).json()["ok"] is True
