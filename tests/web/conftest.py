"""A whole API on a real database, with memory where the workers would stand."""

from __future__ import annotations

import copy
import random
from collections.abc import AsyncIterator, Callable, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from sqlalchemy import Connection
from starlette.routing import Match

from tests.roster.rosters import document
from tsbridge.acts import apikeys
from tsbridge.core.moments import Interaction, Moment
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.rules.document import read
from tsbridge.store import keys, rulebooks
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.web.app import create_app
from tsbridge.web.auth import Gate
from tsbridge.web.counters import Counters
from tsbridge.web.probes import database_probe
from tsbridge.web.services import Services
from tsbridge.work.choosing import Choosing
from tsbridge.work.rosters import LiveRoster

ADMIN = "an-admin-key-that-nobody-guesses"
ZONE = ZoneInfo("America/Los_Angeles")

BOOK: dict[str, Any] = {
    "schema": 1,
    "queues": {"safety": {"zendesk_group_id": 61000000010}, "intake": {"zendesk_group_id": 61000000001}},
    "rules": [
        {
            "key": "injury",
            "kind": "escalation",
            "title": "Somebody is hurt",
            "when": {"any": [{"field": "text", "operator": "contains_any", "value": ["bite", "bitten"]}]},
            "then": [{"set_severity": 1}, {"add_tags": ["ts_injury"]}],
        },
        {
            "key": "urgent-mail",
            "kind": "escalation",
            "when": {
                "all": [
                    {"field": "channel", "operator": "is", "value": "email"},
                    {"field": "ticket.priority", "operator": "is", "value": "urgent"},
                ]
            },
            "then": [{"set_severity": 2}],
        },
        {
            "key": "to-safety",
            "kind": "routing",
            "when": {"all": [{"field": "case.severity", "operator": "at_most", "value": 2}]},
            "then": [{"route": "safety"}],
        },
        {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
    "tests": [
        {
            "name": "a bite is severity one",
            "given": {"source": "zendesk", "channel": "email", "text": "my dog was bitten", "ticket.status": "new"},
            "expect": {"severity": 1, "queue": "safety", "tags": ["ts_injury"], "rules": ["injury", "to-safety"]},
        }
    ],
}


@dataclass
class JudgingWithMemory:
    """What was told and linked anew, in order."""

    told: list[Moment] = field(default_factory=list)
    linked: list[set[Interaction]] = field(default_factory=list)

    def begin(self, conn: Connection) -> None:
        """Nobody else is there."""

    def hear(self, conn: Connection, moment: Moment, now: datetime) -> None:
        self.told.append(moment)

    def link_anew(self, conn: Connection, subjects: Set[Interaction], now: datetime) -> None:
        self.linked.append({*subjects})

    def withdraw(self, conn: Connection, moment: str, by: str, reason: str, now: datetime) -> bool:
        raise AssertionError("expected real judging where moments are withdrawn")


@dataclass
class Room:
    """The API, a client with the admin key, and what stands behind it."""

    app: FastAPI
    desk: Services
    client: httpx.AsyncClient
    judged: JudgingWithMemory
    woken: list[str]

    async def key(self, role: str, **more: Any) -> dict[str, str]:
        """Headers of a fresh key of this role."""
        pepper = await self.desk.gate.pepper()
        minted, entry = keys.mint(self.desk.entropy), self.desk.entry("admin")
        name = more.get("name", role)
        await self.desk.database.write(lambda conn: apikeys.create(conn, entry, minted, pepper, name, role, more.get("expires_at")))
        return {"Authorization": f"Bearer {minted.text}"}

    def other(self, **changes: Any) -> httpx.AsyncClient:
        """A client of an app that differs in these parts of its desk."""
        return client_of(create_app(replace(self.desk, **changes)))


class HeldAgainstTheDescription(httpx.ASGITransport):
    """Every good JSON answer in these tests has exactly the shape that `/openapi.json` gives for it, and no status is a surprise."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(app=app, raise_app_exceptions=False)
        self._app = app
        self._routes = [route for route in app.routes if isinstance(route, APIRoute)]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        scope = {"type": "http", "method": request.method, "path": request.url.path}
        route = next((route for route in self._routes if route.include_in_schema and route.matches(scope)[0] is Match.FULL), None)
        if route is not None:
            described = statuses(self._app)[route.name]
            assert str(answer.status_code) in described, (route.name, answer.status_code)
        if answer.status_code < 300 and answer.headers.get("content-type") == "application/json":
            await answer.aread()
            if route is not None and route.response_field is not None:
                returned(answer, route.response_model)
        return answer


DESCRIBED: dict[str, set[str]] = {}
"""By operation the statuses it may answer with; the same for every app."""


def statuses(app: FastAPI) -> dict[str, set[str]]:
    if not DESCRIBED:
        for item in app.state.described()["paths"].values():
            DESCRIBED.update({one["operationId"]: set(one["responses"]) for one in item.values()})
    return DESCRIBED


@cache
def adapter_of(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def returned(answer: httpx.Response, shape: Any) -> None:
    """The answer is what the route says it returns: nothing more, and of the types that it names."""
    adapter = adapter_of(shape)
    kept = adapter.validate_json(answer.content, strict=True)
    assert adapter.dump_python(kept, mode="json", by_alias=True) == answer.json(), shape


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = HeldAgainstTheDescription(app)
    return httpx.AsyncClient(transport=transport, base_url="http://bridge.test", headers={"Authorization": f"Bearer {ADMIN}"})


@pytest.fixture
def book() -> dict[str, Any]:
    """The document of version 1."""
    return copy.deepcopy(BOOK)


@pytest.fixture
def entropy() -> Callable[[int], bytes]:
    return random.Random(7).randbytes  # noqa: S311  # the same keys in every run


@pytest.fixture
async def room(database: Database, clock: Clock, ids: Ids, entropy: Callable[[int], bytes]) -> AsyncIterator[Room]:
    async with furnished(database, clock, ids, entropy) as made:
        yield made


async def staff(room: Room) -> Room:
    """Make the usual roster live, of which nobody leaves."""
    made: Any = document()
    made["agents"]["ana"].pop("until")
    assert (await room.client.put("/v1/roster", json={"document": made, "note": ""}, headers={"If-Match": '"0"'})).status_code == 201
    return room


async def draft_seen(room: Room) -> tuple[dict[str, Any], dict[str, str]]:
    """The draft and the header to replace it with."""
    answer = await room.client.get("/v1/rulebook/draft")
    return answer.json(), {"If-Match": answer.headers["ETag"]}


@asynccontextmanager
async def furnished(database: Database, clock: Clock, ids: Ids, entropy: Callable[[int], bytes]) -> AsyncIterator[Room]:
    """The API over a database, with the first rulebook live."""
    woken: list[str] = []
    judged = JudgingWithMemory()
    desk = Services(
        database=database,
        clock=clock,
        ids=ids,
        entropy=entropy,
        gate=Gate(database, clock, entropy, ADMIN),
        live=LiveRulebook(ZONE),
        judging=judged,
        choosing=Choosing(LiveRoster()),
        roster=LiveRoster(),
        counters=Counters(),
        zone=ZONE,
        version="0.0.0",
        wake=lambda: woken.append("worker"),
        wake_writer=lambda: woken.append("writer"),
        wake_replay=lambda: woken.append("replay"),
        probes={"database": database_probe(database)},
    )
    now = clock.now()
    await database.write(lambda conn: rulebooks.publish(conn, BOOK, read(BOOK).hash, "the first", now, "system"))
    app = create_app(desk)
    async with client_of(app) as client:
        yield Room(app, desk, client, judged, woken)
