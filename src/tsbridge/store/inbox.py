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
from datetime import datetime
from itertools import accumulate, chain
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, func, select, update

from tsbridge.core.moments import canonical_text
from tsbridge.core.ports import CLOCKS_APART
from tsbridge.store import inbox_tables, postgres, sqlite, vault
from tsbridge.store.columns import EPOCH, MICROSECOND
from tsbridge.store.inbox_tables import READ_ALONE, inbox
from tsbridge.store.lanes import SOURCES

LANES: Final = 4096
"""Two connections that share one wait for each other's commit; PostgreSQL's processes are numbered one after the other."""
KILLS_ITS_READER: Final = "kills_its_reader"
"""Why a delivery is quarantined that a process of its own died of reading."""

Kept = Literal["accepted", "duplicate", "quarantined"]


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
    "large": "boolean",
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
_ALL: Final = f"{_INTO}SELECT {_VALUES}, {_BODY} FROM jsonb_array_elements(%s::jsonb) AS rows (row){_NEW}"


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
    return postgres.execute(conn, _ALL, (b"".join(bodies), document))


def _keep_sqlite(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Many rows in one statement: for each step of one the driver lets go of the interpreter and waits to have it back."""
    kept = 0
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        kept += sqlite.execute(conn, f"{_INTO}VALUES {', '.join([_MARKS] * len(some))}{_NEW}", [*chain.from_iterable(some)])
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
        run = postgres.execute if conn.dialect.name == "postgresql" else sqlite.execute
        run(conn, _RECEIVED[conn.dialect.name], (source, counted[source]))


def _row(delivery: Delivery, repeats: int, keep_body: Callable[[bytes], bytes]) -> tuple[Any, ...]:
    received_at = (delivery.received_at - EPOCH) // MICROSECOND
    body = keep_body(delivery.body)
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
        len(body) > inbox_tables.LARGE,
        body,
    )


def _receipt(delivery: Delivery, first_id: str) -> Receipt:
    if first_id != delivery.id:
        return Receipt(first_id, "duplicate")
    return Receipt(first_id, "accepted" if delivery.quarantined is None else "quarantined", delivery.quarantined)


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
