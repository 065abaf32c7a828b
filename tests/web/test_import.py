"""Zendesk's triggers put into the draft in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rulebook import import_truth
from tests.web.conftest import ZONE
from tsbridge.acts import documents
from tsbridge.document_files import load_text
from tsbridge.rulebook.check import check
from tsbridge.rulebook.zendesk_import import import_zendesk

pytestmark = pytest.mark.anyio

GROUP = 61000000010
STARTER = Path(__file__).parents[2] / "rulebooks" / "incident-desk.yaml"


def theirs(title: str = "Bites", **more: Any) -> dict[str, Any]:
    return {
        "triggers": [
            {
                "title": title,
                "conditions": {"all": [{"field": "current_tags", "operator": "includes", "value": "bite"}]},
                "actions": [{"field": "current_tags", "value": "seen"}, {"field": "group_id", "value": str(GROUP)}],
            }
        ],
        **more,
    }


async def seen(room: Any) -> dict[str, str]:
    return {"If-Match": (await room.client.get("/v1/rulebook/draft")).headers["ETag"]}


async def keys(room: Any) -> list[str]:
    return [rule["key"] for rule in (await room.client.get("/v1/rulebook/draft")).json()["document"]["rules"]]


async def put_in(room: Any, **members: Any) -> Any:
    return await room.client.post("/v1/rulebook/import/zendesk", json=theirs(into="draft", **members), headers=await seen(room))


async def test_imported_rules_go_to_the_end_of_their_kind_in_one_call_and_the_draft_passes_the_check(room: Any) -> None:
    before = await keys(room)
    answer = await put_in(room)
    assert answer.status_code == 200
    draft = answer.json()["draft"]
    assert (draft["ok"], draft["document"]["rules"][-1]["key"]) == (True, before[-1])
    now = [rule["key"] for rule in draft["document"]["rules"]]
    assert [key for key in now if key not in before] == ["bites", "bites-route", "stay-in-safety"]
    kinds = [rule["kind"] for rule in draft["document"]["rules"]]
    assert kinds == sorted(kinds)
    assert [rule["key"] for rule in answer.json()["rules"]] == ["bites", "bites-route", "stay-in-safety"]
    assert answer.headers["ETag"] == (await seen(room))["If-Match"]


async def test_a_rule_of_the_draft_names_the_place_for_those_of_its_kind(room: Any) -> None:
    first, *rest = await keys(room)
    await put_in(room, before=first)
    assert (await keys(room))[:2] == ["bites", first]
    await put_in(room, after=first)
    assert (await keys(room))[:4] == ["bites", first, "bites-2", *rest[:1]]
    last = rest[-1]
    await put_in(room, before=last)
    assert (await keys(room))[-3:-1] == ["bites-3-route", "stay-in-safety-3"]
    await put_in(room, after="bites-route")
    found = await keys(room)
    assert found[found.index("bites-route") + 1] == "bites-4-route"


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"before": "nobody"}, "#/before"),
        ({"after": "nobody"}, "#/after"),
        ({"into": "live"}, "#/into"),
        ({"before": "a", "after": "b"}, "#/after"),
    ],
)
async def test_a_place_that_is_none_is_refused_and_nothing_is_changed(room: Any, members: dict[str, Any], where: str) -> None:
    before = await keys(room)
    answer = await room.client.post("/v1/rulebook/import/zendesk", json=theirs(**{"into": "draft", **members}), headers=await seen(room))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, where)
    assert await keys(room) == before


async def test_a_place_without_the_draft_is_refused(room: Any) -> None:
    answer = await room.client.post("/v1/rulebook/import/zendesk", json=theirs(before="injury"), headers=await seen(room))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/into")


async def test_the_draft_is_written_only_by_those_who_have_seen_it(room: Any) -> None:
    path, body = "/v1/rulebook/import/zendesk", theirs(into="draft")
    assert (await room.client.post(path, json=body)).status_code == 428
    old = await seen(room)
    assert (await room.client.post(path, json=body, headers=old)).status_code == 200
    late = await room.client.post(path, json=body, headers=old)
    assert (late.status_code, late.headers["ETag"]) == (412, (await seen(room))["If-Match"])
    assert (await keys(room)).count("bites") == 1
    assert "bites-2" not in await keys(room)


async def test_the_import_stands_in_the_audit_with_the_rules_it_added(room: Any) -> None:
    headers = {**await room.key("ops"), **await seen(room)}
    await room.client.post("/v1/rulebook/import/zendesk", json=theirs(into="draft"), headers=headers)
    (item,) = [one for one in (await room.client.get("/v1/audit/changes")).json()["items"] if one["action"] == "rulebook.import"]
    assert (item["actor"], item["subject"]) == ("ops", "draft")
    assert item["after"]["rules/bites"]["then"] == [{"add_tags": ["seen"]}]


@pytest.mark.parametrize("odd", [{}, {"queues": [], "rules": "x"}, {"queues": {"a": 1}, "rules": [1, {"key": ["a"]}, {"key": "bites"}]}])
async def test_a_draft_that_is_no_rulebook_takes_an_import_all_the_same(room: Any, odd: dict[str, Any]) -> None:
    assert (await room.client.put("/v1/rulebook/draft", json={"document": odd}, headers=await seen(room))).status_code == 200
    answer = await put_in(room)
    assert answer.status_code == 200
    assert answer.json()["draft"]["ok"] is False


@pytest.mark.parametrize("seed", range(3))
def test_the_starter_rulebook_takes_any_import_at_any_place_and_passes_the_check(seed: int) -> None:
    starter = load_text(STARTER.read_bytes())
    found = import_zendesk({"triggers": import_truth.mixed(seed, 40)}, starter)
    keys = [rule["key"] for rule in starter["rules"]]
    for before, after in ((None, None), (keys[seed], None), (None, keys[-2 - seed])):
        document = documents.with_rules(starter, found["rules"], before, after)
        assert [one.message for one in check(document, ZONE) if one.severity == "error"] == []
        assert len(document["rules"]) == len(keys) + len(found["rules"])
