"""A world from its seed to its end: who lives in it, what goes wrong when, and the quiet time after which everything must be right."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from tests.databases import Postgres
from tests.world import house, outcome, people
from tests.world.book import FIELDS, HURT, THEIRS, roster, rulebook
from tests.world.history import History
from tests.world.house import TALKDESK_SECRET, ZENDESK_SECRET, Process, Reach
from tests.world.inline import no_room
from tests.world.scenes import SCENES, Scene
from tests.world.traits import LIVELY, MOST_AWAY, Traits, calm, dice, traits
from tests.world.virtual import Time, VirtualLoop, run
from tests.world.wires import ToDoor, ToPeople, ToZendesk, plain
from tsbridge.acts import casework, overriding, publishing, rostering, writebacks
from tsbridge.acts.errors import Conflict, Invalid, NotFound
from tsbridge.core import crashpoint
from tsbridge.core.moments import Interaction
from tsbridge.core.rules.document import read
from tsbridge.http import Http
from tsbridge.roster.document import read as read_roster
from tsbridge.simulator.talkdesk.delivery import Automations
from tsbridge.simulator.talkdesk.delivery import Faults as CallFaults
from tsbridge.simulator.talkdesk.world import World as Calls
from tsbridge.simulator.zendesk import Limits, Zendesk
from tsbridge.store import links, rulebooks, schema, writemode
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk import install
from tsbridge.vendors.zendesk.client import AccessToken, ZendeskClient
from tsbridge.vendors.zendesk.read_fields import OwnUser

QUIET: Final = 6.5 * 60.0
"""Seconds without trouble at the end: the last step of a policy falls due, what was lost is found by catching up twice."""


class World:
    """One world. `live` lives it; `history` is what is left."""

    def __init__(self, seed: int, url: str, of: Traits, loop: VirtualLoop) -> None:
        self.seed = seed
        self.url = url
        self.of = of
        self.loop = loop
        self.time = Time(loop)
        self.clock = self.time.skewed()
        self.history = History()
        self.rng = dice(f"chaos {seed}")
        self.processes: list[Process] = []
        self.settled = False
        self._gone = False
        self._room = asyncio.Event()
        self._room.set()
        self.door = ToDoor(self._serving, self.time, self.history, dice(f"door {seed}"), of)
        self.ways = ToPeople(self.time, self.history)
        sending = httpx.AsyncClient(transport=self.door)
        self.zendesk = Zendesk(sending, self.time.now, seed=seed, limits=Limits(700, 100, 30, 10), sleep=asyncio.sleep)
        for id_, (kind, _) in FIELDS.items():
            self.zendesk.world.store.fields[id_] = {"id": id_, "title": kind, "type": kind, "active": True, "tag": None}
        self.calls = Calls(self.time.now, dice(f"calls {seed}"))
        self.people = people.People(seed, self.zendesk, self.calls, of.tickets + len(of.scenes), self._happened)
        bridge = self.zendesk.world.bridge
        self.own = OwnUser(str(bridge["id"]), bridge["email"])
        faults = CallFaults(duplicate=of.twice, reorder=of.shuffled)
        rng = dice(f"automations {seed}")
        self.automations = Automations(
            self.calls, sending, "http://desk.test/webhooks/talkdesk", TALKDESK_SECRET, rng, faults=faults, at_once=8
        )
        self._born = 0
        self._wires: list[ToZendesk] = []

    # -- what happens -----------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        await self._set_up()
        plans = [self._people(), *self._troubles()]
        tasks = [asyncio.create_task(plan) for plan in plans]
        await asyncio.gather(*tasks)
        await self._heal()
        await asyncio.sleep(QUIET)
        self._end()

    async def _set_up(self) -> None:
        self.zendesk.faults.drop, self.zendesk.faults.duplicate = self.of.drop, self.of.twice
        self.zendesk.faults.reorder = self.of.shuffled
        client = ZendeskClient(Http("http://zendesk.test", sleep=asyncio.sleep, transport=_Straight(self.zendesk)), AccessToken("token"))
        if self.of.theirs:
            for rule in THEIRS:
                await client.ask("POST", "triggers", {"trigger": rule})
        if self.of.rings != "nothing":
            kind = "trigger" if self.of.rings == "triggers" else "events"
            await install.carry_out(client, await install.planned(client, "http://desk.test/webhooks/zendesk", kind))
        for webhook in self.zendesk.world.store.webhooks.values():
            webhook["secret"] = ZENDESK_SECRET
        self.zendesk.world.happened.clear()
        self.zendesk.world.asked.clear()
        first = self._new_process()
        document, team = rulebook(dice(f"book {self.seed}")), roster(dice(f"roster {self.seed}"))
        book, entry = read(document), first.ledger.entry("system")

        def begin(conn: Any) -> None:
            rulebooks.publish(conn, document, book.hash, "the first", entry.at, entry.by, almanac=book.almanac)
            after = {"version": 1, "hash": book.hash, "note": "the first", "almanac": book.almanac.hash}
            entry.change(conn, "rulebook.publish", "rulebook", None, after, also=[rule.key for rule in book.rules])
            writemode.enter(conn, "live", entry.at)

        first.database.write_now(begin)
        entry_2 = first.ledger.entry("system")
        first.database.write_now(lambda conn: rostering.publish(conn, entry_2, team, read_roster(team), "the first"))
        self.history.add(self.time.now(), "roster", roster=team)
        if self.of.ordered:
            self._mode("dry-run")
        first.start()
        for _ in range(self.of.processes - 1):
            self._new_process().start()
        await asyncio.sleep(5)

    def _people(self) -> Awaitable[None]:
        async def act_all() -> None:
            begun = self.loop.time()
            pumping = asyncio.create_task(self._pump())
            for act in people.agenda(self.seed, self.of):
                await asyncio.sleep(max(0.0, begun + act.at - self.loop.time()))
                self.people.act(act)
            await asyncio.sleep(max(0.0, begun + LIVELY - self.loop.time()))
            self._pumping = pumping

        return act_all()

    async def _pump(self) -> None:
        """The vendors send what happened, twice a second; what is under way does not hold up what comes."""
        while True:
            if self.zendesk.webhooks.waiting:
                asyncio.create_task(self.zendesk.webhooks.pump())  # noqa: RUF006  # ends by itself
            if self.automations.waiting:
                self.calls.firings[:] = [one for one in self.calls.firings if one.event in people.ASK_ONLY]
                asyncio.create_task(self.automations.pump())  # noqa: RUF006
            await asyncio.sleep(0.5)

    def _happened(self, what: str, **more: Any) -> None:
        self.history.add(self.time.now(), "did", did=what, **more)
        self._gone |= what in ("redact", "delete for good")

    # -- troubles ---------------------------------------------------------------------------------------------------------

    def _troubles(self) -> Iterator[Awaitable[None]]:
        of = self.of
        for at, spec, away in of.crashes:
            yield self._at(at, lambda spec=spec, away=away: self._crash(spec, away))
        for at, lasts in of.stops:
            yield self._stop(at, lasts)
        for at, lasts in of.full:
            yield self._spell(at, lasts, self._fill, "full")
        for at, lasts in of.api_down:
            yield self._spell(at, lasts, lambda on: setattr(self.zendesk.faults, "down", on), "down")
        for at, kind in of.api_faults:
            yield self._at(at, lambda kind=kind: self._fault(kind))
        for at, off, lasts in of.clocks:
            yield self._spell(at, lasts, lambda on, off=off: self._skew(off if on else 0), "clock", off=off)
        for at, lasts, way, how in of.ways:
            yield self._spell(at, lasts, lambda on, way=way, how=how: self._way(way, how if on else None), "way", way=way, how=how)
        for number, at in enumerate(of.publishes, 2):
            yield self._at(at, lambda number=number: self._publish(number))
        for number, at in enumerate(of.rosters, 2):
            yield self._at(at, lambda number=number: self._employ(number, nobody=self.rng.random() < 0.3))
        for at in of.overrides:
            yield self._at(at, self._override)
        for at, lasts, mode in of.modes:
            yield self._spell(at, lasts, lambda on, mode=mode: self._mode(mode if on else "live"), "mode", mode=mode)
        for at, lasts, rule in of.pauses:
            yield self._spell(at, lasts, lambda on, rule=rule: self._pause(rule, on), "pause", rule=rule)
        for at in of.acknowledged:
            yield self._at(at, lambda: self._acknowledge(self._some_severe()))
        for who, (begins, name) in enumerate(of.scenes, of.tickets):
            yield from self._scene(who, begins, SCENES[name])

    def _scene(self, who: int, begins: float, scene: Scene) -> Iterator[Awaitable[None]]:
        desk: dict[str, Callable[[], None]] = {
            "acknowledge": lambda: self._acknowledge(self.people.of.get(who)),
            "nobody": lambda: self._employ(100 + who, nobody=True),
            "employ": lambda: self._employ(200 + who),
        }
        for after, what in scene.desk:
            yield self._at(begins + after, desk[what])
        for after, lasts, way, how in scene.ways:
            turn = lambda on, way=way, how=how: self._way(way, how if on else None)  # noqa: E731
            yield self._spell(begins + after, lasts, turn, "way", way=way, how=how)

    async def _at(self, at: float, act: Callable[[], Any]) -> None:
        await asyncio.sleep(at)
        act()

    async def _spell(self, at: float, lasts: float, turn: Callable[[bool], Any], what: str, **more: Any) -> None:
        await asyncio.sleep(at)
        self.history.add(self.time.now(), what, on=True, **more)
        turn(True)
        await asyncio.sleep(lasts)
        turn(False)
        self.history.add(self.time.now(), what, on=False, **more)

    def _crash(self, spec: str, away: float) -> None:
        self.history.add(self.time.now(), "armed", point=spec)
        house.arm(spec)
        self._away = away

    async def _stop(self, at: float, lasts: float) -> None:
        await asyncio.sleep(at)
        if not self.processes:
            return
        process = self.processes[self.rng.randrange(len(self.processes))]
        process.going.clear()
        self.history.add(self.time.now(), "stopped", process=process.name, seconds=lasts)
        await asyncio.sleep(lasts)
        process.going.set()
        self.history.add(self.time.now(), "goes on", process=process.name)

    def _fault(self, kind: str) -> None:
        setattr(self.zendesk.faults, kind, getattr(self.zendesk.faults, kind) + 1)
        if kind == "too_many":
            self.zendesk.faults.retry_after = self.rng.choice(["1", "7", "30", None, "soon"])
        self.history.add(self.time.now(), "fault", kind=kind)

    def _skew(self, off: float) -> None:
        self.clock.off = timedelta(seconds=off)
        self._wake("misdated")

    def _way(self, way: str, how: str | None) -> None:
        if how is None:
            self.ways.wrong.pop(way, None)
        else:
            self.ways.wrong[way] = how

    def _fill(self, on: bool) -> None:
        (self._room.clear if on else self._room.set)()

    def _trouble(self, write: bool) -> None:
        if write and not self._room.is_set():
            raise no_room()

    # -- what the desk does -------------------------------------------------------------------------------------------------

    def _desk(self, what: str, act: Callable[[Process, Any], Any], by: str = "ops", **more: Any) -> Any:
        """Somebody at the desk does it, where a process answers; a refusal is an answer, too."""
        process = self._serving()
        if process is None or not self._room.is_set():
            return None
        entry = process.ledger.entry(by)
        token = house.HERE.set(process)
        try:
            done = act(process, entry)
        except (Conflict, Invalid, NotFound) as refused:
            self.history.add(self.time.now(), "refused", act=what, why=type(refused).__name__)
            return None
        except house.Dead:
            return None
        finally:
            house.HERE.reset(token)
        self.history.add(self.time.now(), what, by=by, **more)
        self._wake("clock", "writeback", "notify", "assign", "seal", "rejudge")
        return done

    def _publish(self, number: int) -> None:
        document = rulebook(dice(f"book {self.seed} {number}"), number)
        book = read(document)
        self._desk(
            "published", lambda process, entry: process.database.write_now(lambda conn: publishing.go_live(conn, entry, book, "another"))
        )

    def _employ(self, number: int, *, nobody: bool = False) -> None:
        document = roster(dice(f"roster {self.seed} {number}"), nobody=nobody)
        team = read_roster(document)
        self._desk(
            "employed",
            lambda process, entry: process.database.write_now(lambda conn: rostering.publish(conn, entry, document, team, "another")),
            roster=document,
        )

    def _override(self) -> None:
        start = self.time.now()
        wanted = overriding.Wanted("oncall", "cem", start, start + timedelta(hours=2), "a swap", rotation="lead")

        def make(process: Process, entry: Any) -> Any:
            return process.database.write_now(lambda conn: overriding.make(conn, entry, process.roster, process.ids.new("ovr"), wanted))

        self._desk("overridden", make)

    def _mode(self, mode: Any) -> None:
        self._desk(
            "mode",
            lambda process, entry: process.database.write_now(lambda conn: writebacks.change_mode(conn, entry, "live", mode)),
            mode=mode,
        )

    def _pause(self, rule: str, on: bool) -> None:
        self._desk(
            "rule paused",
            lambda process, entry: process.database.write_now(
                lambda conn: writebacks.pause_rule(conn, entry, process.live, rule, paused=on)
            ),
            rule=rule,
            on=on,
        )

    def _some_severe(self) -> int | None:
        """A ticket that says it is severe."""
        said = self.zendesk.world.store.comments
        hurt = [id_ for id_ in sorted(self.people.of.values()) if any(HURT in one["body"] for one in said[id_])]
        return hurt[self.rng.randrange(len(hurt))] if hurt else None

    def _acknowledge(self, ticket: int | None) -> None:
        """Somebody takes the case of a ticket."""
        if ticket is None:
            return

        def take(process: Process, entry: Any) -> Any:
            def act(conn: Any) -> Any:
                case_id = links.case_of(conn, Interaction("zendesk", str(ticket)))
                if case_id is None:
                    raise NotFound("case")
                return casework.acknowledge(conn, entry, process.conclusions, case_id)

            return process.database.write_now(act)

        self._desk("acknowledged", take, by="ben", ticket=str(ticket))

    # -- processes --------------------------------------------------------------------------------------------------------

    def _serving(self) -> Process | None:
        """The one at the door."""
        return next((one for one in self.processes if not one.dead and one.going.is_set()), None)

    def _new_process(self) -> Process:
        self._born += 1
        name = f"p{self._born}"
        reach = Reach(self._wire, self.ways.make, self._alarm, self._trouble, self._wake)
        process = Process(
            name, self.url, self.clock, reach, dice(f"{self.seed} {name}"), self.own, self.of.reads, beside=self.of.processes > 1
        )
        self.processes.append(process)
        self.history.add(self.time.now(), "process", name=name, up=True)
        watching = asyncio.get_running_loop().create_task(self._after_death(process))
        watching.set_name(f"after {name}")
        return process

    async def _after_death(self, process: Process) -> None:
        await process.ended.wait()
        crashpoint.disarm()
        self.processes.remove(process)
        self.history.add(self.time.now(), "process", name=process.name, up=False)
        await asyncio.sleep(0 if self.settled else getattr(self, "_away", 5.0))
        await self._room.wait()  # without it cannot even begin
        self._new_process().start()

    def _wire(self, process: Process) -> ToZendesk:
        rng = dice(f"wire {self.seed} {process.name}")
        wire = ToZendesk(process, self.zendesk, self.time, self.history, rng, self.of, self._quicker)
        wire.calm = self.settled
        self._wires.append(wire)
        return wire

    def _quicker(self, ticket: str) -> None:
        if not self.settled and ticket.isdigit() and self.rng.random() < self.of.quick_people:
            self.people.interferes(int(ticket), self.rng.random())

    def _wake(self, *tasks: str) -> None:
        for process in self.processes:
            for task in tasks:
                process.loop.wake(task)

    def _alarm(self, what: str, named: Any) -> None:
        self.history.add(self.time.now(), "alarm", alarm=what, named=plain(named))

    # -- the end ------------------------------------------------------------------------------------------------------------

    async def _heal(self) -> None:
        """Nothing goes wrong any more."""
        self.settled = True
        crashpoint.disarm()
        await asyncio.sleep(MOST_AWAY + 5)  # every spell is over, and those who died are back
        faults = self.zendesk.faults
        faults.drop = faults.duplicate = faults.reorder = 0.0
        faults.cut = faults.too_many = faults.conflicts = faults.server_errors = 0
        self.door.calm = True
        for wire in self._wires:
            wire.calm = True
        if self.of.modes:
            self._mode("live")
        for _, _, rule in self.of.pauses:
            self._pause(rule, False)
        self.history.add(self.time.now(), "calm")

    def _end(self) -> None:
        self._pumping.cancel()
        process = self.processes[0]
        self.history.add(self.time.now(), "held", **outcome.held(self.zendesk.world))
        self.history.add(self.time.now(), "came out", **outcome.shown(process, words=self._gone))


class _Straight(httpx.AsyncBaseTransport):
    """For setting up: nothing goes wrong yet."""

    def __init__(self, zendesk: Zendesk) -> None:
        self._zendesk = zendesk

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        import json

        content = json.loads(request.content) if request.content else None
        answer = await self._zendesk.call(request.method, request.url.path, dict(request.url.params), content, dict(request.headers))
        return httpx.Response(answer.status_code, headers=dict(answer.headers), content=bytes(answer.body))


def lived(seed: int, url: str, of: Traits) -> History:
    """The history of a world on an empty, migrated database."""
    random.seed(seed)
    found: list[World] = []

    async def main(loop: VirtualLoop) -> None:
        found.append(World(seed, url, of, loop))
        await found[0].live()

    try:
        run(main)
    finally:
        crashpoint.disarm()
        for process in (one for world in found for one in world.processes):
            process.database.close()
    return found[0].history


@contextmanager
def folder() -> Iterator[Path]:
    """Where the databases of worlds lie: in memory, if there is some."""
    memory = Path("/dev/shm")  # noqa: S108  # a directory of our own is made in it
    made = Path(tempfile.mkdtemp(prefix="tsb-world-", dir=memory if memory.is_dir() else None))
    try:
        with Database.open(f"sqlite:///{made / 'template.db'}") as template:
            schema.migrate(template)
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def fresh(made: Path, name: str) -> str:
    """The URL of an empty database of this name."""
    for old in made.glob(f"{name}.db*"):
        old.unlink()
    shutil.copyfile(made / "template.db", made / f"{name}.db")
    return f"sqlite:///{made / f'{name}.db'}"


def whole(seed: int, made: Path, *, postgres: Postgres | None = None, processes: int = 1) -> tuple[History, History | None]:
    """A seed's world, and beside it the same desk on a calm day, where any order has to end alike. `postgres`: its database is there;
    with several `processes` it has to be."""
    of = traits(seed, processes=processes)
    if postgres is None:
        history = lived(seed, fresh(made, "world"), of)
    else:
        with postgres.fresh() as url:
            history = lived(seed, url, of)
    return history, lived(seed, fresh(made, "calm"), calm(of)) if of.ordered else None
