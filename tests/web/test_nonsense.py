"""Whatever is sent to whichever route: never a 5xx, never an undescribed status, never the value back."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.web.test_access import TABLE

pytestmark = pytest.mark.anyio

CANARY = "canary-7f3a"
TEXTS = (
    CANARY,
    "",
    "0",
    "-1",
    "1.5",
    "9" * 40,
    "\x00",
    "\ufffd",
    "\U0001d7d9",
    "'; DROP TABLE cases; --",
    "../..",
    "%",
    "a" * 5_000,
    "=1+1",
    "null",
    "é\u202e",
)
VALUES: tuple[Any, ...] = (*TEXTS, None, True, 0, -1, 1.5, 2**63 - 1, [], {}, [[]], {"a": {CANARY: 1}}, {"": []})
NAMES = (
    *(
        "document",
        "given",
        "version",
        "at",
        "note",
        "name",
        "role",
        "expires_at",
        "mode",
        "rule",
        "before",
        "key",
        "kind",
        "when",
        "then",
        "rules",
    ),
    *("tests", "queues", "lists", "policies", "calendars", "schema", "interaction", "source", "id", "case_id", "agent", CANARY),
)
BODIES = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"1",
    b'"x"',
    b"{",
    b"\xff",
    b'{"a":1,"a":2}',
    b"[" * 2_000,
    b'{"n":' + b"9" * 400 + b"}",
    b'{"s":"\\ud800"}',
)


def nonsense(dice: random.Random, depth: int = 0) -> Any:
    if depth < 3 and dice.random() < 0.5:
        return {dice.choice(NAMES): nonsense(dice, depth + 1) for _ in range(dice.randrange(4))}
    if depth < 3 and dice.random() < 0.2:
        return [nonsense(dice, depth + 1) for _ in range(dice.randrange(3))]
    return dice.choice(VALUES)


async def test_no_input_makes_a_route_fail(room: Any) -> None:
    everything = (await room.client.get("/openapi.json")).json()["paths"]
    for method, path in sorted(TABLE):
        await bother(room, method, path, everything[path][method.lower()])


async def bother(room: Any, method: str, path: str, described: dict[str, Any]) -> None:
    dice = random.Random(f"{method} {path}")  # noqa: S311
    parameters = [parameter["name"] for parameter in described.get("parameters", []) if parameter["in"] == "query"]
    for _ in range(16):
        address = path
        for part in path.split("/"):
            if part.startswith("{"):
                address = address.replace(
                    part, dice.choice(("1", "none", "x" * 300, CANARY, "%00", "%2e%2e", "%f0%9f%92%a9", "-1", "9" * 30))
                )
        query = {name: dice.choice(TEXTS) for name in dice.sample([*parameters, "unknown"], dice.randrange(len(parameters) + 2))}
        headers = {"If-Match": dice.choice(('"v1"', "*", "x", 'W/"v1"', '"'))} if dice.random() < 0.7 else {}
        headers |= {"Accept": dice.choice(("*/*", "text/csv", CANARY, ";;;q=x", "application/x-ndjson"))}
        if dice.random() < 0.9:
            headers["Content-Type"] = "application/json"
        body = dice.choice(BODIES) if dice.random() < 0.3 else json.dumps(nonsense(dice)).encode()
        answer = await room.client.request(method, address, params=query, headers=headers, content=b"" if method == "GET" else body)
        assert answer.status_code < 500, (address, query, body, answer.text)
        assert str(answer.status_code) in described["responses"] or "/" in address[len(path) :], (
            address,
            query,
            body,
            answer.status_code,
            answer.text,
        )
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert CANARY not in answer.text or answer.json().get("findings") is not None, (address, query, body, answer.text)
