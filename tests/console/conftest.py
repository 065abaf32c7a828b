"""A console over a filled database, and people who are signed in to it."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from starlette.routing import Mount

from tests.clocks import CountingIds, SettableClock
from tests.databases import Sqlite
from tests.web import rows
from tests.web.conftest import ADMIN, BOOK, JudgingWithMemory
from tsbridge import document_files
from tsbridge.console.app import create
from tsbridge.console.made import Console
from tsbridge.core.rules.document import read
from tsbridge.roster.document import read as read_roster
from tsbridge.rulebook.ready import make_ready
from tsbridge.store import keys, rulebooks
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.web.admission import Bench
from tsbridge.web.auth import Gate
from tsbridge.work.choosing import Choosing
from tsbridge.work.rosters import LiveRoster

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime.fromisoformat("2026-11-22T09:00:00+00:00")
SEEDS = itertools.count()
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}${7*7}</title><svg/onload=alert(3)>"
"""What somebody may have written, or be called."""


@dataclass
class Visitor:
    """Somebody with a browser: cookies are kept, forms are sent with what stands in them."""

    client: httpx.AsyncClient
    console: Console
    judged: JudgingWithMemory

    async def look(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(f"/console/{path}", **more)

    async def send(self, path: str, **fields: str) -> httpx.Response:
        """A form, with the hidden field of this session."""
        return await self.client.post(f"/console/{path}", data={"csrf": await self.csrf(), **fields})

    async def csrf(self) -> str:
        return hidden((await self.look("search")).text)


def hidden(page: str) -> str:
    """The hidden field that proves where a form comes from."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def filled(sqlite_files: Sqlite) -> Iterator[Database]:
    """Cases, steps, decisions, deliveries and wishes, for tests that change nothing of it."""
    with sqlite_files.fresh() as url, Database.open(url) as database:
        database.write_now(lambda conn: rulebooks.publish(conn, BOOK, read(BOOK).hash, "the first", NOW, "system"))
        database.write_now(fill)
        yield database


def fill(conn: Any) -> None:
    for number in range(1, 4):
        at = NOW - timedelta(minutes=10 * number)
        case_id = f"case_{number:06d}"
        rows.event(conn, number, at)
        rows.case(
            conn, case_id, at, str(4710 + number), severity=number, category="safety_incident", queue="safety" if number < 3 else None
        )
        rows.decision(conn, number, at, case_id=case_id, interaction=str(4710 + number))
        rows.wish(conn, 4710 + number, at, case_id=case_id)
        more = {"severity": number, "queue": "safety", "source": "zendesk", "interaction": str(4710 + number), "open": True}
        rows.escalation(conn, number, at, due_at=at + timedelta(minutes=5), case_id=case_id, **more)
        rows.moment(conn, number, at, str(4710 + number), texts=(("subject", f"the subject {number}"), ("description", NASTY)))
    rows.handle(conn, "email", "ana@example.net", "zendesk", "4711", "person")


@asynccontextmanager
async def visiting(database: Database, role: str | None, **changes: Any) -> AsyncIterator[Visitor]:
    """Somebody with a key of this role, signed in; with None, not signed in; `admin`: the key of the settings."""
    clock, entropy = SettableClock(NOW), random.Random(next(SEEDS)).randbytes  # noqa: S311
    gate = Gate(database, clock, entropy, ADMIN)
    judged = JudgingWithMemory()
    roster = LiveRoster()
    made = Console(
        database=database,
        clock=clock,
        ids=CountingIds(f"{next(SEEDS)}_"),
        entropy=entropy,
        gate=gate,
        live=LiveRulebook(ZONE),
        judging=judged,
        roster=roster,
        choosing=Choosing(roster),
        zone=ZONE,
        version="0.0.0",
        writeback="live",
        secure=False,
        zendesk_url="https://desk.zendesk.test",
        probes={},
        wake=lambda: None,
        wake_writer=lambda: None,
        wake_replay=lambda: None,
        ending=lambda: False,
        bench=Bench(),
        reports_apart=None,
        make_ready=lambda document, zone, year: make_ready(document, zone, read_roster, year),
        apart=lambda work, document, *more: work(document, *more),
        yaml_read=document_files.load_text,
        yaml_dump=document_files.dump,
        yaml_lines=document_files.Lines,
    )
    sleep = changes.pop("sleep", asyncio.sleep)
    made = replace(made, **changes)
    app = Mount("/console", create(made, sleep))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://bridge.test" if made.secure else "http://bridge.test") as client:
        visitor = Visitor(client, made, judged)
        if role is not None:
            key = ADMIN if role == "admin" else await minted(made, role)
            answer = await signed_in(visitor, key)
            assert answer.headers["location"] == "/console/now"
        yield visitor


async def minted(console: Console, role: str) -> str:
    """The text of a new key."""
    new, at = keys.mint(console.entropy), console.clock.now()
    pepper = await console.gate.pepper()  # type: ignore[attr-defined]
    await console.database.write(lambda conn: keys.create(conn, new, name=role, role=role, at=at, expires_at=None, pepper=pepper))
    return new.text


async def signed_in(visitor: Visitor, key: str, target: str = "") -> httpx.Response:
    page = (await visitor.look("sign-in")).text
    return await visitor.client.post("/console/sign-in", data={"csrf": hidden(page), "key": key, "next": target})
