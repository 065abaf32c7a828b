"""Replays and the shadow through the API: jobs that are queued, looked at, streamed and cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.web.conftest import BOOK
from tsbridge.store import history, replays
from tsbridge.store.replays import MOST_OPEN
from tsbridge.work.replay_jobs import Replays

pytestmark = pytest.mark.anyio
PATH = "/v1/rulebook/replay"


async def worked(room: Any) -> None:
    worker = Replays(room.desk.database, room.desk.clock, room.desk.live, room.desk.zone, "w1")
    while await worker.round():
        pass


async def test_a_replay_is_queued_run_and_told(room: Any) -> None:
    made = await room.client.post(PATH, json={})
    assert made.status_code == 202
    path = f"{PATH}/{made.json()['id']}"
    assert made.headers["Location"] == path
    assert (await room.client.get(path)).json()["status"] == "queued"
    await worked(room)
    done = (await room.client.get(path)).json()
    assert (done["status"], done["done"], done["total"]) == ("done", 0, await room.desk.database.read(history.count))
    assert (done["summary"]["decisions"], done["summary"]["mismatches"], done["summary"]["queue_moves"]) == (0, 0, [])
    assert (await room.client.get(f"{path}/moves")).json() == {"items": [], "next_cursor": None}
    assert [item["id"] for item in (await room.client.get(PATH)).json()["items"]] == [done["id"]]
    assert (await room.client.delete(path)).status_code == 409


async def test_a_queued_replay_can_be_cancelled(room: Any) -> None:
    path = f"{PATH}/{(await room.client.post(PATH)).json()['id']}"
    assert (await room.client.delete(path)).status_code == 204
    await worked(room)
    assert (await room.client.get(path)).json()["status"] == "cancelled"
    actions = [item["action"] for item in (await room.client.get("/v1/audit/changes")).json()["items"]]
    assert actions[:2] == ["replay.cancel", "replay.start"]


async def test_when_as_many_wait_as_may_another_is_told_when_to_come_again(room: Any) -> None:
    for _ in range(MOST_OPEN // 2):
        assert (await room.client.post(PATH, json={})).status_code == 202
        assert (await room.client.post("/v1/cases/rejudge", json={})).status_code == 202
    for path in (PATH, "/v1/cases/rejudge"):
        full = await room.client.post(path, json={})
        assert (full.status_code, full.headers["Retry-After"]) == (429, "30")
        assert full.json()["type"].endswith(":busy")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"document": {"schema": 1}}, 422),
        ({"version": 9}, 404),
        ({"version": 1, "as_recorded": True}, 422),
        ({"from": "2026-11-22T09:00:00Z", "to": "2026-11-21T09:00:00Z"}, 422),
        ({"from": "yesterday"}, 422),
        ({"speed": 9}, 422),
    ],
)
@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
async def test_a_replay_that_makes_no_sense_is_refused(room: Any, body: dict[str, Any], status: int) -> None:
    assert (await room.client.post(PATH, json=body)).status_code == status
    assert (await room.client.get(PATH)).json()["items"] == []


async def test_moves_come_as_json_pages_ndjson_and_csv(room: Any) -> None:
    made = (await room.client.post(PATH, json={"document": BOOK})).json()["id"]
    at = room.desk.clock.now()
    rows = [
        {
            "replay_id": made,
            "seq": n,
            "case_id": f"case_{n}",
            "ticket": str(n),
            "decision_id": f"dec_{n}",
            "at": at,
            "before": {"queue": "intake", "severity": None, "tags": [], "escalations": []},
            "after": {"queue": "safety", "severity": 1, "tags": ["ts_injury"], "escalations": []},
            "mismatch": False,
        }
        for n in (1, 2, 3)
    ]
    await room.desk.database.write(lambda conn: conn.execute(replays.insert(replays.replay_moves), rows) and None)
    path = f"{PATH}/{made}/moves"
    page = (await room.client.get(path, params={"limit": 2})).json()
    rest = (await room.client.get(path, params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert [item["ticket"] for item in (*page["items"], *rest["items"])] == ["1", "2", "3"]
    assert (page["items"][0]["from"]["queue"], page["items"][0]["to"]["tags"]) == ("intake", ["ts_injury"])
    lines = (await room.client.get(path, headers={"Accept": "application/x-ndjson"})).text.splitlines()
    assert len(lines) == 3
    table = (await room.client.get(path, headers={"Accept": "text/csv"})).text.splitlines()
    assert table[0].startswith("id,case_id,ticket,decision_id,at,mismatch,from_queue")
    assert table[1].endswith(",intake,,,,safety,1,ts_injury,")
    assert (await room.client.get(f"{PATH}/rep_none/moves")).status_code == 404


async def test_the_shadow_is_switched_on_looked_at_and_off(room: Any) -> None:
    path = "/v1/rulebook/shadow"
    assert (await room.client.get(path)).json() == {"on": False, "summary": None}
    assert (await room.client.put(path, json={"document": {"schema": 2}})).status_code == 422
    begun = await room.client.put(path)
    assert begun.status_code == 200
    assert (begun.json()["on"], begun.json()["summary"]["decisions"]) == (True, 0)
    assert (await room.client.get(f"{path}/moves")).json()["items"] == []
    table = await room.client.get(f"{path}/moves", headers={"Accept": "text/csv"})
    assert (table.headers["Content-Type"], table.text.startswith("id,case_id,ticket")) == ("text/csv; charset=utf-8", True)
    assert (await room.client.get(f"{path}/moves", headers={"Accept": "application/x-ndjson"})).text == ""
    assert (await room.client.get(f"{path}/moves", headers={"Accept": "image/png"})).status_code == 406
    assert (await room.client.delete(path)).status_code == 204
    assert (await room.client.delete(path)).status_code == 204
    assert (await room.client.get(path)).json()["on"] is False
    actions = [item["action"] for item in (await room.client.get("/v1/audit/changes")).json()["items"]]
    assert actions == ["shadow.stop", "shadow.start"]


async def test_two_workers_never_have_one_job(room: Any) -> None:
    await room.client.post(PATH)
    workers = [Replays(room.desk.database, room.desk.clock, room.desk.live, room.desk.zone, f"w{n}") for n in range(4)]
    await asyncio.gather(*(worker.round() for worker in workers))
    assert (await room.client.get(PATH)).json()["items"][0]["status"] in ("running", "done")
