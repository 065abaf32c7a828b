"""Changes as the audit reads them: who changed what, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, or_, select

from tsbridge.store import tolerant
from tsbridge.store.decision_tables import chain, change_subjects, changes
from tsbridge.store.version_tables import rulebooks

Row = RowMapping
WORDS_READ: Final = "case.words_read"
"""The change that says who read a severe case: it happened to nobody's case."""


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """`since` is inclusive, `until` exclusive; `subject` finds also what touched it among other things."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None


def listed(conn: Connection, wanted: ChangeFilter, limit: int, before: int | None = None) -> list[Row]:
    """Who changed what, newest first, with a place in the chain below `before`."""
    columns = (*(column for column in changes.c if column.name != "salt"), chain.c.previous_hash, chain.c.hash)
    query = select(*columns).join(chain, chain.c.seq == changes.c.seq)
    for column, value in ((changes.c.actor, wanted.actor), (changes.c.action, wanted.action)):
        if value is not None:
            query = query.where(column == value)
    if wanted.subject is not None:
        touched = select(change_subjects.c.seq).where(change_subjects.c.subject == wanted.subject)
        query = query.where(or_(changes.c.subject == wanted.subject, changes.c.seq.in_(touched)))
    if wanted.since is not None:
        query = query.where(changes.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(changes.c.at < wanted.until)
    if before is not None:
        query = query.where(changes.c.seq < before)
    return list(conn.execute(query.order_by(changes.c.seq.desc()).limit(limit)).mappings())


def last_at(conn: Connection, action: str, subject: str, actor: str) -> datetime | None:
    """When somebody last did that to a subject that is found by it (`also`)."""
    joined = select(changes.c.at).join(change_subjects, change_subjects.c.seq == changes.c.seq)
    mine = joined.where(change_subjects.c.subject == subject, changes.c.action == action, changes.c.actor == actor)
    return conn.execute(mine.order_by(change_subjects.c.seq.desc()).limit(1)).scalar()


def rule_authors(conn: Connection, keys: Sequence[str], version: int) -> dict[str, tuple[int, str, datetime]]:
    """Which version, up to this one, changed each of these rules last, who published that, and when; by key, in the order of the keys.

    One that no publish on record touched is as the first version brought it.
    """
    columns = (change_subjects.c.subject, changes.c.after, changes.c.actor, changes.c.at)
    published = changes.c.action.in_(("rulebook.publish", "rulebook.restore"))
    query = select(*columns).join(changes, changes.c.seq == change_subjects.c.seq)
    found: dict[str, tuple[int, str, datetime]] = {}
    for key, after, actor, at in conn.execute(query.where(change_subjects.c.subject.in_(keys), published).order_by(changes.c.seq.desc())):
        if after["version"] <= version and key not in found:
            found[key] = (after["version"], actor, at)
    first = select(rulebooks.c.version, rulebooks.c.published_by, rulebooks.c.published_at).order_by(rulebooks.c.version).limit(1)
    brought = None if found.keys() >= {*keys} else conn.execute(first).first()
    return {key: told for key in keys if (told := found.get(key) or (None if brought is None else (brought[0], brought[1], brought[2])))}


def by_subject(conn: Connection, action: str) -> dict[str, RowMapping]:
    """The changes of one kind whole, by what they are about; of several the last. What cannot be read in them is None."""
    rows = conn.execute(select(*tolerant.columns(changes)).where(changes.c.action == action).order_by(changes.c.seq)).mappings()
    return {row["subject"]: row for row in rows}
