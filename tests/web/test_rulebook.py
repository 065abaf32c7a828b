"""From draft to live: nobody overwrites what they have not seen, nothing faulty goes live, every step is recorded."""

from __future__ import annotations

import asyncio
import copy
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.clocks import START
from tests.core.almanacs import Later
from tests.web.conftest import BOOK, draft_seen
from tests.work.test_staff import ROSTER
from tsbridge import ZONE_RULES
from tsbridge.core.almanac import Kept
from tsbridge.core.ports import Died
from tsbridge.core.public_days import library
from tsbridge.core.rules.read_calendars import of_rulebook
from tsbridge.core.times import time_text
from tsbridge.store import almanacs, rulebooks
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio

RULE = {
    "key": "lost-pet",
    "kind": "escalation",
    "when": {"all": [{"field": "text", "operator": "contains", "value": "ran away"}]},
    "then": [{"set_severity": 2}],
}


def book(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(BOOK), **changes}


async def test_the_live_rulebook_is_shown_whole(room: Any) -> None:
    live = (await room.client.get("/v1/rulebook")).json()
    assert (live["version"], live["published_by"], live["note"]) == (1, "system", "the first")
    assert live["document"] == BOOK
    assert live["hash"].startswith("sha256:")


OFFICE = {
    "timezone": "London",
    "hours": {"mon-fri": "09:00-17:00", "sat": "22:00-06:00"},
    "holidays": {"country": "HU", "dates": {"12-24": "09:00-12:00", "2026-08-12..2026-08-13": "closed"}},
}


async def test_the_days_of_calendars_are_shown_with_who_says_so(room: Any) -> None:
    _, seen = await draft_seen(room)
    await room.client.put("/v1/rulebook/draft", json={"document": book(calendars={"office": OFFICE})}, headers=seen)
    asked = {"version": "draft", "from": "2026-08-08", "to": "2026-08-21"}
    shown = (await room.client.get("/v1/rulebook/calendars", params=asked)).json()
    assert (shown["version"], shown["library"], shown["zone_rules"]) == ("draft", library(), ZONE_RULES)
    (office,) = shown["calendars"]
    assert (office["timezone"], office["hours"]["fri"], office["hours"]["sat"]) == ("Europe/London", "09:00-17:00", "22:00-06:00")
    assert [(day["date"], day["weekday"], day["hours"], day["why"], day["names"]) for day in office["days"]] == [
        ("2026-08-12", "wed", "closed", "date", []),
        ("2026-08-13", "thu", "closed", "date", []),
        ("2026-08-20", "thu", "closed", "holiday", ["State Foundation Day"]),
        ("2026-08-21", "fri", "closed", "holiday", ["Day off (substituted from 08/08/2026)"]),
    ]
    live = (await room.client.get("/v1/rulebook/calendars")).json()
    assert (live["version"], live["from"] < live["to"]) == (1, True)


async def test_the_days_of_a_version_are_those_that_were_kept_with_it(room: Any, database: Database) -> None:
    document = book(calendars={"office": OFFICE})
    kept = of_rulebook(document, ZoneInfo("UTC"), 2026, Later(also={date(2026, 8, 14): "Feast"}))
    database.write_now(lambda conn: rulebooks.publish(conn, document, "sha256:2", "n", START, "sam", almanac=kept))
    asked = {"from": "2026-08-14", "to": "2026-08-14"}
    shown = (await room.client.get("/v1/rulebook/calendars", params=asked)).json()
    assert (shown["version"], shown["library"], shown["zone_rules"]) == (2, "holidays 99", "2099a")
    assert [day["names"] for day in shown["calendars"][0]["days"]] == [["Feast"]]


async def test_publishing_keeps_the_days_of_its_calendars(room: Any, database: Database) -> None:
    _, seen = await draft_seen(room)
    kept = await room.client.put("/v1/rulebook/draft", json={"document": book(calendars={"office": OFFICE})}, headers=seen)
    made = await room.client.post("/v1/rulebook/publish", json={"note": "go"}, headers={"If-Match": kept.headers["ETag"]})
    assert made.status_code == 201
    almanac = database.read_now(lambda conn: almanacs.of(conn, "rulebook", 2))
    assert isinstance(almanac, Kept)
    assert almanac.countries == (("HU", None),)
    assert "Europe/London" in almanac.keys


@pytest.mark.parametrize(
    "asked", [{"from": "soon"}, {"from": "2026-02-30"}, {"from": "2026-02-02", "to": "2026-02-01"}, {"to": "2199-01-01"}, {"version": "x"}]
)
async def test_days_that_cannot_be_shown_are_refused(room: Any, asked: dict[str, str]) -> None:
    assert (await room.client.get("/v1/rulebook/calendars", params=asked)).status_code == 422


async def test_the_draft_is_there_from_the_start_as_a_copy_of_live(room: Any) -> None:
    found, _ = await draft_seen(room)
    assert found["document"] == BOOK
    assert found["ok"] is True


async def test_a_draft_is_replaced_only_by_who_has_seen_it(room: Any) -> None:
    _, seen = await draft_seen(room)
    body = {"document": book(title="a new one")}
    assert (await room.client.put("/v1/rulebook/draft", json=body)).status_code == 428
    changed = await room.client.put("/v1/rulebook/draft", json=body, headers=seen)
    assert changed.status_code == 200
    assert changed.json()["document"]["title"] == "a new one"
    stale = await room.client.put("/v1/rulebook/draft", json=body, headers=seen)
    assert stale.status_code == 412
    again = await room.client.put("/v1/rulebook/draft", json=body, headers={"If-Match": changed.headers["ETag"]})
    assert again.status_code == 200
    assert again.headers["ETag"] != changed.headers["ETag"]


@pytest.mark.parametrize("tag", ["v1", "", '"v1', 'x"v1"'])
async def test_a_broken_etag_is_refused(room: Any, tag: str) -> None:
    answer = await room.client.put("/v1/rulebook/draft", json={"document": {}}, headers={"If-Match": tag})
    assert answer.status_code == 422


async def test_a_weak_etag_or_another_one_does_not_match_and_a_list_with_the_right_one_does(room: Any) -> None:
    found, seen = await draft_seen(room)
    body = {"document": found["document"]}
    for tag, status in ((f"W/{seen['If-Match']}", 412), ('"other"', 412), (f'"other", {seen["If-Match"]}', 200)):
        assert (await room.client.put("/v1/rulebook/draft", json=body, headers={"If-Match": tag})).status_code == status


async def test_of_editors_at_the_same_time_exactly_one_wins(room: Any) -> None:
    _, seen = await draft_seen(room)
    bodies = [{"document": book(title=f"editor {number}")} for number in range(8)]
    answers = await asyncio.gather(*(room.client.put("/v1/rulebook/draft", json=body, headers=seen) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert (await draft_seen(room))[0]["document"] == winner.json()["document"]


async def test_editors_of_different_rules_do_not_stand_in_each_others_way(room: Any) -> None:
    one = await room.client.get("/v1/rulebook/draft/rules/injury")
    other = await room.client.get("/v1/rulebook/draft/rules/urgent-mail")
    for answer in (one, other):
        rule = {**answer.json()["rule"], "title": "edited"}
        changed = await room.client.put(
            f"/v1/rulebook/draft/rules/{rule['key']}", json={"rule": rule}, headers={"If-Match": answer.headers["ETag"]}
        )
        assert changed.status_code == 200, changed.text
        stale = await room.client.put(f"/v1/rulebook/draft/rules/{rule['key']}", json=rule, headers={"If-Match": answer.headers["ETag"]})
        assert stale.status_code == 412
        assert (await room.client.put(f"/v1/rulebook/draft/rules/{rule['key']}", json=rule)).status_code == 428
    titles = {rule["key"]: rule.get("title") for rule in (await draft_seen(room))[0]["document"]["rules"]}
    assert titles == {"injury": "edited", "urgent-mail": "edited", "to-safety": None, "default": None}


async def test_who_has_seen_the_whole_draft_has_seen_its_rules(room: Any) -> None:
    _, seen = await draft_seen(room)
    path, rule = "/v1/rulebook/draft/rules/injury", {**BOOK["rules"][0], "title": "edited"}
    assert (await room.client.put(path, json=rule, headers=seen)).status_code == 200
    assert (await room.client.put(path, json=rule, headers=seen)).status_code == 412


async def test_a_new_rule_goes_to_the_end_of_its_kind_or_where_it_is_told_to(room: Any) -> None:
    routing = {
        "key": "to-intake",
        "kind": "routing",
        "when": {"all": [{"field": "channel", "operator": "is", "value": "sms"}]},
        "then": [{"route": "intake"}],
    }
    added = await room.client.post("/v1/rulebook/draft/rules", json=RULE)
    assert added.status_code == 201
    assert added.headers["Location"] == "/v1/rulebook/draft/rules/lost-pet"
    assert (await room.client.post("/v1/rulebook/draft/rules", json={"rule": routing})).status_code == 201
    assert (
        await room.client.post("/v1/rulebook/draft/rules", json={"rule": {**RULE, "key": "first"}, "before": "injury"})
    ).status_code == 201
    keys = [rule["key"] for rule in (await draft_seen(room))[0]["document"]["rules"]]
    assert keys == ["first", "injury", "urgent-mail", "lost-pet", "to-safety", "to-intake", "default"]
    assert (await room.client.post("/v1/rulebook/draft/rules", json=RULE)).status_code == 409
    assert (await room.client.post("/v1/rulebook/draft/rules", json={"rule": {**RULE, "key": "x"}, "before": "nobody"})).status_code == 422
    assert (await room.client.post("/v1/rulebook/draft/rules", json={"kind": "escalation"})).status_code == 422


@pytest.mark.parametrize("key", ["a\r\nX-Odd: 1", "a\nb", "ünï", "鍵", "a b", "a/b", "-a", "x" * 81, "", 5, None])
@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
async def test_a_key_that_could_be_no_address_is_refused_at_its_place_and_nothing_is_kept(room: Any, key: Any) -> None:
    _, seen = await draft_seen(room)
    rule, path = {**RULE, "key": key}, "/v1/rulebook/draft/rules"
    for body, place in ((rule, "#/key"), ({"rule": rule}, "#/rule/key")):
        for answer in (
            await room.client.post(path, json=body),
            await room.client.put(f"{path}/injury", json=body, headers=seen),
        ):
            assert answer.status_code == 422
            assert [error["pointer"] for error in answer.json()["errors"]] == [place]
    assert (await draft_seen(room))[1] == seen


async def test_a_rule_is_moved_above_another_and_renamed_in_one_edit(room: Any) -> None:
    path, rule = "/v1/rulebook/draft/rules", {**BOOK["rules"][1], "key": "urgent"}
    shown = await room.client.get(f"{path}/urgent-mail")
    moved = await room.client.put(
        f"{path}/urgent-mail", json={"rule": rule, "before": "injury"}, headers={"If-Match": shown.headers["ETag"]}
    )
    assert moved.status_code == 200, moved.text
    assert (moved.json()["key"], moved.json()["position"]) == ("urgent", 0)
    tag = {"If-Match": moved.headers["ETag"]}
    for before in ("nobody", "urgent-mail"):
        refused = await room.client.put(f"{path}/urgent", json={"rule": rule, "before": before}, headers=tag)
        assert refused.json()["errors"][0]["pointer"] == "#/before"
    assert (await room.client.put(f"{path}/urgent", json={"rule": rule, "before": "urgent"}, headers=tag)).json()["position"] == 0
    assert [one["key"] for one in (await draft_seen(room))[0]["document"]["rules"]] == ["urgent", "injury", "to-safety", "default"]


@pytest.mark.parametrize(
    "rule",
    [{**RULE, "whenn": {}}, {"key": "odd"}, {**RULE, "then": [{"set_severity": 9}]}, {**RULE, "on": ["tickets"]}],
    ids=["unknown member", "nothing but a key", "value", "event"],
)
@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
async def test_who_saves_a_rule_with_a_fault_is_told_so(room: Any, rule: dict[str, Any]) -> None:
    added = await room.client.post("/v1/rulebook/draft/rules", json=rule)
    assert added.status_code == 201
    assert [one["severity"] for one in added.json()["findings"]] == ["error"]
    assert added.json()["findings"][0]["path"].startswith(f"/rules/{added.json()['position']}")
    assert (await room.client.get("/v1/rulebook/draft/rules/injury")).json()["findings"] == []


async def test_a_rule_is_taken_out_by_who_has_seen_it(room: Any) -> None:
    shown = await room.client.get("/v1/rulebook/draft/rules/urgent-mail")
    path = "/v1/rulebook/draft/rules/urgent-mail"
    assert (await room.client.delete(path)).status_code == 428
    gone = await room.client.delete(path, headers={"If-Match": shown.headers["ETag"]})
    assert gone.status_code == 200
    assert [rule["key"] for rule in gone.json()["document"]["rules"]] == ["injury", "to-safety", "default"]
    assert (await room.client.get(path)).status_code == 404
    assert (await room.client.delete(path, headers={"If-Match": shown.headers["ETag"]})).status_code == 404


async def test_a_faulty_draft_is_kept_told_about_and_never_published(room: Any) -> None:
    _, seen = await draft_seen(room)
    faulty = book(rules=[{"key": "odd", "kind": "escalation", "when": {"field": "no.such", "operator": "is", "value": 1}, "then": []}])
    kept = await room.client.put("/v1/rulebook/draft", json={"document": faulty}, headers=seen)
    assert kept.status_code == 200
    assert kept.json()["ok"] is False
    assert {"severity", "code", "rule", "path", "message"} <= kept.json()["findings"][0].keys()
    checked = await room.client.post("/v1/rulebook/check", json={})
    assert checked.json() == {"ok": False, "findings": kept.json()["findings"]}
    refused = await room.client.post("/v1/rulebook/publish", json={"note": "go"}, headers={"If-Match": kept.headers["ETag"]})
    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["findings"]
    assert (await room.client.get("/v1/rulebook")).json()["version"] == 1


async def test_what_a_process_died_of_is_not_published_and_that_is_said(room: Any) -> None:
    def dies(*_: Any, **__: Any) -> Any:
        raise Died

    draft = await room.client.get("/v1/rulebook/draft")
    async with room.other(make_ready=dies, apart=dies) as client:
        match = {"If-Match": draft.headers["ETag"]}
        for answer in (
            await client.post("/v1/rulebook/publish", json={"note": "go"}, headers=match),
            await client.post("/v1/rulebook/check", json={"schema": 1, "rules": []}),
        ):
            assert answer.status_code == 503
            assert "Nothing was changed." in answer.json()["detail"]
    assert (await room.client.get("/v1/rulebook")).json()["version"] == 1


async def test_a_draft_that_fails_its_own_tests_is_not_published(room: Any) -> None:
    _, seen = await draft_seen(room)
    wrong = book(tests=[{**BOOK["tests"][0], "expect": {"queue": "intake"}}])
    kept = await room.client.put("/v1/rulebook/draft", json={"document": wrong}, headers=seen)
    result = (await room.client.post("/v1/rulebook/test", json={})).json()
    assert result["ok"] is False
    assert result["tests"][0]["name"] == "a bite is severity one"
    assert result["tests"][0]["differences"]
    refused = await room.client.post("/v1/rulebook/publish", json={"note": "go"}, headers={"If-Match": kept.headers["ETag"]})
    assert refused.status_code == 422
    assert [test["name"] for test in refused.json()["failed_tests"]] == ["a bite is severity one"]


async def test_publishing_makes_the_draft_live_at_once_and_says_who_did_it(room: Any) -> None:
    assert (await room.client.post("/v1/rulebook/draft/rules", json=RULE)).status_code == 201
    _, seen = await draft_seen(room)
    headers = await room.key("ops")
    who = "ops"
    assert (await room.client.post("/v1/rulebook/publish", json={"note": "lost pets"}, headers=headers)).status_code == 428
    stale = await room.client.post("/v1/rulebook/publish", json={"note": "lost pets"}, headers={**headers, "If-Match": '"v0"'})
    assert stale.status_code == 412
    done = await room.client.post("/v1/rulebook/publish", json={"note": "lost pets"}, headers={**headers, **seen})
    assert done.status_code == 201, done.text
    live = (await room.client.get("/v1/rulebook")).json()
    assert (live["version"], live["hash"], live["published_by"], live["note"]) == (2, done.json()["hash"], who, "lost pets")
    assert done.json() == {"version": 2, "hash": live["hash"], "findings": []}
    change = (await room.client.get("/v1/audit/changes")).json()["items"][0]
    assert (change["action"], change["actor"], change["before"]["version"], change["after"]["version"]) == ("rulebook.publish", who, 1, 2)
    tried = await room.client.post("/v1/rulebook/try", json={"given": {"text": "the cat ran away"}})
    assert tried.json()["rulebook"]["version"] == 2
    assert tried.json()["outcome"]["severity"] == 2


@pytest.mark.parametrize("note", [None, "", "   ", 5, "x" * 2001, {}], ids=str)
@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
async def test_nothing_is_published_without_a_word_why(room: Any, note: Any) -> None:
    _, seen = await draft_seen(room)
    bodies = [{"note": note}] if note is not None else [{"note": None}, {}]
    for body in bodies:
        refused = await room.client.post("/v1/rulebook/publish", json=body, headers=seen)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "#/note"
    assert (await room.client.get("/v1/rulebook")).json()["version"] == 1


async def test_what_is_published_or_restored_has_an_address(room: Any) -> None:
    _, seen = await draft_seen(room)
    published = await room.client.post("/v1/rulebook/publish", json={"note": " two "}, headers=seen)
    assert published.headers["Location"] == "/v1/rulebook/versions/2"
    assert (await room.client.get(published.headers["Location"])).json()["note"] == "two"
    for body in (None, {}, {"note": " "}):
        restored = await room.client.post("/v1/rulebook/versions/1/restore", json=body)
        assert (await room.client.get(restored.headers["Location"])).json()["note"] == "restored from version 1"


async def test_the_draft_is_compared_with_live_before_it_is_published_by_who_may_see_it(room: Any) -> None:
    path = "/v1/rulebook/versions/diff"
    assert (await room.client.get(path, params={"from": "live", "to": "draft"})).json()["same"] is True
    await room.client.post("/v1/rulebook/draft/rules", json=RULE)
    found = (await room.client.get(path, params={"from": "live", "to": "draft"})).json()
    assert (found["from"], found["to"], [rule["key"] for rule in found["rules"]]) == (1, "draft", ["lost-pet"])
    assert (await room.client.get(path, params={"from": "1", "to": "live"})).json()["same"] is True
    viewer = await room.key("viewer")
    assert (await room.client.get(path, params={"from": "1", "to": "live"}, headers=viewer)).status_code == 200
    assert (await room.client.get(path, params={"from": "live", "to": "draft"}, headers=viewer)).status_code == 403
    assert (await room.client.get(path, params={"from": "live", "to": "newest"})).status_code == 422


async def test_versions_are_listed_compared_and_brought_back(room: Any) -> None:
    await room.client.post("/v1/rulebook/draft/rules", json=RULE)
    _, seen = await draft_seen(room)
    await room.client.post("/v1/rulebook/publish", json={"note": "two"}, headers=seen)
    listed = (await room.client.get("/v1/rulebook/versions")).json()["items"]
    assert [(item["id"], item["version"], item["note"]) for item in listed] == [("2", 2, "two"), ("1", 1, "the first")]
    assert (await room.client.get("/v1/rulebook/versions/1")).json()["document"] == BOOK
    diff = (await room.client.get("/v1/rulebook/versions/diff", params={"from": 1, "to": 2})).json()
    assert [(rule["key"], rule["change"]) for rule in diff["rules"]] == [("lost-pet", "added")]
    assert diff["rules"][0]["words"][0] == "A new escalation rule."
    assert not diff["same"]
    assert not diff["order_changed"]
    assert diff["effect"] == {"tests": {"tests": len(BOOK.get("tests", [])), "changed": []}, "stories": None}
    back = await room.client.post("/v1/rulebook/versions/1/restore", json={"note": "as it was"})
    assert back.status_code == 201
    live = (await room.client.get("/v1/rulebook")).json()
    assert (live["version"], live["note"], live["document"]) == (3, "as it was", BOOK)
    assert (await draft_seen(room))[0]["document"] == BOOK, "a draft that nobody changed since follows live"
    for path in ("/v1/rulebook/versions/9", "/v1/rulebook/versions/diff?from=1&to=9"):
        assert (await room.client.get(path)).status_code == 404
    for path in (
        "/v1/rulebook/versions/0",
        "/v1/rulebook/versions/x",
        "/v1/rulebook/versions/diff?from=1",
        "/v1/rulebook/versions/diff?from=1&to=2&stories=501",
        "/v1/rulebook/versions/" + "9" * 30,
    ):
        assert (await room.client.get(path)).status_code == 422


async def test_a_draft_that_somebody_is_editing_survives_a_restore(room: Any) -> None:
    await room.client.post("/v1/rulebook/draft/rules", json=RULE)
    mine, seen = await draft_seen(room)
    await room.client.post("/v1/rulebook/versions/1/restore", json={"note": "n"})
    found, still = await draft_seen(room)
    assert (found["document"], still) == (mine["document"], seen)


async def test_another_document_is_checked_and_tested_without_touching_the_draft(room: Any) -> None:
    for body in (BOOK, {"document": BOOK}):
        assert (await room.client.post("/v1/rulebook/check", json=body)).json()["ok"] is True
        assert (await room.client.post("/v1/rulebook/test", json=body)).json()["ok"] is True
    assert (await room.client.post("/v1/rulebook/check", json={"schema": 7})).json()["ok"] is False
    assert (await room.client.post("/v1/rulebook/test", json={"schema": 7})).status_code == 422
    assert (await room.client.post("/v1/rulebook/check", json={"document": 7})).status_code == 422


async def test_a_try_explains_every_rule_matched_or_not_and_keeps_nothing(room: Any) -> None:
    given = {"source": "zendesk", "channel": "email", "event": "ticket.created", "text": "my dog was bitten", "tags": ["vip"]}
    answer = await room.client.post("/v1/rulebook/try", json={"given": given, "at": "2026-11-22T09:00:00Z"})
    assert answer.status_code == 200, answer.text
    tried = answer.json()
    assert tried["at"] == "2026-11-22T09:00:00Z"
    assert [(rule["key"], rule["matched"]) for rule in tried["rules"]] == [
        ("injury", True),
        ("urgent-mail", False),
        ("to-safety", True),
        ("default", False),
    ]
    because = tried["rules"][0]["because"][0]
    assert (because["field"], because["operator"], because["outcome"]) == ("text", "contains_any", True)
    assert tried["outcome"]["severity"] == 1
    assert tried["outcome"]["queue"] == "safety"
    assert tried["outcome"]["tags_added"] == ["ts_injury"]
    assert [miss["key"] for miss in tried["near_misses"]] == ["urgent-mail"]
    assert (await room.client.get("/v1/audit/routing")).json()["items"] == []
    assert (await room.client.get("/v1/audit/changes")).json()["items"] == []


async def test_a_try_works_out_who_is_there_from_a_roster_and_a_time(room: Any) -> None:
    alone = {"key": "alone", "kind": "escalation", "when": {"field": "oncall.present", "operator": "is", "value": False}}
    last = {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]}
    document = {"schema": 1, "queues": {"intake": {}}, "rules": [{**alone, "then": [{"add_tags": ["ts_alone"]}]}, last]}

    async def told(**body: Any) -> Any:
        return await room.client.post("/v1/rulebook/try", json={"given": {"source": "zendesk"}, "document": document, **body})

    async def tags(**body: Any) -> list[str]:
        answer = await told(**body)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["outcome"]["tags_added"])

    day, night = "2026-11-23T14:00:00Z", "2026-11-23T22:00:00Z"
    assert (await tags(at=night), await tags(at=day, roster=ROSTER), await tags(at=night, roster=ROSTER)) == ([], [], ["ts_alone"])
    assert await tags(at=night, roster=ROSTER, given={"oncall.present": True}) == []
    refused = await told(at=night, roster={**ROSTER, "cover": [{"oncall": "nobody"}]})
    assert (refused.status_code, [one["path"] for one in refused.json()["findings"]]) == (422, ["/cover/0/oncall"])
    tests = {"name": "night", "given": {"source": "zendesk"}, "at": night, "roster": ROSTER, "expect": {"tags": ["ts_alone"]}}
    with_tests = {**document, "tests": [tests]}
    assert (await room.client.post("/v1/rulebook/test", json={"document": with_tests})).json()["ok"] is True
    broken = {**document, "tests": [{**tests, "roster": {"schema": 1, "cover": [{"oncall": "nobody"}]}}]}
    checked = (await room.client.post("/v1/rulebook/check", json={"document": broken})).json()
    assert ("test_fails", "/tests/0/roster/cover/0/oncall") in [(one["code"], one["path"]) for one in checked["findings"]]


async def test_near_misses_come_nearest_first_five_of_them_unless_others_are_asked_for(room: Any) -> None:
    def wants(key: str, *tags: str) -> dict[str, Any]:
        when = {"all": [{"field": "tags", "operator": "includes", "value": tag} for tag in tags]}
        return {"key": key, "kind": "escalation", "title": key, "when": when, "then": [{"set_severity": 3}]}

    last = {"key": "default", "kind": "routing", "title": "All", "when": {}, "then": [{"route": "intake"}]}
    far, near = [wants(f"far{n}", "a", "b") for n in range(6)], [wants(f"near{n}", f"c{n}") for n in range(3)]
    body = {"given": {"tags": []}, "document": {"schema": 1, "queues": {"intake": {}}, "rules": [*far, *near, last]}}

    async def told(query: str) -> list[str]:
        answer = await room.client.post(f"/v1/rulebook/try{query}", json=body)
        assert answer.status_code == 200, answer.text
        return [miss["key"] for miss in answer.json()["near_misses"]]

    assert await told("") == ["near0", "near1", "near2", "far0", "far1"]
    assert await told("?near=0") == []
    assert await told("?near=7") == ["near0", "near1", "near2", "far0", "far1", "far2", "far3"]
    assert (await room.client.post("/v1/rulebook/try?near=101", json=body)).status_code == 422


async def test_a_try_takes_a_document_the_draft_or_an_older_version(room: Any) -> None:
    await room.client.post("/v1/rulebook/draft/rules", json=RULE)
    given = {"text": "the cat ran away"}

    async def severity(**more: Any) -> Any:
        answer = await room.client.post("/v1/rulebook/try", json={"given": given, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()["outcome"]["severity"]

    assert await severity() is None
    assert await severity(version=1) is None
    assert await severity(version="draft") == 2
    assert await severity(document=book(rules=[RULE, *BOOK["rules"]])) == 2
    assert (await room.client.post("/v1/rulebook/try", json={"given": given, "version": 9})).status_code == 404
    assert (await room.client.post("/v1/rulebook/try", json={"given": given, "version": 1, "document": BOOK})).status_code == 422


@pytest.mark.parametrize(
    "given", [{"no.such": 1}, {"text": {"a": 1}}, {"tags": [[1]]}, {"previous.no.such": 1}, {"text": 10**400}, {"previous.": 1}]
)
async def test_facts_that_no_field_can_hold_are_refused(room: Any, given: dict[str, Any]) -> None:
    assert (await room.client.post("/v1/rulebook/try", json={"given": given})).status_code == 422


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/given"),
        ({"given": {"tags": "vip"}}, "#/given/tags"),
        ({"given": {"previous.ticket.status": ["new"]}}, "#/given/previous.ticket.status"),
        ({"given": {"nobody": 1}}, "#/given"),
        ({"given": {}, "version": "newest"}, "#/version"),
        ({"given": {}, "version": True}, "#/version"),
        ({"given": {}, "version": 0}, "#/version"),
        ({"given": {}, "version": 1.5}, "#/version"),
        ({"given": {}, "at": "tomorrow"}, "#/at"),
        ({"given": {}, "at": "0001-01-01T00:00:00Z"}, "#/at"),
        ({"event_id": "evt_1", "decision_id": "dec_1"}, "#/decision_id"),
    ],
    ids=str,
)
@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
async def test_a_try_that_makes_no_sense_is_refused_at_its_place(room: Any, body: dict[str, Any], pointer: str) -> None:
    refused = await room.client.post("/v1/rulebook/try", json=body)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_a_custom_field_holds_a_set_as_well(room: Any) -> None:
    rule = {
        "key": "c",
        "kind": "escalation",
        "when": {"field": "ticket.custom.7", "operator": "includes", "value": "b"},
        "then": [{"stop": True}],
    }
    tried = await room.client.post(
        "/v1/rulebook/try", json={"given": {"ticket.custom.7": ["a", "b"]}, "document": book(rules=[rule, *BOOK["rules"]])}
    )
    assert tried.json()["rules"][0] == {**tried.json()["rules"][0], "key": "c", "matched": True}


@pytest.mark.parametrize(
    "test",
    [
        {"given": {"text": {"a": [1]}}, "expect": {"tags": ["a"]}},
        {"given": {"tags": [[1], None]}, "expect": {"rules": {"a": 1}}},
        {"given": {"tags": "vip", "text": ["a"], "call.wait_seconds": "x", "ticket.status": 5}, "expect": {"severity": "x"}},
        {"given": {}, "expect": {"queue": []}, "at": 5},
        {"name": 7, "given": {"time.hour": []}, "expect": {"escalations": "x"}},
    ],
)
async def test_odd_tests_of_a_rulebook_fail_but_break_nothing(room: Any, test: dict[str, Any]) -> None:
    for path in ("test", "check"):
        assert (await room.client.post(f"/v1/rulebook/{path}", json=book(tests=[test]))).status_code in (200, 422)


async def test_zendesk_triggers_become_rules_and_nothing_is_changed(room: Any) -> None:
    answer = await room.client.post(
        "/v1/rulebook/import/zendesk",
        json={
            "triggers": [
                {
                    "title": "Bites",
                    "conditions": {"all": [{"field": "current_tags", "operator": "includes", "value": "bite"}]},
                    "actions": [{"field": "current_tags", "value": "seen"}],
                }
            ]
        },
    )
    assert answer.status_code == 200
    assert answer.json()["rules"][0]["key"] == "bites"
    assert [(entry["title"], entry["outcome"]) for entry in answer.json()["report"]] == [("Bites", "exact")]
    assert (await room.client.get("/v1/rulebook/draft")).headers["etag"] == '"v1"'
    assert (await room.client.post("/v1/rulebook/import/zendesk", json={"tickets": []})).status_code == 422


async def test_every_edit_stands_in_the_audit_with_who_and_when_and_what_it_was(room: Any) -> None:
    headers = await room.key("ops")
    who, now = "ops", time_text(room.desk.clock.now())
    worse = {**RULE, "then": [{"set_severity": 4}]}
    _, seen = await draft_seen(room)
    await room.client.put("/v1/rulebook/draft", json={"document": book(title="new")}, headers={**headers, **seen})
    added = await room.client.post("/v1/rulebook/draft/rules", json=RULE, headers=headers)
    path = added.headers["Location"]
    changed = await room.client.put(path, json=worse, headers={**headers, "If-Match": added.headers["ETag"]})
    await room.client.delete(path, headers={**headers, "If-Match": changed.headers["ETag"]})
    _, seen = await draft_seen(room)
    await room.client.post("/v1/rulebook/publish", json={"note": "two"}, headers={**headers, **seen})
    await room.client.post("/v1/rulebook/versions/1/restore", json={"note": "back"}, headers=headers)
    items = [item for item in (await room.client.get("/v1/audit/changes")).json()["items"] if item["action"].startswith("rulebook.")]
    assert {(item["actor"], item["at"]) for item in items} == {(who, now)}
    told = {item["action"]: (item["before"], item["after"]) for item in items}
    name = f"rules/{RULE['key']}"
    assert told["rulebook.draft"] == ({"title": None}, {"title": "new"})
    assert (told["rulebook.rule.add"][0][name], told["rulebook.rule.add"][1][name]) == (None, RULE)
    assert told["rulebook.rule.change"] == ({name: RULE}, {name: worse})
    assert (told["rulebook.rule.remove"][0][name], told["rulebook.rule.remove"][1][name]) == (worse, None)
    assert (told["rulebook.publish"][0]["version"], told["rulebook.publish"][1]["version"]) == (1, 2)
    assert (told["rulebook.restore"][0]["version"], told["rulebook.restore"][1]["version"]) == (2, 3)


@pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)
async def test_what_is_published_is_built_before_it_is_live(room: Any) -> None:
    held, match = await draft_seen(room)
    changed = {**held["document"], "title": "another"}
    put = await room.client.put("/v1/rulebook/draft", json={"document": changed}, headers=match)
    published = await room.client.post("/v1/rulebook/publish", json={"note": "n"}, headers={"If-Match": put.headers["ETag"]})
    assert published.status_code == 201
    built = await room.desk.database.read(room.desk.live.live)
    assert (built.version, built.hash) == (published.json()["version"], published.json()["hash"])
    assert built.book.document["title"] == "another"
