"""What a process answers from its start on, and the API, which is made when it is first asked for."""

from __future__ import annotations

import ast
import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

import tsbridge
from tests.web.conftest import ADMIN
from tsbridge.web import health
from tsbridge.web.front import AT_ONCE, Front

pytestmark = pytest.mark.anyio


async def _page(_: Any) -> PlainTextResponse:
    return PlainTextResponse("here")


class Made:
    """Makes the API, when the test lets it, and counts how often."""

    def __init__(self, app: ASGIApp) -> None:
        self.count = 0
        self.go_on = threading.Event()
        self._app = app

    def __call__(self) -> ASGIApp:
        self.count += 1
        assert self.go_on.wait(60)
        return self._app


def client(front: Front) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=front), base_url="http://bridge.test", headers={"Authorization": f"Bearer {ADMIN}"}
    )


async def test_deliveries_health_and_figures_wait_for_no_api_and_whoever_asks_for_it_has_it_made_once(room: Any) -> None:
    made = Made(room.app)
    doors = (Route("/webhooks/zendesk", _page, methods=["POST"]),)
    pages = (Route("/console", _page), Route("/console/now", _page))
    async with client(Front(replace(room.desk, webhooks=doors, console=pages), made)) as asking:
        for path in ("/livez", "/readyz", "/metrics", "/console", "/console/now"):
            assert (await asking.get(path)).status_code == 200
        assert made.count == 0
        waiting = [asyncio.create_task(asking.get(path)) for path in ("/v1/rulebook", "/v1/cases", "/openapi.json", "/nowhere")]
        assert (await asking.post("/webhooks/zendesk")).text == "here"
        made.go_on.set()
        assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 200, 200, 404]
        assert (await asking.get("/v1/cases")).headers["x-request-id"]
    assert made.count == 1


async def test_a_stranger_is_told_what_the_api_would_tell_them_and_has_nothing_made(room: Any) -> None:
    made = Made(room.app)
    async with client(Front(room.desk, made)) as asking:
        del asking.headers["Authorization"]
        answer = await asking.post("/v1/rulebook/check", content=b"{}")
        assert made.count == 0
    async with client(room.app) as asking:
        del asking.headers["Authorization"]
        same = await asking.post("/v1/rulebook/check", content=b"{}")
    assert answer.status_code == same.status_code == 401
    assert {**answer.json(), "trace_id": ""} == {**same.json(), "trace_id": ""}
    differing = ("x-request-id", "content-length")
    assert [one for one in answer.headers.items() if one[0] not in differing] == [
        one for one in same.headers.items() if one[0] not in differing
    ]


def test_what_is_answered_at_once_the_api_describes() -> None:
    assert {route.path for route in health.routes.routes if isinstance(route, APIRoute)} == AT_ONCE


@pytest.mark.parametrize("path", sorted(AT_ONCE))
async def test_in_front_the_same_is_answered_as_by_the_api(room: Any, path: str) -> None:
    async with client(Front(room.desk, Made(room.app))) as front, client(room.app) as api:
        for method, asked in (("GET", path), ("GET", f"{path}?all=1"), ("HEAD", path), ("POST", path)):
            here, there = [await asking.request(method, asked) for asking in (front, api)]
            assert here.status_code == there.status_code
            assert [here.headers.get(name) for name in ("content-type", "allow")] == [
                there.headers.get(name) for name in ("content-type", "allow")
            ]
            if (path, method, asked) != ("/metrics", "GET", path):  # those tell the time
                assert here.text.replace(here.headers["x-request-id"], "") == there.text.replace(there.headers["x-request-id"], "")


def test_a_start_loads_neither_the_api_nor_the_pages_nor_what_works_out_reports() -> None:
    """What is imported beside functions, from where a serving process begins."""
    root = Path(tsbridge.__file__).parent.parent
    seen, todo, others = set[str](), ["tsbridge.wiring.start", "tsbridge.wiring.bridge", "tsbridge.wiring.running"], set[str]()
    while todo:
        name = todo.pop()
        path = next(
            (p for p in (root / f"{name.replace('.', '/')}.py", root / name.replace(".", "/") / "__init__.py") if p.is_file()), None
        )
        if path is None:
            others.add(name)
        if name in seen or path is None:
            continue
        seen.add(name)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                todo += [alias.name for alias in node.names]
    assert "tsbridge.web.front" in seen
    late = ("tsbridge.web.app", "tsbridge.web.cases", "tsbridge.console.app", "tsbridge.acts.reports", "tsbridge.rulebook.check")
    assert seen.isdisjoint(late)
    assert "starlette.routing.Route" in others
    assert not {name for name in others if name.startswith(("fastapi", "holidays", "phonenumbers", "sqlalchemy.dialects.postgresql"))}
