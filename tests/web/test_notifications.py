"""Who was told what, by which way, why, and once more."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.work.telling import ROSTER, Telling
from tsbridge.core.errors import GiveUp, TryLater
from tsbridge.web.probes import telling_probe
from tsbridge.work.duties import DutyNews
from tsbridge.work.rosters import LiveRoster

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(room: Any, clock: Any) -> Telling:
    """A desk that tells people, on the database that the API reads."""
    return await _apart(lambda: Telling(room.desk.database, clock))


async def test_news_of_somebodys_duty_are_told_of_no_case(room: Any, desk: Telling) -> None:
    await cleo_instead_of_ben(desk)
    await _apart(desk.tell)
    items = {item["to"]: item for item in await listed(room)}
    ben = items["ben"]
    assert [ben[name] for name in ("case_id", "kind", "policy", "step", "rule", "severity", "way", "status", "late")] == [
        *(None, "duty", None, None, None, None, "mail", "sent", False)
    ]
    assert ben["attempts"][0]["answer"] == "ok"
    whole = (await room.client.get(f"/v1/notifications/{ben['id']}")).json()
    assert whole["because"]["changed"] == ["version 2"]
    (lost,) = whole["because"]["lost"]
    assert (lost["name"], lost["from"], lost["to"], lost["instead"]) == ("lead", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z", ["cleo"])
    assert (whole["cases"], whole["over"]["because"]) == ([], "told")
    assert (await room.client.post(f"/v1/notifications/{ben['id']}/retry")).status_code == 409


async def test_news_that_did_not_arrive_can_be_tried_again(room: Any, desk: Telling) -> None:
    await cleo_instead_of_ben(desk)
    desk.ways.fault = lambda way, agent: (_ for _ in ()).throw(GiveUp("refused"))
    await _apart(desk.tell)
    (failed,) = await listed(room, agent="ben", status="failed")
    desk.ways.fault = lambda way, agent: None
    assert (await room.client.post(f"/v1/notifications/{failed['id']}/retry")).status_code == 200
    await _apart(desk.tell)
    assert [item["status"] for item in await listed(room, agent="ben")] == ["sent"]


async def cleo_instead_of_ben(desk: Telling) -> None:
    """A new roster gives Ben's turns to Cleo, and who is to be told is noted."""
    looker = DutyNews(desk.database, desk.clock, LiveRoster(), lambda: None)
    await looker.round()
    other = copy.deepcopy(ROSTER)
    other["rotations"]["lead"]["members"] = ["ana", "cleo"]
    await _apart(lambda: desk.publish(other))
    await looker.round()


async def _apart(work: Any) -> Any:
    import asyncio

    return await asyncio.to_thread(work)


async def listed(room: Any, **params: str) -> list[dict[str, Any]]:
    answer = await room.client.get("/v1/notifications", params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_a_telling_says_to_whom_by_which_way_with_what_answer(room: Any, desk: Telling) -> None:
    case = await _apart(lambda: desk.open("bitten"))
    await _apart(desk.tell)
    (item,) = await listed(room, case=case)
    assert item | {"id": "", "message_id": ""} == {
        "id": "",
        "case_id": case,
        "policy": "sev1",
        "step": 1,
        "rule": None,
        "kind": "step",
        "target": "oncall",
        "to": "ana",
        "way": "mail",
        "status": "sent",
        "reason": None,
        "severity": 1,
        "late": False,
        "asked_at": "2026-11-22T09:00:00Z",
        "due_at": None,
        "attempts": [{"at": "2026-11-22T09:00:00Z", "answer": "ok"}],
        "why": [],
        "message_id": "",
        "sent_at": "2026-11-22T09:00:00Z",
        "acknowledged_at": None,
    }
    assert await listed(room, case="case_another") == []


async def test_why_them_and_why_not_the_others_is_one_call_and_stays_what_it_was(room: Any, desk: Telling) -> None:
    case = await _apart(lambda: desk.open("bitten"))
    await _apart(desk.tell)
    (item,) = await listed(room, case=case)
    before = (await room.client.get(f"/v1/notifications/{item['id']}")).json()
    why = before["because"]
    assert why["roster_version"] == 1
    assert [to["agent"] for to in why["first"]] == ["ana"]
    assert why["first"][0]["because"][0]["step"] == "cover"
    assert [to["agent"] for to in why["backups"]] == ["ben", None]
    assert [one["agent"] for one in why["others"]] == ["cleo"]
    assert before["cases"] == [case]
    roster = copy.deepcopy(ROSTER)
    roster["cover"] = [{"oncall": "cleo"}]
    await _apart(lambda: desk.publish(roster))
    assert (await room.client.get(f"/v1/notifications/{item['id']}")).json() == before


async def test_what_waits_says_since_when_what_for_and_until_when(room: Any, desk: Telling) -> None:
    await _apart(lambda: desk.open("lost", "5000"))
    await _apart(desk.tell)
    desk.clock.advance(5)
    case = await _apart(lambda: desk.open("lost", "5001"))
    await _apart(desk.tell)
    (item,) = await listed(room, case=case)
    assert (item["status"], item["due_at"]) == ("waiting", "2026-11-22T09:01:00Z")
    assert item["why"] == [{"at": "2026-11-22T09:00:05Z", "step": "grouped", "until": "2026-11-22T09:01:00Z"}]


async def test_nobody_on_call_is_an_item_a_figure_and_an_alarm(room: Any, clock: Any) -> None:
    desk = await _apart(lambda: Telling(room.desk.database, clock, roster=None))
    case = await _apart(lambda: desk.open("bitten"))
    await _apart(desk.tell)
    items = await listed(room, case=case)
    assert {(item["to"], item["way"], item["status"], item["reason"]) for item in items} == {(None, None, "failed", "nobody_on_call")}
    metrics = (await room.client.get("/metrics")).text
    samples = {
        sample.labels["status"]: sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "tsbridge_notifications_total"
    }
    assert samples == {"failed": 0, "nobody": len(items), "sent": 0, "superseded": 0, "waiting": 0}
    whole = (await room.client.get(f"/v1/notifications/{items[-1]['id']}")).json()
    assert whole["because"] is not None
    assert whole["because"]["gap"] == "there is no roster"


async def test_what_failed_is_tried_again_when_somebody_says_so(room: Any, desk: Telling) -> None:
    def fault(way: str, agent: str | None) -> None:
        raise GiveUp("refused")

    desk.ways.fault = fault
    case = await _apart(lambda: desk.open("bitten"))
    await _apart(desk.tell)
    item = next(item for item in await listed(room, case=case, agent="ana") if item["way"] == "mail" and item["step"] == 1)
    assert (item["status"], item["reason"]) == ("failed", "refused")
    desk.ways.fault = lambda way, agent: None
    answer = await room.client.post(f"/v1/notifications/{item['id']}/retry")
    assert (answer.status_code, answer.json()["status"]) == (200, "waiting")
    await _apart(desk.tell)
    again = (await room.client.get(f"/v1/notifications/{item['id']}")).json()
    assert (again["status"], [one["answer"] for one in again["attempts"]]) == ("sent", ["refused", "ok"])
    assert (await room.client.post(f"/v1/notifications/{item['id']}/retry")).status_code == 409
    assert (await room.client.post("/v1/notifications/nfy_none/retry")).status_code == 404
    changes = (await room.client.get("/v1/audit/changes", params={"action": "notification.retry"})).json()["items"]
    assert [change["subject"] for change in changes] == [item["id"]]


async def test_the_timeline_tells_who_was_told(room: Any, desk: Telling) -> None:
    case = await _apart(lambda: desk.open("bitten"))
    await _apart(desk.tell)
    answer = await room.client.get(f"/v1/cases/{case}/timeline")
    assert answer.status_code == 200, answer.text
    entries = answer.json()["items"]
    (told,) = [entry for entry in entries if entry["kind"] == "notification"]
    assert (told["to"], told["way"], told["status"], told["telling"]) == ("ana", "mail", "sent", "step")


async def test_sending_that_is_stuck_makes_the_service_degraded(room: Any, desk: Telling) -> None:
    look = telling_probe(room.desk.database, desk.clock, timedelta(seconds=60))
    assert (await look()).degraded is False

    def fault(way: str, agent: str | None) -> None:
        raise TryLater("away")

    desk.ways.fault = fault
    await _apart(lambda: desk.open("bitten"))
    await _apart(desk.tell)
    assert (await look()).degraded is False
    desk.clock.advance(61)
    found = await look()
    assert (found.ok, found.degraded) == (True, True)
    room.desk.probes["notifications"] = look
    answer = await room.client.get("/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["degraded"]) == (200, "degraded", ["notifications"])
