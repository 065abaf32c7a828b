"""The inbox: every proven delivery, kept before it is answered, and what became of it.

pending -> applied | ignored | quarantined | dead. A person may send the last three round again (`retry`). A repeat of a kept
delivery is no row of its own but counted on the first one. So per source, always:
received = applied + ignored + duplicate + quarantined + dead + pending, where `received` is counted by itself, as they come.

A ring is pending until its ticket was read behind it or its first impression judged. One read covers all rings that were settled
for it; it goes by the newest of them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, chain, zip_longest
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, select, update

from tsbridge.core.backoff import DELIVERY
from tsbridge.core.moments import canonical_text
from tsbridge.core.ports import CLOCKS_APART
from tsbridge.store import inbox_tables, lanes, vault
from tsbridge.store.columns import EPOCH, MICROSECOND
from tsbridge.store.inbox_tables import READ_ALONE, inbox, inbox_claims
from tsbridge.store.lanes import SOURCES
from tsbridge.store.sqlite import execute
from tsbridge.store.statements import Delete, Listed, Update

LANES: Final = 4096
"""Two connections that share one wait for each other's commit; PostgreSQL's processes are numbered one after the other."""
ATTEMPTS: Final = 8  # failures before a delivery is dead: about twenty minutes of trying
KILLS_ITS_READER: Final = "kills_its_reader"
"""Why a delivery is quarantined that a process of its own died of reading."""

Kept = Literal["accepted", "duplicate", "quarantined"]


class LostLease(RuntimeError):
    """The delivery was given to another worker meanwhile. What was done about it must not be committed."""


class Delivery(NamedTuple):
    """A proven delivery as it came. `key` is made of signed content only; the same `(source, key)` is the same delivery.

    `quarantined` says why it cannot be read; it is kept all the same. `headers`: those that prove or trace, no credentials.
    """

    id: str
    source: str
    key: str
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    polled: bool = False
    quarantined: str | None = None


class Receipt(NamedTuple):
    """What a sender is told. `event_id` of a duplicate is the first one's."""

    event_id: str
    status: Kept
    reason: str | None = None


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


class Counts(NamedTuple):
    """What became of all that one source has sent."""

    applied: int = 0
    ignored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    dead: int = 0
    pending: int = 0

    @property
    def received(self) -> int:
        return sum(self)


def keep(conn: Connection, deliveries: Sequence[Delivery]) -> list[Receipt]:
    """Keep deliveries, at least one, in one statement; receipts come in the order of the deliveries. Nothing is kept before the commit."""
    first: dict[tuple[str, str], Delivery] = {}
    repeats: dict[tuple[str, str], int] = {}
    for delivery in deliveries:
        place = (delivery.source, delivery.key)
        if first.setdefault(place, delivery) is not delivery:
            repeats[place] = repeats.get(place, 0) + 1
    # Sorted: two processes that keep the same deliveries lock them in the same order.
    keep_body = inbox_tables.BODY.keeper(vault.of(conn.dialect))
    rows = [_row(first[place], repeats.get(place, 0), keep_body) for place in sorted(first)]
    found = _keep_rows(conn, rows)
    _count(conn, deliveries)
    return [_receipt(delivery, found[delivery.source, delivery.key]) for delivery in deliveries]


def received(conn: Connection) -> dict[str, int]:
    """How many deliveries of each source were ever kept, repeats included: a count of its own, which what became of them must make up."""
    counted = inbox_tables.received
    found = conn.execute(select(counted.c.source, func.sum(counted.c.count)).group_by(counted.c.source))
    return {source: int(count) for source, count in found}


def status_of(conn: Connection, source: str, key: str) -> str | None:
    """What became of the delivery that is kept under a key; None when there is none."""
    return conn.execute(select(inbox.c.status).where(inbox.c.source == source, inbox.c.dedupe_key == key)).scalar()


# The statements written out by hand: the door's speed hangs on them, and building them from parts for a few dozen rows costs
# more than running them. Columns and types are those of `_TYPES`, in this order.
_TYPES: Final = {
    "id": "text",
    "source": "text",
    "dedupe_key": "text",
    "polled": "boolean",
    "received_at": "bigint",
    "headers": "text",
    "status": "text",
    "reason": "text",
    "duplicates": "integer",
    "attempts": "integer",
    "due_at": "bigint",
    "settled_at": "bigint",
    "body": "bytea",
}
_INTO: Final = f"INSERT INTO inbox ({', '.join(_TYPES)}) "
_MARKS: Final = f"({', '.join('?' * len(_TYPES))})"
_NEW: Final = " ON CONFLICT (source, dedupe_key) DO NOTHING"
# A conflict means one more repeat, besides those that came in the same statement.
_AGAIN: Final = " ON CONFLICT (source, dedupe_key) DO UPDATE SET duplicates = inbox.duplicates + excluded.duplicates + 1 RETURNING id"
_ONE: Final = {dialect: f"{_INTO}VALUES {_MARKS.replace('?', mark)}{_AGAIN}" for dialect, mark in (("sqlite", "?"), ("postgresql", "%s"))}
_AT_ONCE: Final = 64
"""Rows in one statement of SQLite: it is kept for each number of them."""
_VALUES: Final = ", ".join(f"(row ->> {place})::{kind}" for place, kind in enumerate([*_TYPES.values()][:-1]))
_BODY: Final = f"substr((SELECT %b::bytea), (row ->> {len(_TYPES) - 1})::integer, (row ->> {len(_TYPES)})::integer)"
_ALL: Final = f"{_INTO}SELECT {_VALUES}, {_BODY} FROM json_array_elements(%s::json) AS rows (row){_NEW}"


def _keep_rows(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> dict[tuple[str, str], str]:
    """All at once, as most are new; when some were not, those that are missing are repeats. The ids kept, by source and key."""
    keep_new = _keep_postgresql if conn.dialect.name == "postgresql" else _keep_sqlite
    if keep_new(conn, rows) == len(rows):
        return {(row[1], row[2]): row[0] for row in rows}
    new = {id_ for (id_,) in conn.execute(select(inbox.c.id).where(inbox.c.id.in_([row[0] for row in rows])))}
    repeat = _ONE[conn.dialect.name]
    return {(row[1], row[2]): row[0] if row[0] in new else conn.exec_driver_sql(repeat, row).scalar_one() for row in rows}


def _keep_postgresql(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """One document and the bodies behind each other: the statement is the same for any number of rows and stays prepared.

    An array for each column costs the driver four times as much.
    """
    bodies = [row[-1] for row in rows]
    ends = [*accumulate(map(len, bodies))]
    document = json.dumps([(*row[:-1], end - len(row[-1]) + 1, len(row[-1])) for row, end in zip(rows, ends, strict=True)])
    return conn.exec_driver_sql(_ALL, (b"".join(bodies), document)).rowcount


def _keep_sqlite(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Many rows in one statement: for each step of one the driver lets go of the interpreter and waits to have it back."""
    kept = 0
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        kept += execute(conn, f"{_INTO}VALUES {', '.join([_MARKS] * len(some))}{_NEW}", [*chain.from_iterable(some)])
    return kept


_RECEIVED: Final = {
    dialect: f"INSERT INTO received (source, lane, count) VALUES ({mark}, {lane}, {mark}) "  # names of ours
    "ON CONFLICT (source, lane) DO UPDATE SET count = received.count + excluded.count"
    for dialect, mark, lane in (("sqlite", "?", "0"), ("postgresql", "%s", f"mod(pg_backend_pid(), {LANES})"))
}


def _count(conn: Connection, deliveries: Sequence[Delivery]) -> None:
    """In the transaction that keeps them, of how many it was handed: not of what it made of them."""
    counted = Counter(delivery.source for delivery in deliveries)
    for source in SOURCES:  # in one order: two that count both never wait for each other crosswise
        if source not in counted:
            continue
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql(_RECEIVED["postgresql"], (source, counted[source]))
        else:
            execute(conn, _RECEIVED["sqlite"], (source, counted[source]))


def _row(delivery: Delivery, repeats: int, keep_body: Callable[[bytes], bytes]) -> tuple[Any, ...]:
    received_at = (delivery.received_at - EPOCH) // MICROSECOND
    status, settled_at = ("pending", None) if delivery.quarantined is None else ("quarantined", received_at)
    return (
        delivery.id,
        delivery.source,
        delivery.key,
        delivery.polled,
        received_at,
        canonical_text(dict(delivery.headers)),
        status,
        delivery.quarantined,
        repeats,
        0,
        received_at,
        settled_at,
        keep_body(delivery.body),
    )


def _receipt(delivery: Delivery, first_id: str) -> Receipt:
    if first_id != delivery.id:
        return Receipt(first_id, "duplicate")
    return Receipt(first_id, "accepted" if delivery.quarantined is None else "quarantined", delivery.quarantined)


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


def received_since(at: datetime, now: datetime) -> ColumnElement[bool]:
    """Deliveries received later than this. What is dated later than now was received before, by a clock that was ahead."""
    return and_(inbox.c.received_at > at, inbox.c.received_at <= now + CLOCKS_APART)


def unread(conn: Connection, ticket: str, until: datetime, now: datetime) -> str | None:
    """The newest settled delivery, received up to `until`, that rang for this ticket without a read behind it yet."""
    rang = select(inbox.c.id).where(inbox.c.rang_for == ticket, inbox.c.covered_by.is_(None), ~received_since(until, now))
    found: str | None = conn.execute(rang.order_by(inbox.c.received_at.desc(), inbox.c.id.desc()).limit(1)).scalar()
    return found


def cover(conn: Connection, ticket: str, newest: str, until: datetime, now: datetime) -> None:
    """A ticket was read for all the settled rings received up to `until` that had no read yet."""
    rang = (inbox.c.rang_for == ticket, inbox.c.covered_by.is_(None), ~received_since(until, now))
    conn.execute(update(inbox).where(*rang).values(covered_by=newest))


def later(conn: Connection, row: Claimed, due_at: datetime, why: str) -> None:
    """Give a claim back uncounted, for `due_at`: it is not the delivery's fault. Nothing happens when the lease is lost."""
    give_back(conn, row, row.attempts - 1, due_at=due_at, reason=why)


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


def retry(conn: Connection, event_id: str, now: datetime) -> bool:
    """Have a quarantined, dead or ignored delivery worked on once more. False when there is none to retry under this id.

    One whose bytes are gone tells nothing any more, and is none.
    One that killed its reader is read in a process of its own again, never here.
    """
    reason = case((inbox.c.reason == KILLS_ITS_READER, READ_ALONE), else_=None)
    done = conn.execute(
        update(inbox)
        .where(inbox.c.id == event_id, inbox.c.status.in_(("quarantined", "dead", "ignored")), inbox.c.redacted_at.is_(None))
        .values(status="pending", reason=reason, attempts=0, deaths=0, due_at=now, settled_at=None)
    )
    return done.rowcount == 1


def counts(conn: Connection) -> dict[str, Counts]:
    """What became of everything, per source that was heard."""
    found: dict[str, dict[str, int]] = {}
    for source, status, rows, repeats in conn.execute(
        select(inbox.c.source, inbox.c.status, func.count(), func.sum(inbox.c.duplicates)).group_by(inbox.c.source, inbox.c.status)
    ):
        of = found.setdefault(source, {"duplicate": 0})
        of[status] = rows
        of["duplicate"] += int(repeats)
    return {source: Counts(**of) for source, of in found.items()}
