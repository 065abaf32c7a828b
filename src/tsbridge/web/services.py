"""`Services`: every made thing that the pages of the API work with. Wiring makes it; nothing in `web` makes its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from tsbridge.acts import words
from tsbridge.acts.acklinks import Carried
from tsbridge.acts.around import Rotas
from tsbridge.acts.callers import Caller
from tsbridge.acts.casework import Judging
from tsbridge.acts.ledger import Entry, Ledger
from tsbridge.acts.queues import Choosing
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.rules.findings import Finding
from tsbridge.core.task_state import Checked, Standing
from tsbridge.reports.model import Question, Report
from tsbridge.roster.document import read as read_roster
from tsbridge.rulebook.ready import Ready, make_ready
from tsbridge.rulebook.zendesk_names import Named
from tsbridge.store.case_acceptance import Asked
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.web.admission import Bench, aside
from tsbridge.web.auth import Gate
from tsbridge.web.counters import Counters
from tsbridge.web.feed_cache import Written

P = ParamSpec("P")
T = TypeVar("T")


class Names(Protocol):
    """What Zendesk is asked about names, within seconds or not at all (`work.names.Names`)."""

    async def findings(self, document: Any) -> Sequence[Finding]: ...
    async def strangers(self, named: Named | None) -> Sequence[Finding]: ...
    async def is_agent(self, user: str) -> bool | None: ...


class NobodyToAsk:
    """There is no Zendesk."""

    async def findings(self, document: Any) -> Sequence[Finding]:
        return ()

    async def strangers(self, named: Named | None) -> Sequence[Finding]:
        return ()

    async def is_agent(self, user: str) -> bool | None:
        return None


Probe = Callable[[], Awaitable[Checked]]
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def _nothing_carried(conn: Connection, message: str) -> Sequence[Asked]:
    """No message carries anything."""
    return ()


def _nobody() -> None:
    """Nobody is there to be woken: the workers run elsewhere and look by themselves."""


async def _nothing_to_forget() -> bool:
    """Whoever works elsewhere does."""
    return False


def _ready_here(document: Any, zone: tzinfo, year: int) -> Ready:
    return make_ready(document, zone, read_roster, year)


def _here(work: Callable[..., Any], document: Any, *more: Any) -> Any:
    return work(document, *more)


@dataclass(frozen=True, slots=True)
class Services:
    """Made things for the API.

    `zone`: the team's. `salt`: fresh text for the audit's commitments. `entropy(n)`: n random bytes.
    `writeback`: what TSBRIDGE_WRITEBACK says. `webhooks`: the door's routes; `console`: the
    console's, which has an order of its own.
    `reports_apart`: works out reports elsewhere; None: here.
    `make_ready`: makes a document ready to be published this year, wherever. `apart(work, document, *more)`: does the work on it, wherever;
    raises `Died` when that did not come back. `bench`: where what people ask for waits for its turn.
    `names`: whether what a rulebook or a person names is there at Zendesk.
    `wake`: there are deliveries to work on; `wake_writer`: there are wishes to write; `wake_replay`: a replay, a rejudge, a
    look at patterns.
    `standings`: how each task of this process stands.
    `probes`: what `/readyz` looks at, by name. `metrics_role`, `docs_role`: None leaves them open.
    `restricted`: categories of which viewers get no words.
    `zendesk_url`: where links to tickets lead; `public_url`: where people reach this service. `feeds`: of duties.
    `carried`: the cases of a message, by its id.
    `forget`: does a step of the erasures that are asked for; False when nothing is left.
    """

    database: Database
    clock: Clock
    ids: Ids
    entropy: Callable[[int], bytes]
    gate: Gate
    live: LiveRulebook
    judging: Judging
    choosing: Choosing
    roster: Rotas
    counters: Counters
    zone: tzinfo
    version: str
    writeback: str = "live"
    webhooks: Sequence[BaseRoute] = ()
    console: Sequence[BaseRoute] = ()
    wake: Callable[[], None] = _nobody
    wake_writer: Callable[[], None] = _nobody
    wake_replay: Callable[[], None] = _nobody
    make_ready: Callable[[Any, tzinfo, int], Ready] = _ready_here
    apart: Callable[..., Any] = _here
    reports_apart: Callable[[Sequence[Question]], Sequence[Report]] | None = None
    bench: Bench = field(default_factory=Bench)
    names: Names = field(default_factory=NobodyToAsk)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    standings: Callable[[], Mapping[str, Standing]] = dict
    lifespan: Lifespan | None = None
    metrics_role: str | None = None
    docs_role: str | None = None
    restricted: frozenset[str] = frozenset()
    zendesk_url: str | None = None
    public_url: str | None = None
    feeds: Written = field(default_factory=Written)
    carried: Carried = _nothing_carried
    forget: Callable[[], Awaitable[bool]] = _nothing_to_forget

    async def ask(self, act: Callable[Concatenate[Connection, P], T], *asked: P.args, **named: P.kwargs) -> T:
        """What an act that only reads finds."""
        return await self.database.read(lambda conn: act(conn, *asked, **named))

    async def act(self, by: Caller, act: Callable[Concatenate[Connection, Entry, P], T], *asked: P.args, **named: P.kwargs) -> T:
        """Have an act done, and put on record who did it, before all work that waits."""
        entry = self.entry(by.name)
        return await self.database.write(lambda conn: act(conn, entry, *asked, **named), urgent=True)

    async def edit(self, by: str, act: Callable[Concatenate[Connection, Entry, Judging, P], T], *asked: P.args, **named: P.kwargs) -> T:
        """Have an act done that judges cases anew."""
        entry = self.entry(by)
        done = await self.database.write(lambda conn: act(conn, entry, self.judging, *asked, **named))
        self.wake_writer()
        return done

    async def aside(self, work: Callable[..., T], *more: Any) -> T:
        """`work(*more)` in a thread of the API's own."""
        return await aside(work, *more)

    async def looked(self, by: Caller, case_id: str, what: str) -> None:
        """Put on record that what was said in a severe or restricted case was shown to somebody."""
        if await self.ask(words.are_read_anew, self.reader(by), case_id, self.clock.now()):
            await self.act(by, words.read_words, case_id, what)
            self.gate.security.saw("words_read", role=by.role)

    def reader(self, by: Caller) -> words.Reader:
        return words.Reader(by, self.restricted)

    def salt(self) -> str:
        return self.entropy(16).hex()

    def entry(self, by: str) -> Entry:
        """What `by` changes now, for the audit."""
        return Ledger(self.clock, self.ids, self.entropy).entry(by)
