"""Failures are problems, say where and what was expected, and never repeat what came."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from tsbridge.core.unreadable import Unreadable
from tsbridge.store import sqlite
from tsbridge.web.probes import database_probe

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)]

CANARY = "ana.canary@example.com"


def is_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:tsbridge:problem:")
    assert body["trace_id"] == answer.headers["X-Request-Id"]
    assert body["title"]
    assert body["detail"]
    return body


async def test_an_unknown_address_and_a_wrong_method_are_problems(room: Any) -> None:
    assert CANARY not in str(is_problem(await room.client.get(f"/v1/{CANARY}"), 404))
    is_problem(await room.client.post("/v1/cases"), 405)
    assert (await room.client.post("/v1/cases")).headers["Allow"] == "GET"


async def test_an_unforeseen_failure_is_a_problem_with_all_headers_and_no_words_of_the_failure(room: Any) -> None:
    class Broken:
        async def read(self, work: Any) -> Any:
            raise RuntimeError(f"secret {CANARY}")

    async with room.other(database=Broken()) as client:
        answer = await client.get("/v1/cases")
        is_problem(answer, 500)
        assert CANARY not in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_what_cannot_be_read_is_a_problem_that_says_where_and_what_was_expected(room: Any, caplog: Any) -> None:
    class Tampered:
        async def read(self, work: Any) -> Any:
            raise Unreadable("moments.body: expected what a moment tells, came something else")

    async with room.other(database=Tampered()) as client:
        answer = await client.get("/v1/cases")
        body = is_problem(answer, 500)
        assert body["type"] == "urn:tsbridge:problem:unreadable"
        assert "moments.body: expected what a moment tells" in body["detail"]
    assert [record.where for record in caplog.records if record.name == "tsbridge.web"] == [
        "moments.body: expected what a moment tells, came something else"
    ]
    assert (await room.client.get("/v1/cases")).status_code == 200


async def test_a_database_that_is_away_is_a_503_with_a_time_to_come_back(room: Any) -> None:
    class Away:
        async def read(self, work: Any) -> Any:
            raise OperationalError(f"select {CANARY}", {}, Exception("away"))

    async with room.other(database=Away(), probes={"database": database_probe(Away())}) as client:  # type: ignore[arg-type]
        answer = await client.get("/v1/cases")
        is_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert CANARY not in answer.text
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["database"]["ok"]) == (503, False)


async def test_a_database_that_cannot_be_read_is_a_503_and_figures_go_without_it(room: Any) -> None:
    class Unread:
        async def read(self, work: Any) -> Any:
            raise DBAPIError(f"select {CANARY}", {}, sqlite.library().DatabaseError("database disk image is malformed"))

    async with room.other(database=Unread()) as client:
        answer = await client.get("/v1/cases")
        is_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
        figures = await client.get("/metrics")
        assert figures.status_code == 200
        assert "tsbridge_decisions" not in figures.text


async def test_a_failure_of_ours_inside_the_database_is_a_500(room: Any) -> None:
    class Ours:
        async def read(self, work: Any) -> Any:
            raise IntegrityError(f"select {CANARY}", {}, Exception("a constraint"))

    async with room.other(database=Ours()) as client:
        answer = await client.get("/v1/cases")
        is_problem(answer, 500)
        assert CANARY not in answer.text


@pytest.mark.parametrize("path", ["/livez", "/v1/cases", "/nowhere", "/docs", "/metrics", "/v1/keys/none"])
async def test_every_answer_carries_the_headers_that_keep_browsers_strict(room: Any, path: str) -> None:
    headers = (await room.client.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=1.0", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=٣", "limit"),
        ("limit=" + "9" * 30, "limit"),
        ("limit=5&limit=6", "limit"),
        ("severity=" + "9" * 30, "severity"),
        ("status=canary", "status"),
        ("queue=", "queue"),
        ("queue=%00", "queue"),
        ("queue=" + "q" * 201, "queue"),
        ("cursor=canary", "cursor"),
        ("canary=1", ""),
    ],
)
async def test_a_query_that_is_not_exactly_right_is_refused_where_it_is_wrong(room: Any, query: str, where: str) -> None:
    body = is_problem(await room.client.get(f"/v1/cases?{query}"), 422)
    assert [(error["in"], error["parameter"]) for error in body["errors"]] == [("query", where)]
    assert "canary" not in str(body)
    assert "99999" not in str(body)


@pytest.mark.parametrize(
    "time", ["yesterday", "2025-03-04", "2025-03-04T09:00:00", "2026-13-01T00:00:00Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59-14:00"]
)
async def test_times_are_rfc_3339_with_their_zone(room: Any, time: str) -> None:
    body = is_problem(await room.client.get("/v1/audit/routing", params={"from": time}), 422)
    assert body["errors"][0]["parameter"] == "from"
    assert time not in str(body)


async def test_a_time_with_an_offset_and_nanoseconds_is_read(room: Any) -> None:
    answer = await room.client.get(
        "/v1/audit/routing", params={"from": "2026-11-22T09:00:00.123456789+05:30", "to": "2026-11-22t09:00:00z"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "a", "name": "b", "role": "viewer"}',
        b'{"name": "a", "role": "viewer", "x": NaN}',
        b'{"name": "a", "role": "viewer", "x": 1e999}',
        b'{"name": "a", "role": "viewer", "x": 99999999999999999999}',
        b'{"name": "\\ud800", "role": "viewer"}',
        b'\xef\xbb\xbf{"name": "a", "role": "viewer"}',
        '{"name": "a", "role": "viewer"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"name": "a", "role": "viewer"} {}',
        b"{",
    ],
)
async def test_a_body_is_strict_json_or_refused(room: Any, body: bytes) -> None:
    answer = await room.client.post("/v1/keys", content=body, headers={"Content-Type": "application/json"})
    assert is_problem(answer, 422)["errors"][0]["in"] == "body"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/name"),
        ({"name": CANARY * 20, "role": "viewer"}, "#/name"),
        ({"name": 5, "role": "viewer"}, "#/name"),
        ({"name": "a\x00b", "role": "viewer"}, "#/name"),
        ({"name": "a", "role": CANARY}, "#/role"),
        ({"name": "a", "role": "viewer", CANARY: 1}, "#"),
        ({"name": "a", "role": "viewer", "expires_at": CANARY}, "#/expires_at"),
        ({"name": "a", "role": "viewer", "expires_at": 5}, "#/expires_at"),
        ([CANARY], "#"),
        (CANARY, "#"),
    ],
)
async def test_a_body_of_the_wrong_shape_is_refused_with_a_pointer_and_without_its_values(room: Any, body: Any, pointer: str) -> None:
    answer = await room.client.post("/v1/keys", json=body)
    assert pointer in [error["pointer"] for error in is_problem(answer, 422)["errors"]]
    assert CANARY not in answer.text


async def test_bodies_of_another_type_or_compressed_are_415(room: Any) -> None:
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, {}):
        is_problem(await room.client.post("/v1/keys", content=b"{}", headers=headers), 415)


async def test_a_body_over_the_cap_is_413_announced_or_not(room: Any) -> None:
    async def chunks() -> Any:
        for _ in range(300):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    is_problem(await room.client.post("/v1/keys", content=b" " * 262_145, headers=headers), 413)
    is_problem(await room.client.post("/v1/keys", content=chunks(), headers=headers), 413)


async def test_a_rulebook_may_be_larger_than_other_bodies(room: Any) -> None:
    answer = await room.client.post("/v1/rulebook/check", json={"schema": 1, "lists": {"words": ["x" * 400_000]}})
    assert answer.status_code == 200


async def test_another_method_is_told_all_that_there_are(room: Any) -> None:
    for path, allowed in (("/v1/rulebook/draft", "GET, PUT"), ("/v1/rulebook/shadow", "DELETE, GET, PUT"), ("/v1/cases", "GET")):
        answer = await room.client.patch(path)
        is_problem(answer, 405)
        assert answer.headers["Allow"] == allowed
