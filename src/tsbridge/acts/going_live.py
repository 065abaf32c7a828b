"""The whole way of a rulebook to the live version: made ready where there is room for it, with no transaction open, then put live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import Any, Protocol

from tsbridge.acts import documents, publishing, rostering
from tsbridge.acts.documents import Document
from tsbridge.acts.ledger import Ledger
from tsbridge.core.ports import Clock, Ids
from tsbridge.core.rules.language import Rulebook
from tsbridge.rulebook.examine import Examined
from tsbridge.rulebook.ready import Ready
from tsbridge.store import rulebooks
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import Draft, LiveRulebook, StaleBase

Published = tuple[int, Rulebook]
"""The number of the version that became live, and what it says."""


class Workplace(Protocol):
    """What it is done with. `aside`: does work in a thread; `make_ready`, `apart`: wherever there is room."""

    @property
    def database(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def entropy(self) -> Callable[[int], bytes]: ...
    @property
    def zone(self) -> tzinfo: ...
    @property
    def live(self) -> LiveRulebook: ...
    @property
    def make_ready(self) -> Callable[[Any, tzinfo, int], Ready]: ...
    @property
    def apart(self) -> Callable[..., Any]: ...
    def aside(self, work: Callable[..., Any], *more: Any) -> Awaitable[Any]: ...


async def examined(at: Workplace, document: Document, triggers: Any = None) -> Examined:
    """As `documents.examined`, by the live roster."""
    roster = await at.database.read(rostering.document)
    found: Examined = await at.aside(documents.examined, at.apart, document, at.zone, roster, triggers)
    return found


async def publish_draft(at: Workplace, by: str, note: str, seen: Callable[[Draft], None]) -> Published:
    """Make the draft live. `seen` is shown it, twice, and may refuse. Raises `Faulty`, and `Changed` when its base is not live any more."""
    draft = await at.database.read(rulebooks.draft)
    seen(draft)
    try:
        await at.database.read(lambda conn: rulebooks.compare_base(conn, draft.based_on))
        return await _published(at, by, draft.document, note, base=draft.based_on, seen=seen)
    except StaleBase as found:
        raise await at.aside(publishing.stale, found, draft.document) from None


async def restore(at: Workplace, by: str, number: int, note: str = "") -> Published:
    """Publish an earlier version's content again, as a new version. Raises `NotFound`, and `Faulty`."""
    document = (await at.database.read(lambda conn: publishing.version(conn, number))).document
    return await _published(at, by, document, note or f"restored from version {number}", "rulebook.restore")


async def _published(at: Workplace, by: str, document: Document, note: str, action: str = "rulebook.publish", **more: Any) -> Published:
    """Ready to be judged by the moment it is live."""
    ready = await at.aside(at.make_ready, document, at.zone, at.clock.now().year)
    judge = publishing.judge_of(ready, (await examined(at, document)).own if ready.failed else ())
    at.live.take(judge)
    entry = Ledger(at.clock, at.ids, at.entropy).entry(by)
    number = await at.database.write(lambda conn: publishing.go_live(conn, entry, judge.book, note, action, **more), urgent=True)
    return number, judge.book
