"""The bridge in the world: whole processes of it, put together as `wiring` does, that die where they are told to and come up again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx

from tests.clocks import CountingIds
from tests.world.inline import OneThread, Opened
from tests.world.virtual import SkewedClock
from tsbridge.acts.ledger import Ledger
from tsbridge.core import crashpoint
from tsbridge.core import roster as rosters
from tsbridge.delivery_readers import Readers
from tsbridge.http import Http
from tsbridge.store import leases
from tsbridge.store.intake import Intake
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.vendors.zendesk.client import AccessToken, ZendeskClient
from tsbridge.vendors.zendesk.read_fields import OwnUser
from tsbridge.web import webhooks
from tsbridge.web.counters import Counters
from tsbridge.web.webhooks import Door
from tsbridge.work.assign import Giving
from tsbridge.work.background_facts import Background
from tsbridge.work.conclude import Conclusions
from tsbridge.work.due_cases import DueTimes
from tsbridge.work.guard import Guard
from tsbridge.work.hearing import Hearing
from tsbridge.work.ingest import Ingest
from tsbridge.work.isolated import Alone
from tsbridge.work.loop import Loop, Round, Task
from tsbridge.work.misdated import Misdated
from tsbridge.work.notify import Notify, Pages
from tsbridge.work.pace import Pace
from tsbridge.work.reading import read
from tsbridge.work.reads import ReadBudget
from tsbridge.work.reconcile import Reconciler
from tsbridge.work.rejudge import Rejudging
from tsbridge.work.rosters import LiveRoster
from tsbridge.work.seal import Sealer
from tsbridge.work.stream import Stream
from tsbridge.work.takeover import Takeover
from tsbridge.work.verdicts import Concluded
from tsbridge.work.watch import Watch
from tsbridge.work.writeback import Writeback

ZONE: Final = ZoneInfo("UTC")
ZENDESK_SECRET: Final = "secret-of-zendesk-webhooks"
TALKDESK_SECRET: Final = "secret-of-talkdesk"
LOOK_AGAIN: Final = timedelta(minutes=2)
"""Real processes look every two seconds; the world's time goes in larger steps, and all are woken where one has done something."""


RARELY: Final = {"seal": 45.0, "guard": 300.0, "rejudge": 300.0, "watch": 120.0, "reconcile": 30.0, "stream": 30.0, "takeover": 10.0}
"""Seconds for which these tasks rest at least, where nobody wakes them and they know of no more."""


class Dead(BaseException):
    """What goes on in a process whose life is over. No handler of the code catches it, as none runs after a SIGKILL."""


HERE: ContextVar[Process | None] = ContextVar("process", default=None)
"""The process in which something goes on."""


def die_here() -> None:
    """What an armed crash point does."""
    here = HERE.get()
    if here is not None:
        here.die()
        raise Dead


class Reach:
    """What a process reaches of the world: `api`, the way into Zendesk; `way`, ways to people; `alarm`; `trouble` of its disk; `wake`:
    tasks of every process."""

    def __init__(
        self,
        api: Callable[[Process], httpx.AsyncBaseTransport],
        way: Callable[[Process, rosters.Way], Any],
        alarm: Callable[[str, Mapping[str, object]], None],
        trouble: Callable[[bool], None],
        wake: Callable[..., None],
    ) -> None:
        self.api = api
        self.way = way
        self.alarm = alarm
        self.trouble = trouble
        self.wake = wake


class Process:
    """One process from its start to its death. `name`: no other one, before or later, has it."""

    def __init__(
        self, name: str, url: str, clock: SkewedClock, reach: Reach, rng: random.Random, own: OwnUser, reads: int, *, beside: bool
    ) -> None:
        self.name = name
        self.clock = clock
        self.dead = False
        self.going = asyncio.Event()
        self.going.set()
        self.ended = asyncio.Event()
        self._reach = reach
        self._rng = rng
        self._tasks: list[asyncio.Task[Any]] = []
        self.database = Opened(OneThread(url, self._may_transact))
        self.ids = CountingIds(f"{name}-")
        self.live = LiveRulebook(ZONE)
        self.roster = LiveRoster()
        self.conclusions = Conclusions(self.live, self.ids, self._salt, self.roster)
        self.ledger = Ledger(clock, self.ids, self.entropy)
        pace = Pace(60, "live")
        http = Http("http://zendesk.test", sleep=asyncio.sleep, transport=reach.api(self))
        zendesk = ZendeskClient(http, AccessToken("token"), pace.heard)
        budget = ReadBudget(self.database, clock, reads)
        readers = Readers(lambda: own, "US", ZONE).here()
        intake = Intake(self.database, clock, self.ids)
        entrances = {"zendesk": webhooks.zendesk([ZENDESK_SECRET], 900), "talkdesk": webhooks.talkdesk([TALKDESK_SECRET])}
        self.doors = {source: Door(entrance, intake, clock, Counters(), self.wake) for source, entrance in entrances.items()}
        hearing = Hearing(self.database, clock, zendesk, budget)
        background = Background(self.database, clock, self.live, zendesk, "US", budget)
        parts = (self.database, clock, self.ids)
        wakes = {"wake_alone": lambda: self.loop.wake("alone"), "is_woken": lambda: self.loop.is_woken("ingest")}
        ingest = Ingest(*parts, readers, self.conclusions, background, hearing, name, self.wake_for, **wakes)  # type: ignore[arg-type]

        async def alone(row: Any, mappings: Any, *, impressions: bool) -> Any:
            return read(row, readers[row.source], mappings, impressions=impressions)

        async def hear(*told: Any) -> Any:
            heard = await ingest.hear(*told)
            reach.wake("clock")  # the round goes on, and a step may be due before it ends
            return heard

        self._sealer = Sealer(self.database, clock, self._alarm)
        rounds: dict[str, Round] = {
            "ingest": self._then_wake(ingest.round),
            "alone": Alone(self.database, clock, alone, ingest, name).round,
            "clock": DueTimes(self.database, clock, self.conclusions, self.wake_for).round,
            "assign": Giving(*parts, self.conclusions, self.live, self.roster, self.wake_writer).round,
            "facts": ingest.complete,
            "seal": self._sealer.round,
            "writeback": Writeback(*parts, zendesk, pace, name, self._alarm, self.conclusions, self.live).round,
            "notify": self._notify(name),
            "misdated": self._then_all(Misdated(self.database, clock).round),
            "guard": Guard(*parts, self._salt, self._alarm, "live").round,
            "rejudge": Rejudging(*parts, self._salt, self.live, self.conclusions, ZONE, name, self.wake_writer).round,
            "watch": Watch(self.database, clock, self.conclusions, self.live, self.roster, self._alarm, name, "live").round,
            "reconcile": Reconciler(*parts, zendesk, lambda: own, name, self._alarm, self.live, budget, self.wake, self.wake_writer).round,
            "stream": Stream(self.database, clock, zendesk, lambda: own, name, budget, hear, lambda: self.loop.wake("facts")).round,
        }
        if beside:
            rounds["takeover"] = Takeover(self.database, clock, name).round
        for task, seconds in RARELY.items():
            if task in rounds:
                rounds[task] = self._rarely(rounds[task], seconds)
        for judges in ("alone", "assign", "facts", "rejudge", "reconcile", "stream"):
            rounds[judges] = self._then_clock(rounds[judges])
        rests = {task: max(LOOK_AGAIN, timedelta(seconds=seconds)) for task, seconds in RARELY.items()}
        tasks = (Task(task, self._gated(round), look_again=rests.get(task, LOOK_AGAIN)) for task, round in rounds.items())
        self.loop = Loop(tasks, clock)

    # -- life and death --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Up: on SQLite nobody else can be alive, so what a killed one had is free at once."""
        token = HERE.set(self)
        try:
            if self.database.dialect == "sqlite":
                self.database.write_now(lambda conn: leases.end_all(conn, self.clock.now()))
            self.own(self.loop.run())
        finally:
            HERE.reset(token)

    def own(self, work: Any) -> asyncio.Task[Any]:
        """Have something go on in this process."""
        task = asyncio.get_running_loop().create_task(work)
        self.owned(task)
        return task

    def owned(self, task: asyncio.Task[Any]) -> None:
        self._tasks = [one for one in self._tasks if not one.done()]
        self._tasks.append(task)

    def die(self) -> None:
        """At once, as by SIGKILL: what it was about ends where it stands, and nothing of it goes through any more."""
        if not self.dead:
            self.dead = True
            self.ended.set()
            asyncio.get_running_loop().call_soon(self._bury)

    def _bury(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.database.close()

    async def gate(self) -> None:
        """Nothing goes on while the process is stopped, and nothing ever once it is dead."""
        await self.going.wait()
        if self.dead:
            raise Dead

    def _may_transact(self, write: bool) -> None:
        if self.dead:
            raise Dead
        self._reach.trouble(write)

    def _gated(self, round: Round) -> Round:
        async def gated() -> datetime | bool | None:
            await self.gate()
            return await round()

        return gated

    def _rarely(self, round: Round, seconds: float) -> Round:
        async def rare() -> datetime | bool | None:
            due = await round()
            later = self.clock.now() + timedelta(seconds=seconds)
            return True if due is True else max(due, later) if isinstance(due, datetime) else later

        return rare

    # -- parts -----------------------------------------------------------------------------------------------------------

    def _notify(self, name: str) -> Round:
        pages = Pages("https://desk.example", self.entropy)
        make = lambda way: self._reach.way(self, way)  # noqa: E731
        wake = lambda: self.loop.wake("notify")  # noqa: E731
        return Notify(self.database, self.clock, self.ids, self.roster, self.live, make, pages, name, self._alarm, wake).round

    def _then_wake(self, round: Round) -> Round:
        async def then() -> datetime | bool | None:
            done = await round()
            if done is True:
                self._reach.wake("clock", "assign", "seal", "facts")
            return done

        return then

    def _then_clock(self, round: Round) -> Round:
        async def then() -> datetime | bool | None:
            wrote = self.database.thread.writes
            done = await round()
            if self.database.thread.writes != wrote:
                self._reach.wake("clock")  # a step may be due before it looks again by itself
            return done

        return then

    def _then_all(self, round: Round) -> Round:
        async def then() -> datetime | bool | None:
            wrote = self.database.thread.writes
            done = await round()
            if self.database.thread.writes != wrote:
                self.loop.wake_all()
            return done

        return then

    def wake(self) -> None:
        self._reach.wake("ingest")

    def wake_for(self, concluded: Concluded) -> None:
        if concluded.effects:
            self.wake_writer()

    def wake_writer(self) -> None:
        self._reach.wake("writeback", "notify", "assign")

    def entropy(self, length: int) -> bytes:
        return self._rng.randbytes(length)

    def _salt(self) -> str:
        return self.entropy(16).hex()

    def _alarm(self, what: str, **named: object) -> None:
        self._reach.alarm(what, named)

    async def answer(self, source: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """What the door says to a delivery. Raises `Dead` where it dies over it."""
        await self.gate()
        token = HERE.set(self)
        try:
            told: list[Any] = []

            async def receive() -> Mapping[str, Any]:
                return {"type": "http.request", "body": body}

            async def send(message: Any) -> None:
                told.append(message)

            scope = {"headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]}
            asked, gone = self.own(self.doors[source](scope, receive, send)), self.own(self.ended.wait())
            await asyncio.wait((asked, gone), return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if not asked.done() or self.dead:
                raise Dead
            asked.result()
            return told[0]["status"], {k.decode(): v.decode() for k, v in told[0]["headers"]}, told[1]["body"]
        finally:
            HERE.reset(token)


def arm(spec: str) -> None:
    """The process that passes there next dies."""
    crashpoint.arm(spec, die_here)


Act = Callable[[Any], Awaitable[Any]]
