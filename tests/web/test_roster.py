"""The roster by API: versions, edits whole and in parts, the check, and the changes on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.roster.rosters import document
from tsbridge.core.feed_spans import Span
from tsbridge.store import feeds

pytestmark = pytest.mark.anyio

ROSTER = "/v1/roster"
FIRST = {"If-Match": '"0"'}


def roster(**changes: Any) -> dict[str, Any]:
    return {**document(), **changes}


async def put(room: Any, made: dict[str, Any], seen: dict[str, str] = FIRST, note: str = "a week") -> Any:
    return await room.client.put(ROSTER, json={"document": made, "note": note}, headers=seen)


async def seen(room: Any, path: str = ROSTER) -> dict[str, str]:
    return {"If-Match": (await room.client.get(path)).headers["ETag"]}


async def test_without_a_roster_there_is_version_0(room: Any) -> None:
    answer = await room.client.get(ROSTER)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"0"')
    assert (answer.json()["version"], answer.json()["document"]) == (0, None)
    assert (await room.client.get(f"{ROSTER}/versions")).json()["items"] == []
    assert (await room.client.get(f"{ROSTER}/versions/1")).status_code == 404
    assert (await room.client.post(f"{ROSTER}/check", json={})).status_code == 404


async def test_a_roster_is_published_read_compared_and_restored(room: Any) -> None:
    first = await put(room, roster())
    assert (first.status_code, first.json()["version"], first.headers["ETag"]) == (201, 1, '"1"')
    live = (await room.client.get(ROSTER)).json()
    assert (live["version"], live["hash"], live["note"], live["published_by"]) == (1, first.json()["hash"], "a week", "admin")
    assert live["document"] == roster()
    second = await put(room, roster(title="two"), {"If-Match": first.headers["ETag"]})
    assert second.json()["version"] == 2
    difference = (await room.client.get(f"{ROSTER}/versions/diff?from=1&to=2")).json()
    assert difference["other"][0]["words"] == ["It is two, was nothing."]
    assert (await room.client.get(f"{ROSTER}/versions/diff?from=2&to=live")).json()["same"] is True
    restored = await room.client.post(f"{ROSTER}/versions/1/restore")
    assert (restored.status_code, restored.json()) == (201, {"version": 3, "hash": first.json()["hash"]})
    versions = (await room.client.get(f"{ROSTER}/versions")).json()["items"]
    assert [(one["version"], one["note"]) for one in versions] == [(3, "restored from version 1"), (2, "a week"), (1, "a week")]
    assert (await room.client.get(f"{ROSTER}/versions/2")).json()["document"]["title"] == "two"


async def test_nobody_overwrites_what_they_have_not_seen(room: Any) -> None:
    assert (await room.client.put(ROSTER, json={"document": roster()})).status_code == 428
    assert (await put(room, roster())).status_code == 201
    stale = await put(room, roster(title="mine"))
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"1"')
    assert (await room.client.get(ROSTER)).json()["version"] == 1


async def test_a_roster_with_faults_is_refused_with_its_findings_and_nothing_changes(room: Any) -> None:
    bad = roster(rotations={"lead": {"members": [], "every": "1w", "starts": "2026-11-02T09:00"}})
    answer = await put(room, bad)
    assert answer.status_code == 422
    assert [(one["severity"], one["code"], one["path"]) for one in answer.json()["findings"]] == [
        ("error", "nobody", "/rotations/lead/members")
    ]
    assert (await room.client.get(ROSTER)).json()["version"] == 0
    checked = (await room.client.post(f"{ROSTER}/check", json=bad)).json()
    assert (checked["ok"], [one["code"] for one in checked["findings"]]) == (False, ["nobody"])


async def test_the_check_says_what_may_not_be_meant_and_refuses_nothing(room: Any) -> None:
    made = roster(cover=[{"queue": "safety", "oncall": "day"}])
    checked = (await room.client.post(f"{ROSTER}/check", json={"document": made})).json()
    assert checked["ok"] is True
    codes = {one["code"] for one in checked["findings"]}
    # the rulebook of these tests has the queues safety and intake
    assert {"hole", "unknown_queue", "queue_of_nobody", "gone"} <= codes
    assert (await put(room, made)).status_code == 201
    assert (await room.client.post(f"{ROSTER}/check", json={})).json() == checked


async def test_the_check_counts_what_is_known_of_feeds(room: Any) -> None:
    kept = {"key": "kept", "means": "rotation", "url": "https://calendar.example/kept.ics"}
    made = roster(cover=[{"oncall": "kept"}], calendars=[kept])

    async def codes() -> set[str]:
        return {one["code"] for one in (await room.client.post(f"{ROSTER}/check", json=made)).json()["findings"]}

    assert {"feed_not_read", "hole"} <= await codes()
    now = room.desk.clock.now()
    span = Span(now, now + timedelta(days=60), "ben")
    await room.desk.database.write(lambda conn: feeds.read_well(conn, "kept", (span,), span.end, now, (), None))
    assert not {"feed_not_read", "hole"} & await codes()


async def test_one_entry_is_edited_without_meeting_editors_of_others(room: Any) -> None:
    await put(room, roster())
    ana, ben = f"{ROSTER}/agents/ana", f"{ROSTER}/agents/ben"
    about_ana, about_ben = await seen(room, ana), await seen(room, ben)
    value = {**document()["agents"]["ana"], "queues": ["safety"]}  # type: ignore[index]
    changed = await room.client.put(ana, json={"value": value, "note": "claims goes"}, headers=about_ana)
    assert (changed.status_code, changed.json()["version"]) == (201, 2)
    other = {**document()["agents"]["ben"], "queues": ["claims"]}  # type: ignore[index]
    assert (await room.client.put(ben, json={"value": other}, headers=about_ben)).json()["version"] == 3
    assert (await room.client.put(ana, json={"value": value}, headers=about_ana)).status_code == 412
    shown = (await room.client.get(ana)).json()
    assert (shown["value"]["queues"], shown["version"]) == (["safety"], 3)


async def test_entries_come_and_go_and_what_names_them_keeps_them(room: Any) -> None:
    assert (await room.client.put(f"{ROSTER}/agents/cleo", json={"value": {"queues": ["safety"]}}, headers=FIRST)).json()["version"] == 1
    assert (await room.client.put(f"{ROSTER}/cover", json={"value": [{"oncall": "cleo"}]}, headers=await seen(room))).status_code == 201
    refused = await room.client.delete(f"{ROSTER}/agents/cleo", headers=await seen(room, f"{ROSTER}/agents/cleo"))
    assert (refused.status_code, refused.json()["findings"][0]["code"]) == (422, "unknown_oncall")
    cover = await room.client.get(f"{ROSTER}/cover")
    assert cover.json()["value"] == [{"oncall": "cleo"}]
    assert (await room.client.put(f"{ROSTER}/cover", json={"value": []}, headers={"If-Match": cover.headers["ETag"]})).status_code == 201
    gone = await room.client.delete(f"{ROSTER}/agents/cleo?note=left", headers=await seen(room, f"{ROSTER}/agents/cleo"))
    assert (gone.status_code, gone.json()["version"]) == (200, 4)
    assert (await room.client.get(f"{ROSTER}/agents/cleo")).status_code == 404
    for path in ("nothing", "nothing/at-all"):
        assert (await room.client.get(f"{ROSTER}/{path}")).status_code == 404
        assert (await room.client.put(f"{ROSTER}/{path}", json={"value": {}}, headers=FIRST)).status_code == 404


async def test_every_change_is_found_by_whom_it_touched(room: Any) -> None:
    await put(room, roster())
    changed = roster(agents={**document()["agents"], "cleo": {"queues": ["safety"]}})  # type: ignore[dict-item]
    await put(room, changed, {"If-Match": '"1"'}, "cleo comes")
    found = (await room.client.get("/v1/audit/changes?subject=cleo")).json()["items"]
    assert [(one["action"], one["subject"], one["after"]["parts"]) for one in found] == [("roster.publish", "roster", {"agents": ["cleo"]})]
    assert len((await room.client.get("/v1/audit/changes?subject=lead")).json()["items"]) == 1
    assert (await room.client.get("/v1/audit/verify")).json()["ok"] is True


@pytest.mark.parametrize("value", [None, 7, [], "x", {"queues": [None]}, {"queues": ["q"], "reach": {"a": 1}}])
async def test_nonsense_in_an_entry_is_a_finding(room: Any, value: Any) -> None:
    answer = await room.client.put(f"{ROSTER}/agents/ana", json={"value": value}, headers=FIRST)
    assert answer.status_code == 422
    assert answer.json()["findings"]
