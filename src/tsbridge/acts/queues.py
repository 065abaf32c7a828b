"""Who gets work: who would get the next case of a queue and why each other one would not, and to whom work was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, cast

from sqlalchemy import Connection

from tsbridge.acts.errors import NotFound
from tsbridge.acts.shape import of_row
from tsbridge.core.assign import Otherwise, Ranked
from tsbridge.core.rules.language import Queue, Rulebook
from tsbridge.store import assignments, workload
from tsbridge.store.rulebooks import LiveRulebook


@dataclass(frozen=True, slots=True)
class Reason:
    step: str
    says: str


@dataclass(frozen=True, slots=True)
class Candidate:
    agent: str
    score: int
    chosen: bool
    because: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class AssignmentShown:
    """Work that the desk gave to somebody. `candidates`: everybody as they were ranked then."""

    id: str
    at: datetime
    ticket: str
    queue: str
    agent: str
    zendesk_user_id: str
    instead_of: str | None
    severity: int | None
    category: str | None
    channel: str
    candidates: tuple[Candidate, ...]
    roster_version: int
    rulebook_version: int


Assign = Literal["none", "least_loaded", "round_robin", "sticky"]


@dataclass(frozen=True, slots=True)
class NextInQueue:
    queue: str
    assign: Assign
    waiting: int
    case_id: str | None
    ticket: str | None
    severity: int | None
    category: str | None
    channel: str | None
    candidates: tuple[Candidate, ...]


class Next(Protocol):
    """`piece`: what would be given; None where nothing waits, and an ordinary e-mail is thought of."""

    @property
    def waiting(self) -> int: ...
    @property
    def piece(self) -> workload.Row | None: ...
    @property
    def ranked(self) -> Sequence[Ranked]: ...


class Choosing(Protocol):
    """Who would get the next case of a queue (`work.choosing.Choosing`)."""

    def next(self, conn: Connection, book: Rulebook, queue: Queue, now: datetime, otherwise: Otherwise | None = None) -> Next: ...


def next_of(
    conn: Connection, live: LiveRulebook, choosing: Choosing, queue: str, now: datetime, otherwise: Otherwise | None = None
) -> NextInQueue:
    """What giving out would do next in this queue of the live rulebook. `otherwise`: if that were so. Raises `NotFound`."""
    book = live.live(conn).book
    if queue not in book.queues:
        raise NotFound("queue")
    found = choosing.next(conn, book, book.queues[queue], now, otherwise)
    named = ("case_id", "ticket", "severity", "category", "channel")
    about: dict[str, Any] = {name: None if found.piece is None else found.piece[name] for name in named}
    ranked = tuple(
        Candidate(one.agent, one.score, one.chosen, tuple(Reason(why.step, why.says) for why in one.because)) for one in found.ranked
    )
    return NextInQueue(queue, cast(Assign, book.queues[queue].assign), found.waiting, candidates=ranked, **about)


def given(conn: Connection, case_id: str, limit: int) -> list[AssignmentShown]:
    """To whom the desk gave work of a case, the latest first."""
    return [_given(row) for row in assignments.of_case(conn, case_id, limit)]


def _given(row: workload.Row) -> AssignmentShown:
    ranked = tuple(Candidate(**{**one, "because": tuple(Reason(**why) for why in one["because"])}) for one in row["candidates"])
    return of_row(AssignmentShown, row, candidates=ranked)
