"""Sealing: records that wait get their place in the chain, in short transactions, one process at a time.

A record is taken as it was committed: its text is hashed as it is, when its MAC proves that one of us wrote it. The chain is only
ever added to, so the order in which things were sealed cannot be rewritten.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Connection, Integer, Text, bindparam, func, select, type_coerce

from tsbridge.core.chain import link_hash_of
from tsbridge.store import chain as whole
from tsbridge.store import postgres, sealkey
from tsbridge.store.columns import microseconds
from tsbridge.store.decision_tables import chain, unsealed
from tsbridge.store.decision_writer import KIND, signed
from tsbridge.store.statements import Delete, Fixed, Insert

STEP: Final = 400
"""Records sealed in one transaction at most: whoever changes something waits no longer than that takes."""
LOWEST: Final = -(1 << 63)
"""Behind it lies every number, also one that only somebody else could have written."""
PATIENCE: Final = timedelta(seconds=60)
"""How long a record may wait; one that is older counts as broken."""

_LOCK: Final = int.from_bytes(hashlib.sha256(b"tsbridge seal").digest()[:7])
_TAKE: Final = f"SELECT pg_try_advisory_xact_lock({_LOCK})"
_WAITING: Final = Fixed(
    select(unsealed, chain.c.seq, type_coerce(unsealed.c.record, Text).label("kept"))
    .outerjoin(chain, chain.c.id == unsealed.c.id)
    .where(unsealed.c.number > bindparam("after", type_=BigInteger))
    .order_by(unsealed.c.number)
    .limit(bindparam("most", type_=Integer))
)
_ANY: Final = Fixed(select(unsealed.c.number).order_by(unsealed.c.number).limit(1))  # by the index: many were here and are gone
_OVERDUE: Final = select(func.count()).select_from(unsealed).where(unsealed.c.at < bindparam("before"))
_ADD: Final = Insert(chain, ("seq", "kind", "id", "record", "previous_hash", "hash"), stored=True)
_DONE: Final = Delete(unsealed, ("number",))


class Waiting(NamedTuple):
    """A record that waits. `seq`: its place in the chain, which it should not have yet. `kept`: the record as it is stored."""

    number: int
    kind: str
    id: str
    record: str
    mac: str
    at: datetime
    seq: int | None = None
    kept: str = ""

    def fault(self, keys: sealkey.SealKeys, now: datetime | None = None) -> str | None:
        """Why it is broken; None where it is as it should be."""
        if self.seq is not None:
            return "it waits to be sealed and is in the chain already"
        if self.kind != KIND or not keys.proves(signed(self.number, self.kind, self.id, microseconds(self.at), self.record), self.mac):
            return "it waits to be sealed, and nothing proves that it was recorded"
        if now is not None and now - self.at > PATIENCE:
            return f"it has waited to be sealed for more than {PATIENCE.total_seconds():.0f} s"
        return None


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one transaction did. `last`: the last number looked at; None: nothing waits behind it, or another one seals."""

    count: int
    last: int | None
    refused: tuple[int, ...] = ()


def any_wait(conn: Connection) -> bool:
    return bool(_ANY.rows(conn))


def waiting(conn: Connection, after: int = LOWEST, most: int = STEP) -> list[Waiting]:
    """Records that wait, in the order of their numbers."""
    return [Waiting(*row) for row in _WAITING.rows(conn, after=after, most=most)]


def overdue(conn: Connection, now: datetime) -> int:
    """How many have waited too long."""
    return int(conn.execute(_OVERDUE, {"before": now - PATIENCE}).scalar_one())


def seal(conn: Connection, after: int = LOWEST) -> Sealed:
    """Give the next records their places in the chain. Those that nothing proves stay where they are, and stop nobody.

    On PostgreSQL whoever comes second has nothing to do; the right to seal ends with the transaction, however that ends.
    """
    if conn.dialect.name == "postgresql" and not postgres.rows(conn, _TAKE)[0][0]:
        return Sealed(0, None)
    keys = sealkey.of(conn)
    found = waiting(conn, after)
    if not found:
        return Sealed(0, None)
    good = [one for one in found if one.fault(keys) is None]
    refused = tuple(one.number for one in found if one.fault(keys) is not None) if len(good) < len(found) else ()
    if good:
        whole.lock(conn)
        head = whole.head(conn)
        seq, previous, rows = head["seq"], head["hash"], []
        for one in good:
            seq += 1
            hashed = link_hash_of(seq, previous, one.record)
            rows.append((seq, one.kind, one.id, one.kept, previous, hashed))
            previous = hashed
        _ADD.all(conn, rows)
        _DONE.all(conn, [(one.number,) for one in good])
    return Sealed(len(good), found[-1].number if len(found) == STEP else None, refused)
