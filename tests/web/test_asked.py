"""What people ask for and takes its time: so much at once, so much that waits, then 429; a large body is read where it is checked."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from tests.clocks import CountingIds
from tests.web.conftest import BOOK
from tests.web.test_rulebook import ROSTER
from tsbridge.child_process import MANY, in_child_if_large
from tsbridge.web.admission import AT_ONCE, WAITING, Bench, aside, mark_of
from tsbridge.web.app import create_app
from tsbridge.web.route import QUICK

pytestmark = pytest.mark.anyio
CHECK = "/v1/rulebook/check"


class Held:
    """Work that goes on when the test says so."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self, work: Any, document: Any, *more: Any) -> Any:
        self.begun.release()
        assert self.go_on.wait(60)
        return work(document, *more)


async def test_when_all_seats_are_taken_it_says_when_to_come_again_and_the_rest_is_answered(room: Any) -> None:
    held = Held()
    async with room.other(bench=Bench(1, 1), apart=held) as client:
        asking = [asyncio.create_task(client.post(CHECK, json={})) for _ in range(2)]
        await aside(held.begun.acquire)
        refused = await client.post(CHECK, json={})
        assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json()["type"].endswith("busy")
        assert (await client.get("/v1/rulebook")).status_code == 200  # what takes no time is answered
        assert not held.begun.acquire(blocking=False)  # one at a time
        held.go_on.set()
        assert [answer.status_code for answer in await asyncio.gather(*asking)] == [200, 200]
        assert (await client.post(CHECK, json={})).status_code == 200


async def test_one_that_fails_gives_its_seat_back(room: Any) -> None:
    def fails(*_: Any) -> Any:
        raise KeyError

    async with room.other(bench=Bench(1, 0), apart=fails) as client:
        assert [(await client.post(CHECK, json={})).status_code for _ in range(3)] == [500] * 3


async def test_a_dozen_have_a_seat() -> None:
    assert AT_ONCE + WAITING == 12


@pytest.mark.parametrize(("processors", "turns"), [(None, 1), (1, 1), (2, 1), (3, 1), (4, 2), (64, 2)])
async def test_half_of_the_processors_are_left_to_the_door(processors: int | None, turns: int) -> None:
    bench = Bench(processors=processors)
    async with AsyncExitStack() as held:
        for _ in range(turns):
            assert not bench._turns.locked()
            await held.enter_async_context(bench.turn())
        assert bench._turns.locked()


async def test_all_that_takes_long_is_let_in_by_the_bench(room: Any) -> None:
    marked = {route.name for route in create_app(room.desk).routes if isinstance(route, APIRoute) and mark_of(route.endpoint) is not None}
    assert marked == {
        *("check_rulebook", "run_tests", "generate_tests", "try_rulebook", "diff_versions", "show_draft", "replace_draft"),
        *("import_from_zendesk", "start_replay", "start_shadow", "check_roster"),
        *("show_pack", "show_report", "show_chart", "list_report_cases"),
    }


FAULTY = {**BOOK, "rules": [*BOOK["rules"], {"key": "x", "kind": "routing", "when": {"field": "colour"}, "then": []}]}
DOUBLED = {
    **BOOK,
    "queues": {**BOOK["queues"], "given": {"assign": "round_robin"}},
    "rules": [{**BOOK["rules"][0], "key": "again"}, *BOOK["rules"]],
}
BODIES = {
    "sound": BOOK,
    "faulty": FAULTY,
    "with advice, in words of any tongue": {**DOUBLED, "title": "Größe 大"},
    "under its name": {"document": DOUBLED},
    "no document under its name": {"document": [1]},
    "with triggers": {"document": BOOK, "triggers": {"triggers": []}},
    "with no triggers": {"document": BOOK, "triggers": "none"},
    "a list": [1],
    "no object": "schema",
    "unknown members": {"document": BOOK, "more": 1},
}


@pytest.mark.parametrize("kind", BODIES)
async def test_a_large_body_is_answered_like_a_small_one(room: Any, kind: str) -> None:
    asked: list[Any] = []

    def apart(work: Any, document: Any, *more: Any) -> Any:
        asked.append(work.__name__)
        return work(document, *more)

    raw = json.dumps(BODIES[kind]).encode()
    small, large = raw, raw + b" " * QUICK
    async with room.other(apart=apart) as client:
        answers = [await client.post(CHECK, content=body, headers={"Content-Type": "application/json"}) for body in (small, large)]
    assert without_ids(answers[0]) == without_ids(answers[1])
    assert asked.count("examine_body") == 1


@pytest.mark.parametrize("body", [b'{"schema": 1, "schema": 1}', b"{", b"\xff", b'{"a": NaN}'])
async def test_a_large_body_that_is_no_strict_json_is_refused_like_a_small_one(room: Any, body: bytes) -> None:
    answers = [
        await room.client.post(CHECK, content=sent, headers={"Content-Type": "application/json"}) for sent in (body, body + b" " * QUICK)
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert without_ids(answers[0]) == without_ids(answers[1])


def without_ids(answer: httpx.Response) -> tuple[int, str | None, dict[str, Any]]:
    told = {name: value for name, value in answer.json().items() if name not in ("trace_id", "instance")}
    return answer.status_code, answer.headers.get("content-type"), told


async def test_what_is_done_by_processes_of_their_own_says_the_same(room: Any) -> None:
    rule = {
        "kind": "escalation",
        "when": {"all": [{"field": "text", "operator": "contains", "value": "zebra"}]},
        "then": [{"set_severity": 3}],
    }
    large = {**BOOK, "rules": [*({"key": f"z{n}", **rule} for n in range(MANY)), *BOOK["rules"]]}
    draft = await room.client.get("/v1/rulebook/draft")
    await room.client.put("/v1/rulebook/draft", json={"document": large}, headers={"If-Match": draft.headers["ETag"]})
    trial = {"document": large, "given": {"source": "zendesk", "text": "a bite"}, "roster": ROSTER}
    told = []
    for apart in (lambda work, document, *more: work(document, *more), in_child_if_large):
        async with room.other(apart=apart, ids=CountingIds()) as client:
            answers = [
                await client.post("/v1/rulebook/test", json={}),
                await client.post("/v1/rulebook/test/generate", json={}),
                await client.post("/v1/rulebook/try", json=trial),
                await client.get("/v1/rulebook/versions/diff?from=draft&to=live"),
            ]
        assert [answer.status_code for answer in answers] == [200] * 4, [answer.text[:300] for answer in answers]
        told.append([{name: value for name, value in answer.json().items() if name not in ("id", "at", "next_due")} for answer in answers])
    assert told[0] == told[1]


async def test_many_triggers_are_imported_by_a_process_of_its_own(room: Any) -> None:
    one = {"active": True, "conditions": {"all": [{"field": "status", "operator": "is", "value": "new"}], "any": []}}
    triggers = [{**one, "id": n, "title": f"t{n}", "actions": [{"field": "current_tags", "value": f"ts_{n}"}]} for n in range(MANY)]
    told = []
    for apart in (lambda work, document, *more: work(document, *more), in_child_if_large):
        async with room.other(apart=apart) as client:
            for body in ({"triggers": triggers}, {"triggers": [1] * MANY}):
                answer = await client.post("/v1/rulebook/import/zendesk", json=body)
                told.append((answer.status_code, answer.json().get("rules"), answer.json().get("errors")))
    assert told[:2] == told[2:]
    assert len(told[0][1]) == MANY
    assert told[1][0] == 422
