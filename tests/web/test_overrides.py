"""Overrides by API: made in a second, never overlapping, kept when they are over or were removed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.clocks import START
from tests.web.conftest import staff
from tsbridge.core.times import time_text

pytestmark = pytest.mark.anyio

OVERRIDES = "/v1/overrides"


def at(hours: float) -> str:
    return str(time_text(START + timedelta(hours=hours)))


def override(**changes: Any) -> dict[str, Any]:
    return {"kind": "oncall", "agent": "ben", "rotation": "lead", "from": at(1), "to": at(5), "why": "a swap", **changes}


@pytest.fixture
async def staffed(room: Any) -> Any:
    return await staff(room)


async def test_an_override_is_made_shown_and_removed_and_stays_on_record(staffed: Any) -> None:
    supervisor = await staffed.key("supervisor")
    made = await staffed.client.post(OVERRIDES, json=override(), headers=supervisor)
    assert made.status_code == 201
    one = made.json()
    assert (one["agent"], one["from"], one["to"], one["made_by"], one["removed_at"]) == ("ben", at(1), at(5), "supervisor", None)
    assert (await staffed.client.get(made.headers["Location"])).json() == one
    staffed.desk.clock.advance(timedelta(hours=2))
    gone = await staffed.client.delete(f"{OVERRIDES}/{one['id']}", headers=supervisor)
    assert (gone.status_code, gone.json()["removed_by"], gone.json()["removed_at"]) == (200, "supervisor", at(2))
    assert (await staffed.client.get(OVERRIDES)).json()["items"] == [gone.json()]
    assert (await staffed.client.delete(f"{OVERRIDES}/{one['id']}")).status_code == 409
    assert (await staffed.client.delete(f"{OVERRIDES}/ovr_none")).status_code == 404
    found = (await staffed.client.get("/v1/audit/changes?subject=ben")).json()["items"]
    assert [one["action"] for one in found] == ["override.remove", "override.make", "roster.publish"]
    assert (await staffed.client.get("/v1/roster")).json()["version"] == 1
    assert (await staffed.client.get("/v1/audit/verify")).json()["ok"] is True


async def test_two_of_a_kind_for_the_same_at_once_are_refused(staffed: Any) -> None:
    first = (await staffed.client.post(OVERRIDES, json=override())).json()
    refused = await staffed.client.post(OVERRIDES, json=override(agent="ana", **{"from": at(4), "to": at(9)}))
    assert refused.status_code == 422
    assert first["id"] in refused.json()["errors"][0]["detail"]
    assert (await staffed.client.post(OVERRIDES, json=override(agent="ana", **{"from": at(5), "to": at(9)}))).status_code == 201


BAD = [
    ({"agent": "cleo"}, "#/agent"),
    ({"instead_of": "cleo"}, "#/instead_of"),
    ({"instead_of": "ben"}, "#/instead_of"),
    ({"rotation": "leed"}, "#/rotation"),
    ({"queue": "saftey"}, "#/queue"),
    ({"from": at(5), "to": at(5)}, "#/to"),
    ({"from": at(5), "to": at(1)}, "#/to"),
    ({"from": at(-5), "to": at(-1)}, "#/to"),
    ({"to": at(24 * 400)}, "#/to"),
    ({"kind": "off"}, "#/rotation"),
    ({"kind": "swap"}, "#/kind"),
    ({"why": "  "}, "#/why"),
    ({"from": "tomorrow"}, "#/from"),
    ({"agent": 7}, "#/agent"),
    ({"extra": 1}, "#"),
]


@pytest.mark.parametrize(("changes", "pointer"), BAD)
async def test_an_override_that_cannot_be_is_refused_at_its_place(staffed: Any, changes: dict[str, Any], pointer: str) -> None:
    answer = await staffed.client.post(OVERRIDES, json=override(**changes))
    assert answer.status_code == 422
    assert pointer in {one["pointer"] for one in answer.json()["errors"]}
    assert (await staffed.client.get(OVERRIDES)).json()["items"] == []


async def test_agents_may_be_named_by_their_zendesk_user(staffed: Any) -> None:
    made = await staffed.client.post(OVERRIDES, json=override(agent=41000000008, instead_of="41000000007"))
    assert (made.json()["agent"], made.json()["instead_of"]) == ("ben", "ana")


async def test_without_a_roster_there_is_nothing_to_override(room: Any) -> None:
    assert (await room.client.post(OVERRIDES, json=override())).status_code == 409


async def test_a_viewer_makes_none(staffed: Any) -> None:
    viewer = await staffed.key("viewer")
    assert (await staffed.client.post(OVERRIDES, json=override(), headers=viewer)).status_code == 403
    assert (await staffed.client.get(OVERRIDES, headers=viewer)).status_code == 200


async def test_overrides_come_in_pages_the_latest_start_first(staffed: Any) -> None:
    for n in range(5):
        await staffed.client.post(OVERRIDES, json=override(**{"from": at(n + 1), "to": at(n + 2)}))
    found: list[str] = []
    cursor = ""
    while True:
        page = (await staffed.client.get(f"{OVERRIDES}?limit=2{cursor}")).json()
        found += [one["from"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == [at(n) for n in (5, 4, 3, 2, 1)]
    some = (await staffed.client.get(OVERRIDES, params={"from": at(2), "to": at(3), "agent": "ben"})).json()["items"]
    assert [one["from"] for one in some] == [at(2)]
