"""Patterns that were found: each stands as long as it was seen within `STANDS`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, insert, or_, select, update

from tsbridge.core.moments import Handle
from tsbridge.core.unusual import DIGEST, STANDS
from tsbridge.store import keys
from tsbridge.store.pattern_tables import pattern_findings as table
from tsbridge.store.patterns import MOST_CASES
from tsbridge.store.statements import parts

ENDED_FOR: Final = timedelta(days=90)
"""How long findings stay on record."""


class Found(NamedTuple):
    """A finding of a look. `cases`: ids, the newest last."""

    kind: str
    about: str
    since: datetime
    figures: Mapping[str, Any]
    cases: Sequence[str]


def keep(conn: Connection, found: Sequence[Found], ids: Iterable[str], now: datetime) -> None:
    """Keep findings; one that stands goes on under its id. `ids`: for new ones."""
    stands = conn.execute(select(table.c.kind, table.c.about, table.c.id).where(_stands(now)))
    known = {(kind, about): id_ for kind, about, id_ in stands}
    for one, id_ in zip(found, ids, strict=True):
        shown = {"figures": dict(one.figures), "cases": list(one.cases)[-MOST_CASES:], "seen_at": now}
        before = known.get((one.kind, one.about))
        if before is None:
            about = {"kind": one.kind, "about": one.about, "since": one.since}
            conn.execute(insert(table).values(id=id_, found_at=now, **about, **shown))
        else:
            conn.execute(update(table).where(table.c.id == before).values(shown))


def end(conn: Connection, of: Iterable[tuple[str, str]], but: Set[tuple[str, str]], now: datetime) -> None:
    """Findings by kind and what they are about that are told with others from now on, all `but` these, stand no more."""
    for kind, about in of:
        if (kind, about) not in but:
            conn.execute(delete(table).where(_stands(now), table.c.kind == kind, table.c.about == about))


def forget(conn: Connection, now: datetime) -> None:
    """What ended long ago goes."""
    conn.execute(delete(table).where(table.c.seen_at < now - ENDED_FOR))


def about_person(pepper: bytes, handle: Handle) -> str:
    """How a finding names somebody, by a handle of theirs."""
    return keys.digest(pepper, f"{handle.kind}:{handle.value}")[:DIGEST]


def forget_people(conn: Connection, known: Iterable[Handle]) -> int:
    """Findings about somebody go; how many."""
    pepper = keys.known_pepper(conn)
    about = [] if pepper is None else [about_person(pepper, one) for one in known]
    return sum(conn.execute(delete(table).where(table.c.about.in_(part))).rowcount for part in parts(about))


def listed(conn: Connection, now: datetime, limit: int, before: tuple[datetime, str] | None = None) -> Sequence[RowMapping]:
    """What stands, what began last first."""
    query = select(table).where(_stands(now))
    if before is not None:
        at, id_ = before
        query = query.where(or_(table.c.since < at, and_(table.c.since == at, table.c.id < id_)))
    return conn.execute(query.order_by(table.c.since.desc(), table.c.id.desc()).limit(limit)).mappings().all()


def counts_by_kind(conn: Connection, now: datetime) -> dict[str, int]:
    """How many findings of a kind stand."""
    query = select(table.c.kind, func.count()).where(_stands(now)).group_by(table.c.kind)
    return {kind: count for kind, count in conn.execute(query)}


def _stands(now: datetime) -> ColumnElement[bool]:
    return table.c.seen_at >= now - STANDS
