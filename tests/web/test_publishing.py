"""Nobody's change is taken away in silence: what is published is compared with the version it was begun from."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from tests.web.conftest import BOOK, draft_seen

pytestmark = pytest.mark.anyio

DRAFT, PUBLISH = "/v1/rulebook/draft", "/v1/rulebook/publish"
KEYS = [rule["key"] for rule in BOOK["rules"]]


def rule(key: str, **changes: Any) -> dict[str, Any]:
    when = {"all": [{"field": "text", "operator": "contains", "value": key}]}
    return {"key": key, "kind": "escalation", "when": when, "then": [{"set_severity": 2}], **changes}


def book(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(BOOK), **changes}


async def put(room: Any, document: dict[str, Any], **more: Any) -> dict[str, Any]:
    _, seen = await draft_seen(room)
    answer = await room.client.put(DRAFT, json={"document": document, **more}, headers=seen)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def publish(room: Any) -> Any:
    _, seen = await draft_seen(room)
    return await room.client.post(PUBLISH, json={"note": "a change"}, headers=seen)


async def stale_draft(room: Any) -> None:
    """A draft begun from version 1, with one rule more, while version 3 is live: it has another rule more, and one changed."""
    await put(room, book(rules=[rule("theirs"), {**BOOK["rules"][0], "title": "Hurt"}, *BOOK["rules"][1:]]))
    assert (await publish(room)).json()["version"] == 2
    assert (await room.client.post("/v1/rulebook/versions/1/restore")).status_code == 201
    assert (await room.client.post(f"{DRAFT}/rules", json=rule("mine"))).status_code == 201
    assert (await room.client.post("/v1/rulebook/versions/2/restore")).status_code == 201


async def test_a_draft_that_equals_its_base_follows_live_with_a_new_etag(room: Any) -> None:
    begun, seen = await draft_seen(room)
    assert begun["based_on"] == 1
    changed = await put(room, book(title="two"))
    assert changed["based_on"] == 1
    assert (await publish(room)).status_code == 201
    mine, after = await draft_seen(room)
    assert (mine["based_on"], mine["document"]["title"]) == (2, "two")
    assert after != seen
    assert (await room.client.post("/v1/rulebook/versions/1/restore")).status_code == 201
    followed, now = await draft_seen(room)
    assert (followed["based_on"], followed["document"]) == (3, BOOK)
    assert now != after
    assert (await room.client.put(DRAFT, json={"document": BOOK}, headers=after)).status_code == 412


async def test_edits_keep_the_base_whole_or_rule_by_rule_and_only_naming_another_changes_it(room: Any) -> None:
    await stale_draft(room)
    found, _ = await draft_seen(room)
    assert (found["based_on"], found["live_version"]) == (3, 4)
    path = f"{DRAFT}/rules/mine"
    _, seen = await draft_seen(room)
    assert (await room.client.put(path, json=rule("mine", title="Mine"), headers=seen)).status_code == 200
    assert (await draft_seen(room))[0]["based_on"] == 3
    assert (await put(room, book(title="all new")))["based_on"] == 3
    assert (await put(room, book(title="all new"), based_on=4))["based_on"] == 4
    for wrong in (5, 0, -1, "4", True, 1 << 40):
        _, seen = await draft_seen(room)
        answer = await room.client.put(DRAFT, json={"document": BOOK, "based_on": wrong}, headers=seen)
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["pointer"] == "#/based_on"
    assert (await publish(room)).status_code == 201


async def test_a_stale_draft_is_refused_with_what_others_changed_and_goes_live_once_it_was_taken_over(room: Any) -> None:
    await stale_draft(room)
    refused = await publish(room)
    assert refused.status_code == 412
    told = refused.json()
    assert told["type"].endswith("stale_base")
    assert (told["based_on"], told["live_version"]) == (3, 4)
    assert {one["key"]: one["change"] for one in told["difference"]["rules"]} == {"theirs": "added", "injury": "changed"}
    assert all(one["words"] for one in told["difference"]["rules"])
    assert told["clashes"] == []
    live = (await room.client.get("/v1/rulebook")).json()
    assert live["version"] == 4
    taken = {**live["document"], "rules": [rule("mine"), *live["document"]["rules"]]}
    await put(room, taken, based_on=4)
    assert (await publish(room)).json()["version"] == 5
    keys = [one["key"] for one in (await room.client.get("/v1/rulebook")).json()["document"]["rules"]]
    assert keys == ["mine", "theirs", *KEYS]


async def test_rules_that_both_changed_are_named(room: Any) -> None:
    await stale_draft(room)
    _, seen = await draft_seen(room)
    assert (await room.client.delete(f"{DRAFT}/rules/injury", headers=seen)).status_code == 200
    assert (await publish(room)).json()["clashes"] == ["injury"]


async def test_a_draft_whose_changes_were_all_taken_back_is_a_copy_of_live_again(room: Any) -> None:
    await stale_draft(room)
    _, seen = await draft_seen(room)
    shown = (await room.client.delete(f"{DRAFT}/rules/mine", headers=seen)).json()
    assert shown["based_on"] == 4
    assert [one["key"] for one in shown["document"]["rules"]] == ["theirs", *KEYS]


async def test_one_and_true_are_no_equal_drafts(room: Any) -> None:
    await put(room, book(title=1))
    await put(room, book(title=True))
    assert (await room.client.post("/v1/rulebook/versions/1/restore")).status_code == 201
    assert (await draft_seen(room))[0]["document"]["title"] is True


async def test_a_publish_is_found_by_every_rule_it_touched(room: Any) -> None:
    await put(room, book(rules=[rule("fresh"), {**BOOK["rules"][0], "title": "Hurt"}, *BOOK["rules"][2:]]))
    assert (await publish(room)).status_code == 201
    for key, change in (("fresh", "added"), ("injury", "changed"), ("urgent-mail", "removed")):
        (item,) = (await room.client.get("/v1/audit/changes", params={"subject": key})).json()["items"]
        assert (item["action"], item["subject"], item["actor"]) == ("rulebook.publish", "rulebook", "admin")
        assert item["after"]["rules"][change] == [key]
    assert (await room.client.get("/v1/audit/changes", params={"subject": "to-safety"})).json()["items"] == []
    assert (await room.client.post("/v1/rulebook/versions/1/restore")).status_code == 201
    actions = [one["action"] for one in (await room.client.get("/v1/audit/changes", params={"subject": "fresh"})).json()["items"]]
    assert actions == ["rulebook.restore", "rulebook.publish"]
    assert (await room.client.get("/v1/audit/verify")).json()["ok"]


async def race(room: Any, pairs: int) -> int:
    """Each of two people takes a document from what is live, adds a rule of their own, and puts and publishes it, interleaved at random.

    Nobody loses a change, and each refused one is told what differs. Returns how many publishes were refused.
    """
    chance, wanted = random.Random(11), set(KEYS)  # noqa: S311
    refused = 0

    class Person:
        def __init__(self, key: str) -> None:
            self.key, self.steps = key, iter((self.take, self.put, self.publish))
            self.done = False

        async def take(self) -> None:
            live = (await room.client.get("/v1/rulebook")).json()
            self.base, self.document = live["version"], live["document"]

        async def put(self) -> None:
            mine = {**self.document, "rules": [rule(self.key), *self.document["rules"]]}
            _, seen = await draft_seen(room)
            answer = await room.client.put(DRAFT, json={"document": mine, "based_on": self.base}, headers=seen)
            assert answer.status_code == 200, answer.text
            self.seen = answer.headers["ETag"]

        async def publish(self) -> None:
            nonlocal refused
            answer = await room.client.post(PUBLISH, json={"note": self.key}, headers={"If-Match": self.seen})
            if answer.status_code == 201:
                self.done = True
                return
            assert answer.status_code == 412, answer.text
            refused += 1
            if answer.json()["type"].endswith("stale_base"):
                gone = {one["key"] for one in answer.json()["difference"]["rules"] if one["change"] == "added"}
                assert gone & wanted, "told what the other one added"
            self.steps = iter((self.take, self.put, self.publish))

    for pair in range(pairs):
        people = [Person(f"{name}-{pair}") for name in ("ana", "ben")]
        while not all(one.done for one in people):
            one = chance.choice([one for one in people if not one.done])
            await next(one.steps)()
            wanted |= {one.key} if one.done else set()
            live = {each["key"] for each in (await room.client.get("/v1/rulebook")).json()["document"]["rules"]}
            assert wanted <= live, "a change was lost"
    return refused


async def test_of_pairs_who_edit_at_once_nobody_loses_a_change_and_each_refused_one_is_told_what_differs(room: Any) -> None:
    assert await race(room, 12) > 5
