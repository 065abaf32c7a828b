"""Cases as people read them: what belongs together and where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from tsbridge.acts.errors import need
from tsbridge.acts.shape import of_row
from tsbridge.core.casestate import NAMED
from tsbridge.store import agents, views
from tsbridge.store.views import CaseFilter, Row


@dataclass(frozen=True, slots=True)
class Linked:
    rank: str | None
    because: str | None


@dataclass(frozen=True, slots=True)
class InteractionName:
    source: str
    id: str


@dataclass(frozen=True, slots=True)
class CaseInteraction:
    source: str
    id: str
    channel: str | None
    opened_at: datetime
    linked: Linked


@dataclass(frozen=True, slots=True)
class Assignee:
    """`agent`: their key in the roster; null where nobody of the roster is known by that id."""

    id: str
    agent: str | None
    because: str


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    status: Literal["open", "resolved"]
    severity: int | None
    category: str | None
    queue: str | None
    assignee: Assignee | None
    acknowledged: bool
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_way: str | None
    opened_at: datetime
    last_at: datetime
    interactions: tuple[CaseInteraction, ...]
    tags: tuple[str, ...]
    next_due: datetime | None
    revision: int


def listed(conn: Connection, wanted: CaseFilter, limit: int, after: tuple[datetime, str] | None = None) -> list[Case]:
    """Newest first."""
    return _shown(conn, views.case_list(conn, wanted, limit, after))


def show(conn: Connection, case_id: str) -> Case:
    """A case by any id that was ever handed out for it. Raises `NotFound`."""
    return _shown(conn, [need(views.case(conn, case_id), "case")])[0]


def _shown(conn: Connection, rows: Sequence[Row]) -> list[Case]:
    members, keys = views.interactions_of(conn, [row["id"] for row in rows]), agents.keys(conn)
    return [_case(row, members[row["id"]], keys) for row in rows]


def _case(row: Row, members: Sequence[Row], keys: Mapping[str, str]) -> Case:
    """`keys`: of the roster, by Zendesk ids."""
    has = row["assignee"]
    return of_row(
        Case,
        row,
        assignee=None if has is None else Assignee(has, row["agent"] or keys.get(has), row["assigned_because"] or NAMED),
        acknowledged_by=keys.get(row["acknowledged_by"], row["acknowledged_by"]),
        interactions=tuple(of_row(CaseInteraction, one, linked=Linked(one["link_rank"], one["link_because"])) for one in members),
        tags=tuple(row["tags"]),
        next_due=row["due_at"],
    )
