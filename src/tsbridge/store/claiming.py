"""Who works on which delivery: claims with a lease, a row each in `inbox_claims`, and what becomes of a claimed delivery.

A delivery whose worker died with it is claimed alone; one that took two workers along is read alone (`store.isolated`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, zip_longest
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, delete, select, update

from tsbridge.core.backoff import DELIVERY
from tsbridge.store import lanes
from tsbridge.store.inbox_tables import READ_ALONE, inbox, inbox_claims
from tsbridge.store.statements import Delete, Listed, Update

ATTEMPTS: Final = 8  # failures before a delivery is dead: about twenty minutes of trying


class LostLease(RuntimeError):
    """The delivery was given to another worker meanwhile. What was done about it must not be committed."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that one worker has for the time of its lease. `attempts` counts this claim and fences older ones off.

    `deaths`: how many of the earlier claims ended with their workers.
    """

    seq: int
    id: str
    source: str
    dedupe_key: str
    polled: bool
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    attempts: int
    claimed_by: str
    deaths: int = 0


_SETTLE: Final = Update(
    inbox,
    ("status", "reason", "event_type", "rang_for", "warnings", "settled_at", "attempts", "deaths"),
    ("seq",),
    where="status = 'pending'",
)
_END: Final = Delete(inbox_claims, ("seq", "claimed_by", "attempts"))


# Whose claim ran out is asked once more: since it was looked at another worker may have taken it.
_CLAIM: Final = (
    "INSERT INTO inbox_claims (seq, claimed_by, lease_until, attempts, deaths) "
    "SELECT i.seq, ?, ?, i.attempts + 1, i.deaths FROM chosen {join} inbox i ON i.seq = chosen.seq WHERE true "
    "ON CONFLICT (seq) DO UPDATE SET claimed_by = excluded.claimed_by, lease_until = excluded.lease_until, "
    "attempts = inbox_claims.attempts + 1, deaths = inbox_claims.deaths + 1 WHERE inbox_claims.lease_until <= ? "
    "RETURNING seq, attempts, claimed_by, deaths"
)
_CHOSEN: Final = "WITH chosen AS (SELECT CAST(k.k0 AS BIGINT) AS seq FROM {keys})"
_OF_ROW: Final = [inbox.c[name] for name in ("seq", "id", "source", "dedupe_key", "polled", "received_at", "headers", "body")]
_OF_CLAIM: Final = [inbox_claims.c[name] for name in ("attempts", "claimed_by", "deaths")]
_TAKEN: Final = f"SELECT {', '.join(f'i.{one.name}' for one in _OF_ROW)}, c.attempts, c.claimed_by, c.deaths FROM"
_CLAIM_AND_READ: Final = Listed(f"{_CHOSEN}, c AS ({_CLAIM}) {_TAKEN} c JOIN inbox i ON i.seq = c.seq", 1, [*_OF_ROW, *_OF_CLAIM])
_CLAIM_ALONE: Final = Listed(f"{_CHOSEN} {_CLAIM}", 1, [inbox_claims.c.seq])  # SQLite's WITH holds no INSERT
_READ: Final = Listed(
    f"{_CHOSEN} {_TAKEN} chosen {{join}} inbox_claims c ON c.seq = chosen.seq {{join}} inbox i ON i.seq = c.seq", 1, [*_OF_ROW, *_OF_CLAIM]
)


def claim(conn: Connection, worker: str, now: datetime, lease: timedelta, limit: int) -> list[Claimed]:
    """Take up to `limit` due deliveries, source by source in turn, oldest first; a few large ones besides the small.

    The claim is counted now, before any work. A delivery whose worker died with it is claimed alone, so that it takes no
    other along; when that worker dies too it is left to be read alone (`store.isolated`). A worker's death is counted against none.
    """
    waiting = lanes.due(conn, now, limit)
    if not any(waiting):
        return []
    in_turn = [row for row in chain.from_iterable(zip_longest(*waiting)) if row is not None]
    orphans = [row for row in in_turn if row.claimed_by is not None]
    for suspect in (row for row in orphans if row.deaths):
        take_back(conn, suspect.seq, reason=READ_ALONE, attempts=suspect.attempts, deaths=suspect.deaths + 1)
    chosen = [row.seq for row in orphans if not row.deaths][:1] or [row.seq for row in in_turn if row.claimed_by is None][:limit]
    return take(conn, chosen, worker, now, lease)


def take(conn: Connection, chosen: Sequence[int], worker: str, now: datetime, lease: timedelta) -> list[Claimed]:
    """Claim these, in this order, but for those that another worker has by now."""
    keys, until = [*map(str, chosen)], now + lease
    if conn.dialect.name == "sqlite":
        taken = _CLAIM_ALONE.rows(conn, keys, worker, until, now)
        rows = _READ.rows(conn, [str(seq) for seq, *_ in taken])
    else:
        rows = _CLAIM_AND_READ.rows(conn, keys, worker, until, now)
    by_seq = {row[0]: Claimed(*row) for row in rows}
    return [by_seq[seq] for seq in chosen if seq in by_seq]


def taken(conn: Connection, worker: str) -> list[Claimed]:
    """What a worker has claimed, whether it heard of it or not."""
    claim = inbox_claims.c
    seqs = conn.execute(select(claim.seq).where(claim.claimed_by == worker).order_by(claim.seq)).scalars()
    return [Claimed(*row) for row in _READ.rows(conn, [str(seq) for seq in seqs])]


class Settlement(NamedTuple):
    """What becomes of a claimed delivery: applied, ignored or quarantined, and why. `rang_for`: the ticket it rang for."""

    row: Claimed
    status: str
    reason: str | None = None
    event_type: str | None = None
    rang_for: str | None = None
    warnings: Sequence[str] = ()


def settle(conn: Connection, settled: Sequence[Settlement], now: datetime) -> None:
    """Finish claimed deliveries. LostLease when one of them is no longer ours."""
    ordered = sorted(settled, key=lambda one: one.row.seq)
    rows = [
        (
            *(one.status, one.reason, one.event_type, one.rang_for, list(one.warnings) or None),
            *(now, one.row.attempts, one.row.deaths, one.row.seq),
        )
        for one in ordered
    ]
    claims = [(one.row.seq, one.row.claimed_by, one.row.attempts) for one in ordered]
    # The delivery first, then its claim, as whoever claims: so none waits for another crosswise.
    if _SETTLE.all(conn, rows) != len(rows) or _END.all(conn, claims) != len(rows):
        raise LostLease(f"one of {len(rows)}")


def failed(conn: Connection, row: Claimed, now: datetime, why: str) -> None:
    """Put a delivery back whose work failed: for later, twice as late each time; after the last attempt it is dead.

    `why` names the kind of failure and holds nobody's data. Nothing happens when the lease is lost.
    """
    failures = row.attempts - row.deaths
    dead = failures >= ATTEMPTS
    pause = DELIVERY.after(failures)
    give_back(
        conn,
        row,
        row.attempts,
        status="dead" if dead else "pending",
        reason=why,
        due_at=inbox.c.due_at if dead else now + pause,
        settled_at=now if dead else None,
    )


def later(conn: Connection, row: Claimed, due_at: datetime, why: str) -> None:
    """Give a claim back uncounted, for `due_at`: it is not the delivery's fault. Nothing happens when the lease is lost."""
    give_back(conn, row, row.attempts - 1, due_at=due_at, reason=why)


def release(conn: Connection, rows: Sequence[Claimed]) -> None:
    """End these claims as if they had never been: whoever claims next has them first. Nothing happens where the lease is lost."""
    _END.all(conn, [(row.seq, row.claimed_by, row.attempts) for row in rows])


def give_back(conn: Connection, row: Claimed, attempts: int, **values: Any) -> None:
    """End a claim; `values`: what becomes of the delivery. Nothing happens when the lease is lost."""
    conn.execute(select(inbox.c.seq).where(inbox.c.seq == row.seq).with_for_update())
    claim = inbox_claims.c
    mine = (claim.seq == row.seq, claim.claimed_by == row.claimed_by, claim.attempts == row.attempts)
    if conn.execute(delete(inbox_claims).where(*mine)).rowcount:
        conn.execute(update(inbox).where(inbox.c.seq == row.seq).values(attempts=attempts, deaths=row.deaths, **values))


def take_back(conn: Connection, seq: int, **values: Any) -> None:
    """End the claim of a worker that died, of a delivery that is locked; `values`: what becomes of it."""
    conn.execute(update(inbox).where(inbox.c.seq == seq).values(**values))
    conn.execute(delete(inbox_claims).where(inbox_claims.c.seq == seq))
