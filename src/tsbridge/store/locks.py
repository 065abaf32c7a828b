"""How workers on PostgreSQL keep out of each other's way: each locks what its batch touches, by name, and nothing else (ADR 19).

Who acts alone (a publish, an act at the desk, a merge of users) has the pen to itself; workers share it. What a batch is known to touch is
locked in the order of the keys, so that nobody waits in a circle; what turns out later is only tried, and when somebody has it the
transaction begins anew with all of it. A worker without others beside it takes the pen alone: there is nobody to keep out of the way of,
and what it reads stays as it was read. SQLite has one writer: there nothing is locked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Set
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection

from tsbridge.core.link import Acquaintances, Node
from tsbridge.core.moments import Handle, Interaction, Moment
from tsbridge.store import postgres

MANY: Final = 2_000
"""Locks of one transaction at most: the server has room for some thousands. Who needs more takes the pen alone."""

IN_USE: Final = 2_048
"""Names whose keys are remembered: those of a batch are asked for several times."""

_PEN: Final = int.from_bytes(hashlib.sha256(b"tsbridge pen").digest()[:7])
_ALONE: Final = f"SELECT pg_advisory_xact_lock({_PEN})"
_SHARED: Final = f"SELECT pg_advisory_xact_lock_shared({_PEN})"
_TAKE: Final = "SELECT count(pg_advisory_xact_lock(k)) FROM unnest(%s::bigint[]) k"
_SOME: Final = "SELECT k FROM unnest(%s::bigint[]) k WHERE pg_try_advisory_xact_lock(k)"
_TRY: Final = "SELECT bool_and(pg_try_advisory_xact_lock(k)) FROM unnest(%s::bigint[]) k"


class Contended(Exception):
    """Somebody else has a part of what a transaction needs: it begins anew with these `keys`; None: alone."""

    def __init__(self, keys: frozenset[int] | None) -> None:
        super().__init__("another worker has it")
        self.keys = keys


def alone(conn: Connection) -> None:
    """Have the pen alone until the transaction ends."""
    if conn.dialect.name == "postgresql":
        postgres.execute(conn, _ALONE)


class Locks:
    """What a transaction has locked. `keys`: what it is known to touch; None: it acts alone.

    `wait`: for what others have; else it has only what nobody has (`has`). `everything`: nobody else can change anything, and nothing
    needs to be locked.
    """

    def __init__(self, conn: Connection, keys: frozenset[int] | None, *, wait: bool = True) -> None:
        self._conn = conn
        self.everything = conn.dialect.name != "postgresql"
        self._held = set[int]()
        if keys is None or len(keys) > MANY:
            alone(conn)
            self.everything = True
        elif not self.everything:
            postgres.execute(conn, _SHARED)
            if wait:
                postgres.execute(conn, _TAKE, (_array(keys),))
                self._held |= keys
            else:
                self._held.update(key for (key,) in postgres.rows(conn, _SOME, (_array(keys),)))

    def has(self, keys: Set[int]) -> bool:
        return self.everything or keys <= self._held

    def has_some(self, keys: Set[int]) -> bool:
        """Whether any of these is locked: nobody else commits what takes them all."""
        return self.everything or not self._held.isdisjoint(keys)

    def more(self, keys: Set[int]) -> bool:
        """Lock what turned out to be touched, too. True when anything was: it may have changed since it was read. Raises Contended."""
        if self.has(keys):
            return False
        wanted = frozenset(self._held | keys)
        if len(wanted) > MANY:
            raise Contended(None)
        if not postgres.rows(self._conn, _TRY, (_array(keys - self._held),))[0][0]:
            raise Contended(wanted)
        self._held |= keys
        return True


def of_moments(told: Iterable[Moment]) -> frozenset[int]:
    """Keys of what these moments are about: interactions, people, ids that they name."""
    return _keys({name for moment in told for name in (*_of_subject(moment.subject), *moment.people, *moment.names)})


def of_nodes(nodes: Iterable[Node], known: Acquaintances) -> frozenset[int]:
    """Keys of interactions, whom they are about and what links them; and of everybody who stands for one of these people."""
    return of_people(((node.subject, node.names | node.people) for node in nodes), known)


def of_people(people: Iterable[tuple[Interaction, Iterable[Handle]]], known: Acquaintances) -> frozenset[int]:
    """As `of_nodes`, of interactions of which nothing but their people matters."""
    names: set[tuple[str, str]] = set()
    for subject, handles in people:
        names.update(_of_subject(subject), handles)
    for handle, above in known.items():
        names.add(handle)
        names.update(above)
    return _keys(names)


def _of_subject(subject: Interaction) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("ticket" if subject.source == "zendesk" else "call", subject.id), (subject.source, subject.id)


def _array(keys: Iterable[int]) -> str:
    """In order, as PostgreSQL reads an array."""
    return f"{{{','.join(map(str, sorted(keys)))}}}"


def _keys(names: Iterable[tuple[str, str]]) -> frozenset[int]:
    return frozenset([_key(kind, value) for kind, value in names])


@lru_cache(IN_USE)
def _key(kind: str, value: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{kind}:{value}".encode(), digest_size=8).digest(), signed=True)
