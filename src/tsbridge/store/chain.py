"""The audit chain: decisions and changes, each hashed together with the one before.

`hash = SHA-256(0x00 || canonical JSON of the record, its seq and the previous hash)`. A record holds no personal data but
salted commitments to it, so erasing a person leaves the chain whole. Rows are never updated or deleted (triggers refuse).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, type_coerce

from tsbridge.core.chain import GENESIS, commitment, link_hash
from tsbridge.core.moments import instant_text
from tsbridge.store import postgres
from tsbridge.store.columns import PackedText
from tsbridge.store.decision_tables import chain, change_subjects, changes
from tsbridge.store.statements import Fixed, parts

_LAST: Final = Fixed(select(chain.c.seq, chain.c.hash).order_by(chain.c.seq.desc()).limit(1))
_ADD: Final = insert(chain)
_LOCK: Final = int.from_bytes(hashlib.sha256(b"tsbridge chain").digest()[:7])


def lock(conn: Connection) -> None:
    """Take the pen until the transaction ends: on PostgreSQL others wait; SQLite has one writer anyway."""
    if conn.dialect.name == "postgresql":
        postgres.execute(conn, f"SELECT pg_advisory_xact_lock({_LOCK})")


def append(conn: Connection, kind: str, id: str, record: dict[str, Any]) -> tuple[int, str, str]:
    """Add a record at the end; returns its seq, the previous hash and its own. One writer at a time until the commit."""
    lock(conn)
    last = head(conn)
    seq, previous = last["seq"] + 1, last["hash"]
    hashed = link_hash(seq, previous, record)
    conn.execute(_ADD, {"seq": seq, "kind": kind, "id": id, "record": record, "previous_hash": previous, "hash": hashed})
    return seq, previous, hashed


def add_change(
    conn: Connection,
    *,
    id: str,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    before: Any,
    after: Any,
    salt: str,
    also: Sequence[str] = (),
) -> int:
    """Record what a person (or the system) changed.

    `actor` is a name: it, `before` and `after` stay outside the chain, committed to by hash. `also`: what it touched besides
    `subject`, and is found by.
    """
    record: dict[str, Any] = {
        "type": "change",
        "id": id,
        "at": instant_text(at),
        "actor": commitment(salt, actor),
        "action": action,
        "subject": subject,
        "before": commitment(salt, before),
        "after": commitment(salt, after),
    }
    if also:
        record["also"] = sorted(set(also))
    seq, _, _ = append(conn, "change", id, record)
    conn.execute(
        insert(changes).values(seq=seq, id=id, at=at, actor=actor, action=action, subject=subject, before=before, after=after, salt=salt)
    )
    if also:
        conn.execute(insert(change_subjects), [{"subject": one, "seq": seq} for one in record["also"]])
    return seq


def hashes(conn: Connection, seqs: Iterable[int]) -> dict[int, str]:
    """The hashes of the entries at these places, where there are any."""
    found: dict[int, str] = {}
    for part in parts(sorted(seqs)):
        found.update((seq, hashed) for seq, hashed in conn.execute(select(chain.c.seq, chain.c.hash).where(chain.c.seq.in_(part))))
    return found


def entries(conn: Connection, after: int, limit: int) -> list[tuple[int, str, str, str, str, str]]:
    """The next entries as they were hashed: seq, kind, id, previous hash, hash, and the text of the record."""
    record = type_coerce(chain.c.record, PackedText)
    columns = (chain.c.seq, chain.c.kind, chain.c.id, chain.c.previous_hash, chain.c.hash, record)
    rows = conn.execute(select(*columns).where(chain.c.seq > after).order_by(chain.c.seq).limit(limit))
    return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]


def head(conn: Connection) -> dict[str, Any]:
    """The newest entry: what a copy kept outside must agree with."""
    return next(({"seq": seq, "hash": hashed} for seq, hashed in _LAST.rows(conn)), {"seq": 0, "hash": GENESIS})
