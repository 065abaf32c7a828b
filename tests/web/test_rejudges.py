"""Rejudges through the API: asked for, looked at, cancelled; what makes no sense is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.clocks import CountingIds
from tests.web.conftest import BOOK
from tests.work.walk import ticket
from tsbridge.core.rules.document import read
from tsbridge.store import replays, rulebooks
from tsbridge.vendors.zendesk import normalize
from tsbridge.work.batch_moments import ToldNow
from tsbridge.work.conclude import Conclusions
from tsbridge.work.rejudge import Rejudging

pytestmark = pytest.mark.anyio
PATH = "/v1/cases/rejudge"


async def told(room: Any, *deliveries: tuple[str, dict[str, Any]]) -> Conclusions:
    """These tickets, heard and judged."""
    conclusions = Conclusions(room.desk.live, CountingIds("t"), lambda: "salt")
    now = room.desk.clock.now()

    def write(conn: Any) -> None:
        live, heard = conclusions.begin(conn), ToldNow()
        for _, body in deliveries:
            for moment in normalize.normalize(body, received_at=now).moments:
                heard.hear(conn, moment, "evt", live.version)
        conclusions.conclude(conn, live, heard, now)

    await room.desk.database.write(write)
    return conclusions


async def worked(room: Any, conclusions: Conclusions) -> None:
    desk = room.desk
    worker = Rejudging(desk.database, desk.clock, desk.ids, desk.salt, desk.live, conclusions, desk.zone, "w1", lambda: None)
    while await worker.round():
        pass


async def publish(room: Any, document: dict[str, Any]) -> None:
    now = room.desk.clock.now()
    await room.desk.database.write(lambda conn: rulebooks.publish(conn, document, read(document).hash, "", now, "test"))


def repaired() -> dict[str, Any]:
    book = copy.deepcopy(BOOK)
    book["rules"][0]["when"]["any"][0]["value"].append("gebissen")
    return book


async def test_a_plan_and_then_the_change_itself_are_told_case_by_case(room: Any) -> None:
    conclusions = await told(room, ticket("created", 0, "1", text="mein hund wurde gebissen"), ticket("created", 0, "2", person="42"))
    await publish(room, repaired())
    for apply in (False, True):
        made = await room.client.post(PATH, json={"filter": {"queue": "intake", "status": "open"}, "apply": apply, "note": "german"})
        assert made.status_code == 202
        path = f"{PATH}/{made.json()['id']}"
        assert made.headers["Location"] == path
        assert (await room.client.get(path)).json()["status"] == "queued"
        assert room.woken.count("replay") == 1 + apply
        await worked(room, conclusions)
        done = (await room.client.get(path)).json()
        assert (done["status"], done["done"], done["total"], done["version"], done["apply"]) == ("done", 2, 2, 2, apply)
        assert done["filter"] == {"queue": "intake"}
        assert (done["summary"]["cases"], done["summary"]["changed"]) == (2, 1)
        assert [(row["from"], row["to"]) for row in done["summary"]["queue_moves"]] == [("intake", "safety")]
        (item,) = (await room.client.get(f"{path}/moves")).json()["items"]
        assert (item["ticket"], item["from"]["severity"], item["to"]["severity"]) == ("1", None, 1)
        assert (item["from"]["queue"], item["to"]["queue"], item["to"]["tags"]) == ("intake", "safety", ["ts_injury"])
        (wish,) = item["wishes"]
        assert (wish["ticket"], wish["from"]["values"], wish["to"]["values"]) == (
            "1",
            {"group_id": "61000000001"},
            {"group_id": "61000000010"},
        )
        case = (await room.client.get(f"/v1/cases/{item['case_id']}")).json()
        assert case["queue"] == ("safety" if apply else "intake")
        changes = (await room.client.get("/v1/audit/changes", params={"subject": done["id"]})).json()["items"]
        assert {change["action"] for change in changes} == {"case.rejudge"}
        assert len(changes) == 2 + apply
    listed = (await room.client.get(PATH)).json()["items"]
    assert [one["apply"] for one in listed] == [True, False]
    assert (await room.client.get("/v1/rulebook/replay")).json()["items"] == []
    assert (await room.client.get(f"/v1/rulebook/replay/{listed[0]['id']}")).status_code == 404


async def test_a_persons_cases_are_found_and_the_person_is_not_named(room: Any) -> None:
    await told(room, ticket("created", 0, "1", person="41"), ticket("created", 0, "2", person="42"))
    made = await room.client.post(PATH, json={"filter": {"person": "p42@example.com"}})
    shown = (await room.client.get(f"{PATH}/{made.json()['id']}")).json()
    assert shown["total"] == 1
    assert list(shown["filter"]) == ["among"]
    job = await room.desk.database.read(lambda conn: replays.find(conn, shown["id"]))
    assert "p42" not in str(job)


async def test_a_queued_one_can_be_cancelled_once(room: Any) -> None:
    path = f"{PATH}/{(await room.client.post(PATH)).json()['id']}"
    assert (await room.client.delete(path)).status_code == 204
    assert (await room.client.get(path)).json()["status"] == "cancelled"
    assert (await room.client.delete(path)).status_code == 409
    assert (await room.client.delete(f"{PATH}/rej_nothing")).status_code == 404
    replay = (await room.client.post("/v1/rulebook/replay")).json()["id"]
    for answer in (await room.client.get(f"{PATH}/{replay}"), await room.client.delete(f"{PATH}/{replay}")):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"filter": {"colour": "red"}}, 422),
        ({"filter": {"status": "resolved"}}, 422),
        ({"filter": {"severity": "1"}}, 422),
        ({"filter": {"from": "2026-11-22T09:00:00Z", "to": "2026-11-21T09:00:00Z"}}, 422),
        ({"filter": {"from": "yesterday"}}, 422),
        ({"apply": "yes"}, 422),
        ({"speed": 9}, 422),
        ({"version": 9}, 409),
    ],
)
@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
async def test_what_makes_no_sense_is_refused_and_nothing_is_queued(room: Any, body: dict[str, Any], status: int) -> None:
    assert (await room.client.post(PATH, json=body)).status_code == status
    assert (await room.client.get(PATH)).json()["items"] == []
