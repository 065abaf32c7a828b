"""Forgetting a person: what there is of them, that it goes, and the certificate that it went. Nothing here repeats who it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from tsbridge.acts.errors import need
from tsbridge.acts.ledger import Entry
from tsbridge.acts.people import handles_of
from tsbridge.core.ports import Ids
from tsbridge.store import erased_person, erasing, locks
from tsbridge.store.erased_person import Person
from tsbridge.store.forgetting import forget

Handles = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """What is going to go. `known_by`: how many addresses, numbers and ids are theirs alone; `shared`: how many of those on their tickets
    and calls are other people's as well, who keep them; `interactions`: tickets and calls about them; `tables`: rows, by table. What names
    them elsewhere is looked for, and counted, when it goes."""

    known_by: Mapping[str, int]
    shared: int
    interactions: int
    cases: tuple[str, ...]
    tables: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Erasure:
    """`certificate`: once it is done. `erased`: what went so far, by table. `rewritten_at`: since when nothing of it is in free places of a
    SQLite file."""

    id: str
    status: Literal["running", "done"]
    asked_at: datetime
    asked_by: str
    finished_at: datetime | None
    rewritten_at: datetime | None
    cases: tuple[str, ...]
    erased: Mapping[str, int]
    certificate: Mapping[str, Any] | None


def plan(conn: Connection, asked: Handles) -> ErasurePlan:
    """What there is of a person, by whichever handle they are named. Raises `NotFound` for nobody, or for more than one person can have."""
    person = _person(conn, asked)
    kinds = sorted({one.kind for one in person.people})
    return ErasurePlan(
        {kind: sum(one.kind == kind for one in person.people) for kind in kinds},
        person.shared,
        len(person.subjects),
        tuple(erased_person.cases_of(conn, person.subjects)),
        erased_person.counted(conn, person),
    )


def begin(conn: Connection, entry: Entry, ids: Ids, asked: Handles) -> str:
    """Forget a person; returns the erasure's id. From now on nothing that comes late brings them back, and they are found no more; what was
    said goes in steps (`work.erasing`). Raises `NotFound` as `plan` does."""
    locks.alone(conn)
    id_ = ids.new("era")
    entry.change(conn, "person.erase", id_, None, forget(conn, id_, _person(conn, asked), entry.by, entry.at))
    return id_


def show(conn: Connection, erasure_id: str) -> Erasure:
    """Raises `NotFound`."""
    return _shown(need(erasing.load(conn, erasure_id), "erasure"))


def listed(conn: Connection, limit: int, before: tuple[datetime, str] | None = None) -> list[Erasure]:
    """Newest first."""
    return [_shown(row) for row in erasing.listed(conn, limit, before)]


def named(person: str) -> Handles:
    """What somebody typed for a person, as of `acts.people`."""
    return handles_of(person)


def _person(conn: Connection, asked: Handles) -> Person:
    return need(erased_person.find(conn, asked), "person")


def _shown(row: erasing.Row) -> Erasure:
    done = row["status"] == "done"
    return Erasure(
        row["id"],
        row["status"],
        row["asked_at"],
        row["asked_by"],
        row["finished_at"] if done else None,
        row["rewritten_at"],
        tuple(row["cases"]),
        row["counts"],
        row["certificate"] if done else None,
    )
