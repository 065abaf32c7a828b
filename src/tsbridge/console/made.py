"""`Console`: every made thing that the pages work with. Wiring makes it; nothing in `console` makes its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Protocol

from sqlalchemy import Connection

from tsbridge.acts.callers import Caller
from tsbridge.core.moments import Interaction
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.rota import Rota
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook


class Gate(Protocol):
    """Who holds a key. `recognise` raises an HTTP exception of status 401 or 429, with words that may be shown."""

    @property
    def admin_mark(self) -> str: ...
    async def recognise(self, presented: str, host: str) -> Caller: ...


class Cases(Protocol):
    """What people do to cases. Raises `LookupError` for what is not there, `core.ports.Refusal` for what makes no sense."""

    async def acknowledge(self, case_id: str, by: str, note: str | None, way: str | None = None, *, first: bool = False) -> str: ...
    async def resolve(self, case_id: str, by: str, note: str | None) -> str: ...
    async def note(self, case_id: str, by: str, text: str) -> str: ...
    async def assign(self, case_id: str, by: str, agent: str, note: str | None) -> str: ...
    async def merge(self, case_id: str, other: str, by: str) -> str: ...
    async def split(self, case_id: str, interaction: Interaction, by: str) -> str: ...


class Rotas(Protocol):
    """The roster in force."""

    def now(self, conn: Connection, at: datetime) -> Rota | None: ...


class Checked(Protocol):
    """One look at ourselves."""

    @property
    def ok(self) -> bool: ...
    @property
    def detail(self) -> str: ...
    @property
    def degraded(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Console:
    """`salt`: fresh text for the audit's commitments. `writeback`: what TSBRIDGE_WRITEBACK says. `secure`: people come by https.

    `zendesk_url`: where links to tickets lead. `probes`: what `/readyz` looks at, by name. `wake_writer`: there are wishes to write.
    `ending`: whether this process is about to end.
    """

    database: Database
    clock: Clock
    ids: Ids
    entropy: Callable[[int], bytes]
    gate: Gate
    live: LiveRulebook
    cases: Cases
    roster: Rotas
    zone: tzinfo
    version: str
    writeback: str
    secure: bool
    zendesk_url: str | None
    probes: Mapping[str, Callable[[], Awaitable[Checked]]]
    wake_writer: Callable[[], None]
    ending: Callable[[], bool]

    def salt(self) -> str:
        return self.entropy(16).hex()


Row = Mapping[Any, Any]
