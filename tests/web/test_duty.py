"""Who is there: agents, duties, who is on call and why, holes. The past as it was known then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.conftest import staff
from tsbridge.core.times import time_text

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 11, 2, 17, tzinfo=UTC)
"""09:00 in Los Angeles: the first hand-over of the lead, to Ana; the day's shift begins."""
HOUR = timedelta(hours=1)


def at(hours: float) -> str:
    return str(time_text(MONDAY + hours * HOUR))


@pytest.fixture
async def staffed(room: Any) -> Any:
    room.desk.clock.set(MONDAY - 24 * HOUR)
    return await staff(room)


async def on_call(room: Any, hours: float, **asked: Any) -> dict[str, Any]:
    answer = await room.client.get("/v1/oncall", params={"at": at(hours), **asked})
    assert answer.status_code == 200
    return answer.json()  # type: ignore[no-any-return]


async def override(room: Any, **changes: Any) -> str:
    body = {"kind": "oncall", "agent": "ben", "rotation": "lead", "from": at(0), "to": at(8), "why": "a swap", **changes}
    answer = await room.client.post("/v1/overrides", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_who_is_on_call_comes_with_the_chain_of_reasons(staffed: Any) -> None:
    found = await on_call(staffed, 1, queue="safety", severity=1)
    assert [(one["agent"], one["name"], one["until"]) for one in found["people"]] == [("ana", "Ana Silva", at(7 * 24))]
    assert [one["step"] for one in found["people"][0]["because"]] == ["cover", "rotation", "handover"]
    assert (found["at"], found["then"], found["gap"]) == (at(1), ["ben", "page"], None)


async def test_nobody_on_call_is_a_gap_with_its_reason(staffed: Any) -> None:
    found = await on_call(staffed, -1)
    assert found["people"] == []
    assert (found["gap"]["to"], "starts" in found["gap"]["why"]) == (at(0), True)


async def test_before_the_first_version_there_is_a_gap(staffed: Any) -> None:
    found = await on_call(staffed, -48)
    assert (found["people"], found["gap"]) == ([], {"from": at(-48), "to": at(-24), "why": "there was no roster yet"})


async def test_without_a_roster_nobody_is_on_call(room: Any) -> None:
    assert (await on_call(room, 0))["gap"] == {"from": at(0), "to": None, "why": "there is no roster"}
    assert (await room.client.get("/v1/agents")).json()["items"] == []
    assert (await room.client.get("/v1/shifts")).json()["items"] == []
    holes = (await room.client.get("/v1/coverage?days=1")).json()["holes"]
    assert [(one["queue"], one["severity"], one["why"]) for one in holes] == [
        ("intake", None, "there is no roster"),
        ("safety", None, "there is no roster"),
    ]


async def test_the_past_answers_by_what_was_known_then(staffed: Any) -> None:
    staffed.desk.clock.set(MONDAY + 2 * HOUR)
    one = await override(staffed)
    staffed.desk.clock.set(MONDAY + 4 * HOUR)
    await staffed.client.delete(f"/v1/overrides/{one}")
    staffed.desk.clock.set(MONDAY + 24 * HOUR)
    assert [(await on_call(staffed, hours))["people"][0]["agent"] for hours in (1, 3, 5)] == ["ana", "ben", "ana"]
    shifts = (await staffed.client.get("/v1/shifts", params={"from": at(0), "to": at(8)})).json()["items"]
    turns = [(one["agent"], one["from"], one["to"], one["source"]) for one in shifts if one["name"] == "lead"]
    assert turns == [("ana", at(0), at(2), "rotation"), ("ben", at(2), at(4), "override"), ("ana", at(4), at(7 * 24), "rotation")]
    assert len({one["id"] for one in shifts}) == len(shifts)


async def test_a_new_version_changes_what_is_to_come_and_not_what_was(staffed: Any) -> None:
    staffed.desk.clock.set(MONDAY + 2 * HOUR)
    rotation = {"members": ["ben"], "every": "1w", "starts": "2026-11-02T09:00"}
    assert (await staffed.client.put("/v1/roster/rotations/lead", json={"value": rotation}, headers={"If-Match": '"1"'})).status_code == 201
    assert [(await on_call(staffed, hours))["people"][0]["agent"] for hours in (1, 3)] == ["ana", "ben"]


async def test_duties_are_concrete_and_come_in_pages(staffed: Any) -> None:
    whole = (await staffed.client.get("/v1/shifts", params={"from": at(0), "to": at(48)})).json()["items"]
    assert {one["source"] for one in whole} == {"shift", "rotation"}
    assert [one["from"] for one in whole] == sorted(one["from"] for one in whole)
    paged: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await staffed.client.get("/v1/shifts", params={"from": at(0), "to": at(48), "limit": 2, **cursor})).json()
        paged += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert paged == whole
    mine = (await staffed.client.get("/v1/shifts", params={"from": at(0), "to": at(48), "agent": "ana"})).json()["items"]
    assert mine == [one for one in whole if one["agent"] == "ana"]


async def test_agents_say_whether_they_are_there(staffed: Any) -> None:
    staffed.desk.clock.set(MONDAY + HOUR)
    ana, ben = (await staffed.client.get("/v1/agents")).json()["items"]
    assert (ana["id"], ana["on_shift"], ana["on_call"], ana["skills"], ana["from"]) == ("ana", True, True, {"safety": 3}, "2026-05-01")
    assert ana["ways"] == [{"way": "mail", "proved_at": None}, {"way": "chat", "proved_at": None}]
    assert (ben["on_shift"], ben["on_call"], ben["zendesk_user_id"]) == (True, False, 41000000008)
    await override(staffed)
    assert [one["on_call"] for one in (await staffed.client.get("/v1/agents")).json()["items"]] == [False, True]


async def test_coverage_shows_each_hole_with_a_proposal(staffed: Any) -> None:
    staffed.desk.clock.set(MONDAY)
    await staffed.client.put("/v1/roster/cover", json={"value": [{"oncall": "day"}]}, headers={"If-Match": '"1"'})
    found = (await staffed.client.get("/v1/coverage?days=2")).json()
    # of the roster claims and safety, of the rulebook intake and safety
    first = [(one["queue"], one["severity"], one["from"], one["to"]) for one in found["holes"][:3]]
    assert first == [(queue, None, at(8), at(24)) for queue in ("claims", "intake", "safety")]
    assert all(one["why"] and one["proposal"] for one in found["holes"])
    assert "could" in found["holes"][2]["proposal"]


BAD = [
    "/v1/oncall?at=now",
    "/v1/oncall?at=9999-12-31T00:00:00Z",
    "/v1/oncall?severity=5",
    "/v1/shifts?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z",
    "/v1/shifts?from=2026-11-02T00:00:00Z&to=2027-11-01T00:00:00Z",
    "/v1/coverage?days=0",
    "/v1/coverage?days=9999",
]


@pytest.mark.parametrize("path", BAD)
async def test_what_cannot_be_asked_is_refused(staffed: Any, path: str) -> None:
    assert (await staffed.client.get(path)).status_code == 422
