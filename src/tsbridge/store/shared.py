"""Ids that stand for too many people and so name nobody (`core.link.shared_by`): noted, so that it is seen when one becomes such."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from tsbridge.core.link import Shared
from tsbridge.core.moments import Handle, Interaction
from tsbridge.store.link_tables import shared_ids
from tsbridge.store.statements import Keyed

_NOTED: Final = Keyed(shared_ids, ("kind", "value"), ("kind", "value"))


class Noted(NamedTuple):
    """What is known now and was not before: ids that came to stand for too many, and ids and interactions that do so no more."""

    more: frozenset[Handle]
    subjects: int
    less: int


def note(conn: Connection, asked: Iterable[Handle], subjects: Iterable[Interaction], found: Shared) -> Noted:
    """Keep which of the `asked` ids and `subjects` stand for too many."""
    wanted = sorted({*map(tuple, asked), *map(tuple, subjects)})
    now = {*map(tuple, found.ids), *map(tuple, found.subjects)} & set(wanted)
    stood = set(_NOTED.rows(conn, wanted))
    for kind, value in sorted(stood - now):
        conn.execute(delete(shared_ids).where(shared_ids.c.kind == kind, shared_ids.c.value == value))
    more = sorted(now - stood)
    if more:
        conn.execute(insert(shared_ids), [{"kind": kind, "value": value} for kind, value in more])
    ids = frozenset(handle for handle in found.ids if tuple(handle) in set(more))
    return Noted(ids, len(more) - len(ids), len(stood - now))


def count(conn: Connection) -> dict[str, int]:
    """How many there are, by kind: `ticket` and `call` ids, and `zendesk` and `talkdesk` interactions that name too many."""
    return {kind: many for kind, many in conn.execute(select(shared_ids.c.kind, func.count()).group_by(shared_ids.c.kind))}
