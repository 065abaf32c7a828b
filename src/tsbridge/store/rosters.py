"""Roster versions, and the overrides beside them. Versions are never changed; an override is never edited, only removed.

What was known at an instant can be asked for ever: the version that was live then, and the overrides made and not removed by then.
Whoever changes anything here holds `lock` and counts the revision up, by which others know what they keep of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update

from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.moments import instant_text
from tsbridge.core.roster import Override
from tsbridge.store import almanacs, stored_values
from tsbridge.store.roster_tables import overrides
from tsbridge.store.roster_tables import rosters as table
from tsbridge.store.statements import Fixed, parts
from tsbridge.store.versions import NoVersion, Version, Versions

REVISION: Final = "roster_revision"
MOST: Final = 5_000
"""Overrides that are not over."""


class NoRoster(NoVersion):
    """No version of that number; without a roster, none at all."""


class Overlapping(Exception):
    """Another override of the kind says who has the same at the same time; `id` names it."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.id = id


class TooMany(Exception):
    """There are as many overrides as there may be."""


@dataclass(frozen=True, slots=True)
class Made:
    """An override as it stands in the books."""

    override: Override
    made_at: datetime
    made_by: str
    removed_at: datetime | None = None
    removed_by: str | None = None


_STANDING: Final = Fixed(
    select(overrides)
    .where(overrides.c.end_at > bindparam("since", type_=overrides.c.end_at.type), overrides.c.removed_at.is_(None))
    .order_by(overrides.c.start_at, overrides.c.id)
)
_versions: Final = Versions(table, "roster", NoRoster)
newest = _versions.newest
get = _versions.get
versions = _versions.listed
without_almanac = _versions.without_almanac
version_known_at = _versions.known_at


def live(conn: Connection) -> Version | None:
    """The live version with its document; None where there is no roster."""
    version = newest(conn)
    return get(conn, version) if version else None


def known_at(conn: Connection, at: datetime) -> Version | None:
    """The version that was live at `at`; None before the first."""
    version = version_known_at(conn, at)
    return get(conn, version) if version else None


def first_published(conn: Connection) -> datetime | None:
    """When the first version became live; None without one."""
    return conn.execute(select(func.min(table.c.published_at))).scalar()


def revision(conn: Connection) -> int:
    """Grows with every change of the roster or its overrides."""
    return int(stored_values.get(conn, REVISION) or 0)


def lock(conn: Connection) -> None:
    """Be the only one who changes the roster or its overrides until the transaction ends."""
    stored_values.lock(conn, REVISION, 0)


def changed(conn: Connection) -> None:
    """Count the revision up. Callers hold `lock`."""
    stored_values.put(conn, REVISION, revision(conn) + 1)


def publish(conn: Connection, document: Any, hash: str, note: str, at: datetime, by: str, almanac: Almanac = INSTALLED) -> int:
    """The next version, live with this transaction; `almanac` is kept with it. Callers hold `lock`."""
    version = newest(conn) + 1
    _versions.add(conn, version, document, hash, note, at, by, almanacs.keep(conn, almanac, at))
    changed(conn)
    return version


def add_override(conn: Connection, override: Override, at: datetime, by: str) -> Made:
    """Keep an override. Raises `Overlapping` or `TooMany`. Callers hold `lock`."""
    standing = and_(overrides.c.removed_at.is_(None), overrides.c.end_at > at)
    if conn.execute(select(func.count()).select_from(overrides).where(standing)).scalar_one() >= MOST:
        raise TooMany
    same = and_(
        overrides.c.kind == override.kind,
        overrides.c.removed_at.is_(None),
        overrides.c.start_at < override.end,
        overrides.c.end_at > override.start,
    )
    if override.kind == "oncall":  # whose turn is it: of a rotation, for a queue, or of whoever would have it
        same = and_(same, *(overrides.c[name].is_not_distinct_from(getattr(override, name)) for name in ("rotation", "queue")))
    else:
        same = and_(same, overrides.c.agent == override.agent)
    other = conn.execute(select(overrides.c.id).where(same).order_by(overrides.c.start_at, overrides.c.id).limit(1)).scalar()
    if other is not None:
        raise Overlapping(other)
    values = {name: getattr(override, name) for name in ("id", "kind", "agent", "why", "instead_of", "rotation", "queue")}
    conn.execute(insert(overrides).values(**values, start_at=override.start, end_at=override.end, made_at=at, made_by=by))
    changed(conn)
    return Made(override, at, by)


def remove_override(conn: Connection, id: str, at: datetime, by: str) -> Made | None:
    """Take an override away; it stays on record. None when there is none that could be. Callers hold `lock`."""
    gone = update(overrides).where(overrides.c.id == id, overrides.c.removed_at.is_(None)).values(removed_at=at, removed_by=by)
    if not conn.execute(gone).rowcount:
        return None
    changed(conn)
    return override(conn, id)


def override(conn: Connection, id: str) -> Made | None:
    row = conn.execute(select(overrides).where(overrides.c.id == id)).one_or_none()
    return None if row is None else kept(row)


def listed(
    conn: Connection,
    limit: int,
    before: tuple[datetime, str] | None = None,
    *,
    agent: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Made]:
    """Overrides, the latest start first, removed and past ones too; of an agent, of those that hold some time from `since` to `until`."""
    query = select(overrides).order_by(overrides.c.start_at.desc(), overrides.c.id.desc()).limit(limit)
    if before is not None:
        start, id = before
        query = query.where(or_(overrides.c.start_at < start, and_(overrides.c.start_at == start, overrides.c.id < id)))
    if agent is not None:
        query = query.where(or_(overrides.c.agent == agent, overrides.c.instead_of == agent))
    if since is not None:
        query = query.where(overrides.c.end_at > since)
    if until is not None:
        query = query.where(overrides.c.start_at < until)
    return [kept(row) for row in conn.execute(query)]


def standing(conn: Connection, since: datetime) -> tuple[Override, ...]:
    """The overrides that count by now, but those that were over by `since`; by start."""
    return tuple(kept(row).override for row in _STANDING.named(conn, since=since))


def named(conn: Connection, ids: Sequence[str]) -> tuple[Override, ...]:
    """The overrides of these ids, removed ones as well; by start."""
    found: list[Override] = []
    for part in parts(ids):
        found += [kept(row).override for row in conn.execute(select(overrides).where(overrides.c.id.in_(part)))]
    return tuple(sorted(found, key=lambda one: (one.start, one.id)))


def overrides_known_at(conn: Connection, at: datetime, since: datetime) -> tuple[Override, ...]:
    """The overrides that were made and not removed by `at`, but those that were over by `since`; by start."""
    query = select(overrides).where(
        overrides.c.end_at > since,
        overrides.c.made_at <= at,
        or_(overrides.c.removed_at.is_(None), overrides.c.removed_at > at),
    )
    return tuple(kept(row).override for row in conn.execute(query.order_by(overrides.c.start_at, overrides.c.id)))


def learnt_between(conn: Connection, start: datetime, end: datetime) -> Sequence[datetime]:
    """The instants after `start` and before `end` at which something about the roster became known, in order."""
    found = set(_versions.published_between(conn, start, end))
    for column in (overrides.c.made_at, overrides.c.removed_at):
        found.update(conn.execute(select(column).where(column > start, column < end)).scalars())
    return sorted(found)


def last_learnt(conn: Connection) -> datetime | None:
    """When a version, an override or its end became known last; None before anything was."""
    asked = (table.c.published_at, overrides.c.made_at, overrides.c.removed_at)
    return max((at for column in asked if (at := conn.execute(select(func.max(column))).scalar()) is not None), default=None)


def recorded(one: Override) -> dict[str, Any]:
    """An override as the audit's change has it."""
    told = {name: getattr(one, name) for name in ("id", "kind", "agent", "why", "instead_of", "rotation", "queue")}
    return {**told, "from": instant_text(one.start), "to": instant_text(one.end)}


def kept(row: Row[Any]) -> Made:
    """A row of the table."""
    one = Override(row.id, row.kind, row.agent, row.start_at, row.end_at, row.why, row.instead_of, row.rotation, row.queue)
    return Made(one, row.made_at, row.made_by, row.removed_at, row.removed_by)
