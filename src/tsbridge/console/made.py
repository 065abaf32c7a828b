"""`Console`: every made thing that the pages work with. Wiring makes it; nothing in `console` makes its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from functools import partial
from typing import Any, Protocol, TypeVar

from tsbridge.acts.around import Rotas
from tsbridge.acts.callers import ADMIN, PROVIDER, Caller
from tsbridge.acts.casework import Judging
from tsbridge.acts.queues import Choosing
from tsbridge.acts.security import Security
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.task_state import Checked
from tsbridge.reports.model import Question, Report
from tsbridge.rulebook.ready import Ready
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook

T = TypeVar("T")


class Gate(Protocol):
    """Who holds a key. `recognise` raises an HTTP exception of status 401 or 429, with words that may be shown."""

    @property
    def admin_mark(self) -> str: ...
    @property
    def security(self) -> Security: ...
    async def pepper(self) -> bytes: ...
    async def recognise(self, presented: str, host: str) -> Caller: ...


class Bench(Protocol):
    """Where what takes its time waits for its turn. A `seat` raises an HTTP exception of status 429 when there is none."""

    def seat(self) -> AbstractAsyncContextManager[None]: ...
    def turn(self) -> AbstractAsyncContextManager[None]: ...


class Person(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str | None: ...


class Provider(Protocol):
    """An identity provider (`vendors.oidc.client.Provider`). `mark`: of its terms, with which sessions end."""

    mark: str

    @property
    def name(self) -> str: ...
    async def leads_to(self, state: str, nonce: str, verifier: str) -> str: ...
    async def leads_out(self) -> str | None: ...
    async def came_back(self, code: str, issuer: str | None, nonce: str, verifier: str) -> Person: ...


@dataclass(frozen=True, slots=True)
class Console:
    """`writeback`: what TSBRIDGE_WRITEBACK says. `secure`: people come by https. `zendesk_url`: where links to tickets lead.

    `probes`: what `/readyz` looks at, by name. `wake`: there are deliveries to work on; `wake_writer`: wishes to write; `wake_replay`: a
    replay or another look for patterns. `ending`: whether this process is about to end. `bench`: where what takes its time waits.
    `reports_apart`: works out reports elsewhere; None: here. `make_ready`, `apart`: as of the API's desk. `yaml_read`: a text as a
    document, or `ValueError` with `words` and `line`; `yaml_lines`: of a text on which line the part behind a JSON pointer stands.
    `restricted`: categories of which viewers get no words. `provider`: by which people may sign in, too. `idle`: how long a session is
    good for that nobody uses.
    """

    database: Database
    clock: Clock
    ids: Ids
    entropy: Callable[[int], bytes]
    gate: Gate
    live: LiveRulebook
    judging: Judging
    roster: Rotas
    choosing: Choosing
    zone: tzinfo
    version: str
    writeback: str
    secure: bool
    zendesk_url: str | None
    probes: Mapping[str, Callable[[], Awaitable[Checked]]]
    wake: Callable[[], None]
    wake_writer: Callable[[], None]
    wake_replay: Callable[[], None]
    ending: Callable[[], bool]
    bench: Bench
    reports_apart: Callable[[Sequence[Question]], Sequence[Report]] | None
    make_ready: Callable[[Any, tzinfo, int], Ready]
    apart: Callable[..., Any]
    yaml_read: Callable[[bytes], Any]
    yaml_dump: Callable[[Any], str]
    yaml_lines: Callable[[bytes], Callable[[str], int | None]]
    restricted: frozenset[str] = frozenset()
    provider: Provider | None = None
    idle: timedelta = timedelta(hours=2)

    @property
    def marks(self) -> Mapping[str, str]:
        """Of what sessions may have been begun with beside keys of the database."""
        return {ADMIN: self.gate.admin_mark, PROVIDER: "" if self.provider is None else self.provider.mark}

    async def aside(self, work: Callable[..., T], *more: Any, **named: Any) -> T:
        """`work(*more, **named)` in a thread."""
        return await asyncio.to_thread(partial(work, *more, **named))
