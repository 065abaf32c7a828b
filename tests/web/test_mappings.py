"""Talkdesk bodies of a team's own design: the mapping that reads them."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio

PATH = "/v1/sources/talkdesk/mappings"
CALL = {"call_id": "/call/id"}
OURS = [{"name": "old flow", "when": {"/kind": "Done"}, "event": "call.ended", "fields": CALL, "timezone": "Europe/Lisbon"}]


async def test_mappings_are_replaced_as_a_whole_by_who_has_seen_them(room: Any) -> None:
    shown = await room.client.get(PATH)
    assert shown.json() == {"mappings": []}
    assert (await room.client.put(PATH, json={"mappings": OURS})).status_code == 428
    done = await room.client.put(PATH, json={"mappings": OURS}, headers={"If-Match": shown.headers["ETag"]})
    assert (done.status_code, done.json()) == (200, {"mappings": OURS})
    stale = await room.client.put(PATH, json={"mappings": []}, headers={"If-Match": shown.headers["ETag"]})
    assert stale.status_code == 412
    again = await room.client.get(PATH)
    assert (again.json(), again.headers["ETag"]) == ({"mappings": OURS}, done.headers["ETag"])
    (change,) = (await room.client.get("/v1/audit/changes")).json()["items"]
    assert (change["action"], change["subject"]) == ("source.mappings", "talkdesk")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"name": ""}, "#/mappings/0/name"),
        ({"when": {}}, "#/mappings/0/when"),
        ({"when": {"kind": "Done"}}, "#/mappings/0/when"),
        ({"when": {"/kind": None}}, "#/mappings/0/when"),
        ({"event": "call.imagined"}, "#/mappings/0/event"),
        ({"event": {"from": "/kind", "words": {"Done": "x"}}}, "#/mappings/0/event/words"),
        ({"fields": {"tags": "/x"}}, "#/mappings/0/fields"),
        ({"fields": {"call_id": "x"}}, "#/mappings/0/fields/call_id"),
        ({"fields": {"call_id": "/x", "shoe_size": "/y"}}, "#/mappings/0/fields/shoe_size"),
        ({"colour": 1}, "#/mappings/0/colour"),
        ({"timezone": "Mars/Olympus"}, "#/mappings/0/timezone"),
        ({"timezone": "../etc/passwd"}, "#/mappings/0/timezone"),
        ({"timezone": 7}, "#/mappings/0/timezone"),
    ],
)
@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
async def test_a_mapping_that_makes_no_sense_is_refused_where_it_is_wrong(room: Any, wrong: dict[str, Any], pointer: str) -> None:
    answer = await room.client.put(PATH, json={"mappings": [{**OURS[0], **wrong}]}, headers={"If-Match": "*"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await room.client.get(PATH)).json() == {"mappings": []}
