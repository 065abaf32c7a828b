"""What acts look at besides the database: rulebooks made ready, and the roster as it was known at any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from tsbridge.core.duties_as_known import Spell
from tsbridge.core.rota import Rota
from tsbridge.core.rules.language import Rulebook
from tsbridge.store import rulebooks
from tsbridge.store.rulebooks import LiveRulebook

T = TypeVar("T")


class Rotas(Protocol):
    """The roster, as `work.rosters.LiveRoster` has it."""

    def now(self, conn: Connection, at: datetime) -> Rota | None: ...
    def then(self, conn: Connection, at: datetime) -> Rota | None: ...
    def over(self, conn: Connection, start: datetime, end: datetime, now: datetime) -> list[Spell]: ...


@dataclass(frozen=True, slots=True)
class Around:
    """`known`: what was read for the question at hand, so that what several reports need is read once."""

    rulebooks: LiveRulebook
    roster: Rotas
    known: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def once(self, what: tuple[Any, ...], read: Callable[[], T]) -> T:
        """What was read under this name, or now is."""
        if what not in self.known:
            self.known[what] = read()
        found: T = self.known[what]
        return found

    def book_at(self, conn: Connection, at: datetime) -> Rulebook | None:
        """The rulebook that was live then; None before the first."""
        version = rulebooks.known_at(conn, at)
        return self.rulebooks.version(conn, version).book if version else None
