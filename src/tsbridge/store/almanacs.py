"""What the installed libraries said of holidays and time zones when a version was published, each once, named by its content."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, select, update

from tsbridge.core.almanac import INSTALLED, Almanac, Kept
from tsbridge.core.rules.language import content_hash
from tsbridge.store.decision_tables import changes
from tsbridge.store.roster_tables import rosters
from tsbridge.store.statements import insert_into
from tsbridge.store.version_tables import almanacs as table
from tsbridge.store.version_tables import rulebooks

PUBLISHED: Final = {
    "rulebook": (rulebooks, ("rulebook.publish", "rulebook.restore", "rulebook.almanac")),
    "roster": (rosters, ("roster.publish", "roster.restore", "roster.almanac")),
}
"""By document its versions, and the changes that say by which almanac one of them goes."""


def keep(conn: Connection, almanac: Almanac, at: datetime) -> str | None:
    """Keep an almanac that will not say otherwise; returns its name, None for another one."""
    if isinstance(almanac, Kept):
        values = {"hash": almanac.hash, "data": almanac.data, "kept_at": at}
        conn.execute(insert_into(conn, table).values(**values).on_conflict_do_nothing())
    return almanac.hash


def go_by(conn: Connection, what: str, version: int, almanac: Kept, at: datetime) -> bool:
    """Have a version that has no almanac go by this one; whether it had none. `what`: the document."""
    versions, _ = PUBLISHED[what]
    query = update(versions).where(versions.c.version == version, versions.c.almanac.is_(None))
    return bool(conn.execute(query.values(almanac=keep(conn, almanac, at))).rowcount)


def get(conn: Connection, hash: str | None) -> Almanac:
    """The almanac of that name; what is installed for None. Raises LookupError."""
    if hash is None:
        return INSTALLED
    data = conn.execute(select(table.c.data).where(table.c.hash == hash)).scalar()
    if data is None:
        raise LookupError("an almanac that is not there")
    return Kept.read(data)


def of(conn: Connection, what: str, version: int) -> Almanac:
    """The almanac that a version of a document goes by; what is installed where there is no such version."""
    versions, _ = PUBLISHED[what]
    return get(conn, conn.execute(select(versions.c.almanac).where(versions.c.version == version)).scalar())


def broken(conn: Connection) -> Iterator[dict[str, Any]]:
    """One entry for each almanac that is not what its name says, and each version that goes by another one than was recorded."""
    names = set()
    for row in conn.execute(select(table.c.hash, table.c.data)):
        names.add(row.hash)
        if content_hash(row.data) != row.hash:
            yield {"seq": 0, "why": "an almanac is not what its name says"}
    for what, (versions, actions) in PUBLISHED.items():
        told = _told(conn, actions)
        yield from _versions(conn, what, versions, told, names)


def _told(conn: Connection, actions: tuple[str, ...]) -> dict[int, tuple[int, str]]:
    """By version the change that says by which almanac it goes, and that one's name."""
    rows = conn.execute(select(changes.c.seq, changes.c.after).where(changes.c.action.in_(actions)).order_by(changes.c.seq))
    return {row.after["version"]: (row.seq, row.after["almanac"]) for row in rows if row.after and row.after.get("almanac")}


def _versions(conn: Connection, what: str, versions: Table, told: dict[int, tuple[int, str]], names: set[str]) -> Iterator[dict[str, Any]]:
    for row in conn.execute(select(versions.c.version, versions.c.almanac).order_by(versions.c.version)):
        seq, recorded = told.get(row.version, (0, row.almanac))
        if row.almanac != recorded:
            yield {"seq": seq, "why": f"version {row.version} of the {what} goes by another almanac than was recorded"}
        elif row.almanac is not None and row.almanac not in names:
            yield {"seq": seq, "why": f"the almanac of version {row.version} of the {what} is gone"}
