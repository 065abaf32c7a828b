"""Rulebooks and edits that are wrong in every way: each gets a clear problem with its place, and live stays as it is."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.rulebook.books import book, leaf, routing, rule
from tests.web.conftest import BOOK

pytestmark = pytest.mark.anyio

CANARY = "canary-7f3a"


@pytest.fixture
async def live(room: Any) -> AsyncIterator[Any]:
    """The room; in the end its live version must be the one it began with."""
    before = (await room.client.get("/v1/rulebook")).json()
    yield room
    assert (await room.client.get("/v1/rulebook")).json() == before


async def edit(room: Any, document: Any) -> tuple[Any, dict[str, str]]:
    seen = (await room.client.get("/v1/rulebook/draft")).headers["ETag"]
    kept = await room.client.put("/v1/rulebook/draft", json={"document": document}, headers={"If-Match": seen})
    assert kept.status_code == 200, kept.text
    return kept.json(), {"If-Match": kept.headers["ETag"]}


def problem(answer: Any, status: int) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    return answer.json()


async def test_a_document_with_faults_is_kept_as_draft_told_by_pointer_and_not_published(live: Any) -> None:
    faulty = copy.deepcopy(BOOK)
    faulty["rules"][0]["when"] = {"all": [leaf("ticket.statu", "is", "open")]}
    faulty["rules"][2]["then"] = [{"route": "nowhere"}]
    shown, seen = await edit(live, faulty)
    places = {(finding["code"], finding["path"], finding["rule"]) for finding in shown["findings"]}
    assert places == {
        ("unknown_field", "/rules/0/when/all/0/field", "injury"),
        ("unknown_queue", "/rules/2/then/0/route", "to-safety"),
    }
    refused = problem(await live.client.post("/v1/rulebook/publish", json={"note": "go"}, headers=seen), 422)
    assert {finding["path"] for finding in refused["findings"]} == {path for _, path, _ in places}
    assert not (await live.client.post("/v1/rulebook/check", json={})).json()["ok"]


async def test_weaknesses_come_with_a_witness_that_can_be_tried_and_do_not_keep_from_publishing(room: Any) -> None:
    weak = book(
        rule("mild", leaf("text.requester", "contains", "bite"), {"set_severity": 3}),
        rule("grave", leaf("channel", "is", "voice"), {"set_severity": 1}),
        routing("wide", leaf("text.requester", "present")),
        routing("narrow", leaf("text.requester", "contains", "bite"), "two"),
    )
    shown, seen = await edit(room, weak)
    assert shown["ok"] is True
    told = {finding["code"]: finding for finding in shown["findings"]}
    assert set(told) == {"overruled", "unreachable"}
    tried = (await room.client.post("/v1/rulebook/try", json={**told["overruled"]["witness"], "document": weak})).json()
    assert [entry["rule"] for entry in tried["outcome"]["overruled"]] == ["grave"]
    one = (await room.client.get("/v1/rulebook/draft/rules/grave")).json()
    assert [finding["code"] for finding in one["findings"]] == ["overruled"]
    saved = await room.client.put("/v1/rulebook/draft/rules/wide", json=routing("wide", leaf("tags", "includes", "vip")), headers=seen)
    assert saved.json()["findings"] == []
    seen = (await room.client.get("/v1/rulebook/draft")).headers["ETag"]
    assert (await room.client.post("/v1/rulebook/publish", json={"note": "go"}, headers={"If-Match": seen})).status_code == 201


async def test_an_unknown_field_around_a_document_or_a_rule_is_refused_at_its_place(live: Any) -> None:
    seen = {"If-Match": (await live.client.get("/v1/rulebook/draft")).headers["ETag"]}
    body = {"document": BOOK, CANARY: 1}
    refused = await live.client.put("/v1/rulebook/draft", json=body, headers=seen)
    assert problem(refused, 422)["errors"][0]["pointer"] == "#"
    assert CANARY not in refused.text
    wrapped = {"rule": BOOK["rules"][0], CANARY: 1}
    assert problem(await live.client.post("/v1/rulebook/draft/rules", json=wrapped), 422)["errors"][0]["pointer"] == "#"
    tried = await live.client.post("/v1/rulebook/try", json={"given": {}, "when": 1})
    assert problem(tried, 422)["errors"][0]["pointer"] == "#"
    nobody = await live.client.post("/v1/rulebook/test/generate", json={"document": []})
    assert problem(nobody, 422)["errors"][0]["pointer"] == "#/document"
    assert (await live.client.get("/v1/rulebook/draft")).headers["ETag"] == seen["If-Match"]


async def test_a_stale_etag_changes_nothing_wherever_it_comes(live: Any) -> None:
    stale = {"If-Match": '"v0"'}
    first = (await live.client.get("/v1/rulebook/draft")).json()
    answers = [
        await live.client.put("/v1/rulebook/draft", json={"document": {}}, headers=stale),
        await live.client.put("/v1/rulebook/draft/rules/injury", json={**BOOK["rules"][0], "title": "x"}, headers=stale),
        await live.client.delete("/v1/rulebook/draft/rules/injury", headers=stale),
        await live.client.post("/v1/rulebook/publish", json={"note": "x"}, headers=stale),
    ]
    for answer in answers:
        problem(answer, 412)
    assert (await live.client.get("/v1/rulebook/draft")).json() == first


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"document": {"schema": 1, "schema": 2}}', "#"),
        (b'{"document": {"rules": [NaN]}}', "#"),
        (b"[" * 2_000, "#"),
        (b'{"document": ' + b'{"a":' * 100 + b"1" + b"}" * 101, "#"),
        (b'{"document": 5}', "#/document"),
        (b"{}", "#/document"),
    ],
    ids=["twice", "no number", "deep list", "deep object", "no object", "nothing"],
)
async def test_bodies_that_are_no_documents_are_refused_by_place(live: Any, body: bytes, pointer: str) -> None:
    headers = {"Content-Type": "application/json", "If-Match": (await live.client.get("/v1/rulebook/draft")).headers["ETag"]}
    refused = problem(await live.client.put("/v1/rulebook/draft", content=body, headers=headers), 422)
    assert refused["errors"][0]["pointer"] == pointer


async def test_ten_megabytes_are_either_too_large_or_answered_while_others_are_served(live: Any) -> None:
    headers = {"Content-Type": "application/json", "If-Match": (await live.client.get("/v1/rulebook/draft")).headers["ETag"]}
    beyond = await live.client.put("/v1/rulebook/draft", content=b" " * 10_000_000, headers=headers)
    assert "8388608" in problem(beyond, 413)["detail"]
    big = book(rule("a", leaf("text.requester", "contains_any", {"list": "w"})), lists={"w": [f"{n:x}" * 180 for n in range(11_000)]})
    body = json.dumps(big).encode()
    assert 7_000_000 < len(body) < 8 << 20
    checking = asyncio.create_task(live.client.post("/v1/rulebook/check", content=body, headers={"Content-Type": "application/json"}))
    slowest, loop = 0.0, asyncio.get_running_loop()
    while not checking.done():
        begun = loop.time()
        assert (await live.client.get("/livez")).status_code == 200
        slowest = max(slowest, loop.time() - begun)
        await asyncio.sleep(0)
    told = checking.result()
    assert told.status_code == 200
    assert [(finding["code"], finding["path"]) for finding in told.json()["findings"]][:1] == [("too_large", "/lists/w")]
    assert slowest < 2


async def test_triggers_to_check_against_are_read_or_refused_by_place(live: Any) -> None:
    condition = {"field": "current_tags", "operator": "includes", "value": "ts_injury"}
    tidy = {"title": "Tidy", "conditions": {"all": [condition]}, "actions": [{"field": "remove_tags", "value": "ts_injury"}]}
    for body in ({"triggers": {"triggers": [tidy]}}, {"document": BOOK, "triggers": {"triggers": [tidy]}}):
        told = (await live.client.post("/v1/rulebook/check", json=body)).json()["findings"]
        assert ("tag_cycle", "injury") in {(finding["code"], finding["rule"]) for finding in told}
    refused = await live.client.post("/v1/rulebook/check", json={"triggers": {"tickets": [CANARY]}})
    assert problem(refused, 422)["errors"][0]["pointer"] == "#/triggers"
    assert CANARY not in refused.text


async def test_saving_one_of_many_rules_says_what_concerns_it_soon(live: Any) -> None:
    """The aim is 300 ms for 500 rules; the bound leaves room for a busy machine."""
    many = book(
        *(
            rule(
                f"r{n}",
                {"all": [leaf("ticket.form_id", "is", str(n)), leaf("text.requester", "contains", f"w{n}")]},
                {"set_category": f"c{n}"},
            )
            for n in range(400)
        ),
        *(routing(f"q{n}", leaf("ticket.form_id", "is", str(1000 + n))) for n in range(100)),
    )
    await edit(live, many)
    shown = await live.client.get("/v1/rulebook/draft/rules/r7")
    changed = rule("r7", leaf("text.requester", "contains", "w8"), {"set_category": "c7"})
    begun = time.perf_counter()
    saved = await live.client.put("/v1/rulebook/draft/rules/r7", json=changed, headers={"If-Match": shown.headers["ETag"]})
    took = time.perf_counter() - begun
    assert [(finding["code"], finding["rule"]) for finding in saved.json()["findings"]][:1] == [("overruled", "r7")]
    assert took < 2


async def test_a_document_without_its_wrapper_is_told_once_what_is_missing(live: Any) -> None:
    seen = (await live.client.get("/v1/rulebook/draft")).headers["ETag"]
    said = problem(await live.client.put("/v1/rulebook/draft", json=BOOK, headers={"If-Match": seen}), 422)
    assert [(one["pointer"], one["code"]) for one in said["errors"]] == [("#/document", "missing"), ("#", "extra_forbidden")]
