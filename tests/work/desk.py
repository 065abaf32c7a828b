"""A writer at work on a simulated Zendesk: one clock for all, no network, people who come in between."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx

from tests.clocks import CountingIds, SettableClock
from tsbridge.core.helpdesk import Asked, Wish
from tsbridge.http import Http
from tsbridge.simulator.zendesk import Limits, Zendesk
from tsbridge.simulator.zendesk.account import Cut
from tsbridge.store import budget, desired, views, writemode
from tsbridge.store.db import Database
from tsbridge.store.desired import Wished
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.vendors.zendesk.client import AccessToken, Credentials, ZendeskClient
from tsbridge.work.conclude import Conclusions
from tsbridge.work.pace import Pace
from tsbridge.work.writeback import Writeback

WEBHOOKS_GO_NOWHERE = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200)))


class Wire(httpx.AsyncBaseTransport):
    """Requests straight into the simulator. `before` sees each one first: a person's edit in between, a switch, time that passes."""

    def __init__(self, zendesk: Zendesk, clock: SettableClock) -> None:
        self._zendesk = zendesk
        self._clock = clock
        self.before: Callable[[httpx.Request], None] = lambda request: None
        self.asked: list[tuple[datetime, str, str]] = []
        self.answered: list[tuple[datetime, str, int]] = []
        self.unreachable = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((self._clock.now(), request.method, request.url.path))
        self.before(request)
        if self.unreachable:
            raise httpx.ConnectError("no route")
        content = json.loads(request.content) if request.content else None
        query = dict(request.url.params)
        try:
            answer = await self._zendesk.call(request.method, request.url.path, query, content, dict(request.headers))
        except Cut:
            raise httpx.ReadError("cut") from None
        self.answered.append((self._clock.now(), request.method, answer.status_code))
        headers = {**dict(answer.headers), "date": format_datetime(self._clock.now(), usegmt=True)}
        return httpx.Response(answer.status_code, headers=headers, content=bytes(answer.body))

    def count(self, method: str, part: str = "") -> int:
        return sum(m == method and part in path for _, m, path in self.asked)


class WritingDesk:
    """A database, a simulated account, and as many writers as one wants."""

    def __init__(
        self,
        database: Database,
        clock: SettableClock,
        *,
        limits: Limits | None = None,
        per_minute: float = 60,
        writers: int = 1,
        mode: str = "live",
        credentials: Credentials | None = None,
        strict: bool = False,
    ) -> None:
        self.database = database
        self.clock = clock
        self.ids = CountingIds("w")
        self.zendesk = Zendesk(WEBHOOKS_GO_NOWHERE, clock.now, limits=limits or Limits.off(), strict=strict)
        self.wire = Wire(self.zendesk, clock)
        self.alarms: list[tuple[str, Mapping[str, object]]] = []
        self.http = Http("http://zendesk.test", sleep=self._sleep, transport=self.wire)
        self.credentials = credentials or AccessToken("token")
        self.setting = mode
        self.writers = [self.writer(f"w{n}", per_minute, mode) for n in range(writers)]

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def writer(self, name: str, per_minute: float = 60, mode: str = "live", *, zendesk: bool = True) -> Writeback:
        pace = Pace(per_minute, mode)
        client = ZendeskClient(self.http, self.credentials, pace.heard) if zendesk else None
        live = LiveRulebook(UTC)
        conclusions = Conclusions(live, self.ids, lambda: "salt")
        return Writeback(self.database, self.clock, self.ids, client, pace, name, self._alarm, conclusions, live, jitter=lambda: 0.5)

    def _alarm(self, what: str, **named: object) -> None:
        self.alarms.append((what, named))

    # -- people and rules ----------------------------------------------------------------------------------------------

    def ticket(self, **props: Any) -> str:
        made = self.zendesk.world.create(
            {"subject": "a dog", "comment": {"body": "a bite"}, **props}, self.zendesk.world.admin, via="email"
        )
        return str(made["id"])

    def edit(self, ticket: str, **props: Any) -> None:
        """A person changes a ticket."""
        self.zendesk.world.change(int(ticket), props, self.zendesk.world.admin, via="web")

    def meanwhile(self, ticket: str, **props: Any) -> None:
        """Somebody is quicker than our next update, in the same second."""

        def quicker(request: httpx.Request) -> None:
            if request.method == "PUT":
                self.wire.before = lambda request: None
                self.edit(ticket, **props)

        self.wire.before = quicker

    def wish(self, ticket: str, wish: Wish, severity: int | None = None) -> bool:
        now = self.clock.now()
        wished = [Wished(ticket, "case_1", wish, severity, 0)]
        return bool(self.database.write_now(lambda conn: desired.wishes_changed(conn, wished, now, self.ids.new)))

    def mode(self, mode: str, *, send: bool = False) -> None:
        now = self.clock.now()
        self.database.write_now(lambda conn: writemode.switch(conn, self.setting, mode, now, send=send))

    # -- what is ----------------------------------------------------------------------------------------------------------

    def seen(self, ticket: str) -> dict[str, Any]:
        return self.zendesk.world.ticket(int(ticket))

    def tags(self, ticket: str) -> set[str]:
        return set(self.seen(ticket)["tags"])

    def notes(self, ticket: str) -> list[str]:
        """What we wrote on a ticket; every one of them is internal."""
        found = [c for c in self.zendesk.world.store.comments[int(ticket)] if c["author_id"] == self.zendesk.world.bridge["id"]]
        assert not any(c["public"] for c in found)
        return [str(c["body"]) for c in found]

    def row(self, ticket: str) -> Mapping[str, Any]:
        rows = self.database.read_now(lambda conn: views.writeback_list(conn, 1, None, None, ticket, None))
        return rows[0]

    def asked_of(self, ticket: str) -> bool:
        """Whether anything was ever wished of a ticket."""
        return bool(self.database.read_now(lambda conn: views.writeback_list(conn, 1, None, None, ticket, None)))

    def status(self, ticket: str) -> tuple[str, str | None]:
        row = self.row(ticket)
        return row["status"], row["reason"]

    def shared(self) -> budget.Budget:
        return self.database.read_now(budget.load)

    def puts(self, ticket: str | None = None) -> int:
        return self.wire.count("PUT", f"/tickets/{ticket}" if ticket else "/tickets/")

    def alarmed(self) -> Counter[str]:
        return Counter(what for what, _ in self.alarms)

    # -- work ---------------------------------------------------------------------------------------------------------------

    async def round(self, writer: int = 0) -> datetime | None:
        return await self.writers[writer].round()

    async def until_quiet(self, until: timedelta = timedelta(hours=1)) -> None:
        """Let the writers work, and time pass, until nothing waits any more or the span is over."""
        end = self.clock.now() + until
        while self.clock.now() < end:
            due = [await writer.round() for writer in self.writers]
            times = [at for at in due if at is not None]
            if not times:
                return
            self.clock.set(min(max(min(times), self.clock.now() + timedelta(milliseconds=1)), end))


def tags(*names: str, by: str = "1", **more: Any) -> Wish:
    return Wish(tags=tuple(sorted((name, by) for name in names)), **more)


def asked(value: Any, by: str = "1") -> Asked:
    return Asked(value, by)
