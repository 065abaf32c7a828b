"""Erasures: which there are, how far each is, what went, and the interactions that are still to be gone through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, func, insert, select, tuple_, update

from tsbridge.core.moments import Interaction
from tsbridge.store.erased_person import Person, cases_of
from tsbridge.store.erasure_tables import erased_interactions, erasures

MOST: Final = 200
"""Erasures that are searched for together."""

ZENDESK: Final = "Zendesk"
"""Who asks where a user was deleted there."""

Row = RowMapping


def begin(conn: Connection, id: str, person: Person, by: str, at: datetime) -> None:
    told = {"id": id, "asked_at": at, "asked_by": by, "status": "running", "person": person.to_json(), "place": [], "counts": {}}
    conn.execute(insert(erasures).values(**told, cases=cases_of(conn, person.subjects), left=[]))


def load(conn: Connection, id: str) -> Row | None:
    return conn.execute(select(erasures).where(erasures.c.id == id)).mappings().first()


def running(conn: Connection) -> list[Row]:
    """Erasures that are not done, the oldest first; `MOST` at most."""
    query = select(erasures).where(erasures.c.status == "running").order_by(erasures.c.asked_at, erasures.c.id).limit(MOST)
    return list(conn.execute(query).mappings())


def begun(conn: Connection) -> Mapping[str, int]:
    """How many erasures were ever begun: asked for by `people`, whichever way they came, or by `zendesk`, which deleted the user."""
    theirs = func.count().filter(erasures.c.asked_by == ZENDESK)
    every, of_zendesk = conn.execute(select(func.count(), theirs).select_from(erasures)).one()
    return {"people": every - of_zendesk, "zendesk": of_zendesk}


def unfinished(conn: Connection) -> tuple[int, datetime | None]:
    """How many erasures have no certificate yet, and since when the oldest of them is asked for."""
    since = func.min(erasures.c.asked_at, type_=erasures.c.asked_at.type)
    count, oldest = conn.execute(select(func.count(), since).where(erasures.c.status == "running")).one()
    return count, oldest


def change(conn: Connection, id: str, **values: Any) -> None:
    conn.execute(update(erasures).where(erasures.c.id == id).values(**values))


def add(conn: Connection, id: str, counts: Mapping[str, int]) -> None:
    """What went besides; of one that is certified nothing is counted any more."""
    open_ = (erasures.c.id == id, erasures.c.certificate.is_(None))
    was = conn.execute(select(erasures.c.counts).where(*open_).with_for_update()).scalar()
    if was is not None:
        change(conn, id, counts={**was, **{name: was.get(name, 0) + number for name, number in counts.items() if number}})


def interactions(conn: Connection, id: str) -> int:
    """How many an erasure went through."""
    return int(conn.execute(select(func.count()).where(erased_interactions.c.erasure == id)).scalar_one())


def finish(conn: Connection, id: str, certificate: Mapping[str, Any]) -> bool:
    """Keep the certificate, signed. False when it was done before."""
    open_ = (erasures.c.id == id, erasures.c.status == "running")
    return bool(conn.execute(update(erasures).where(*open_).values(status="done", certificate=dict(certificate))).rowcount)


def unwritten(conn: Connection) -> list[str]:
    """Erasures that are done and still in free places of the file."""
    query = select(erasures.c.id).where(erasures.c.status == "done", erasures.c.rewritten_at.is_(None))
    return list(conn.execute(query.order_by(erasures.c.id)).scalars())


def written(conn: Connection, ids: Sequence[str], now: datetime) -> None:
    conn.execute(update(erasures).where(erasures.c.id.in_(ids)).values(rewritten_at=now))


def listed(conn: Connection, limit: int, before: tuple[datetime, str] | None = None) -> list[Row]:
    """Erasures, newest first."""
    query = select(erasures).order_by(erasures.c.asked_at.desc(), erasures.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(tuple_(erasures.c.asked_at, erasures.c.id) < before)
    return list(conn.execute(query).mappings())


def due(conn: Connection) -> tuple[Interaction, str] | None:
    """An interaction that is still to be gone through, and by which erasure."""
    query = select(erased_interactions).where(erased_interactions.c.gone_at.is_(None)).order_by(erased_interactions.c.at).limit(1)
    row = conn.execute(query).first()
    return None if row is None else (Interaction(row.source, row.id), row.erasure)


def gone(conn: Connection, subject: Interaction, now: datetime | None, words: Iterable[str]) -> None:
    """Words of an interaction went; all of them where `now` says when."""
    its = (erased_interactions.c.source == subject.source, erased_interactions.c.id == subject.id)
    was = conn.execute(select(erased_interactions.c.words).where(*its)).scalar_one()
    conn.execute(update(erased_interactions).where(*its).values(words=sorted({*was, *words}), gone_at=now))
