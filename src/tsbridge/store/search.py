"""Going through everything that may name people who are being forgotten, a part at a time and all of them at once: deliveries, moments,
changes, published documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, delete, func, select, type_coerce, update

from tsbridge.core.moments import Interaction, canonical_text, from_json
from tsbridge.store.columns import PrivateJson
from tsbridge.store.decision_tables import changes
from tsbridge.store.erasing_rows import Row
from tsbridge.store.inbox_tables import inbox
from tsbridge.store.moment_tables import moments
from tsbridge.store.roster_tables import rosters
from tsbridge.store.statements import parts
from tsbridge.store.vault import Vault
from tsbridge.store.version_tables import rulebooks
from tsbridge.store.wanted_tables import recordings_wanted

ORDER: Final = ("inbox", "recordings_wanted", "moments", "changes", "rulebooks", "rosters")
DELIVERIES: Final = 200
MOMENTS: Final = 400
CHANGES: Final = 400
DOCUMENTS: Final = 5

Found = Callable[[str], frozenset[str]]
"""Whom a text names: their erasures."""


NOBODY: Final[frozenset[str]] = frozenset()


class _AsText(PrivateJson):
    """A JSON value as its canonical text."""

    cache_ok = True

    def reader(self, vault: Vault) -> Callable[[Any], Any]:
        return partial(vault.read_json, self.place)


class Part(NamedTuple):
    """What was found in a part: keys of rows, each with the erasures of those it names. `after`: behind which row to go on; None: nothing
    is left."""

    hits: list[tuple[Any, frozenset[str]]]
    after: Any

    def of(self, erasure: str) -> list[Any]:
        """The rows that name one of them."""
        return [key for key, named in self.hits if erasure in named]


def deliveries(conn: Connection, found: Found, after: int | None) -> Part:
    """Deliveries that are settled, or wait for somebody: by `seq`. One that is pending is met when it is read."""
    there = (func.length(inbox.c.body) > 0, inbox.c.seq > (after or 0))
    rows = conn.execute(select(inbox.c.seq, inbox.c.status, inbox.c.body).where(*there).order_by(inbox.c.seq).limit(DELIVERIES)).all()
    hits = [(row.seq, _in(found, row.body)) for row in rows if row.status != "pending"]
    return _part(hits, rows[-1].seq if len(rows) == DELIVERIES else None)


def empty(conn: Connection, seqs: list[int], now: datetime) -> int:
    for part in parts(seqs):
        conn.execute(update(inbox).where(inbox.c.seq.in_(part), inbox.c.status != "pending").values(body=b"", redacted_at=now))
    return len(seqs)


def recordings(conn: Connection, found: Found, after: str | None) -> Part:
    there = select(recordings_wanted.c.call, recordings_wanted.c.body).where(recordings_wanted.c.call > (after or ""))
    rows = conn.execute(there.order_by(recordings_wanted.c.call).limit(DELIVERIES)).all()
    hits = [(row.call, _in(found, row.body)) for row in rows]
    return _part(hits, rows[-1].call if len(rows) == DELIVERIES else None)


def drop(conn: Connection, calls: list[str]) -> int:
    return conn.execute(delete(recordings_wanted).where(recordings_wanted.c.call.in_(calls))).rowcount


def told(conn: Connection, found: Found, after: str | None) -> Part:
    """Interactions of which a moment may tell of them."""
    text = type_coerce(moments.c.body, _AsText("moments.body"))
    there = select(moments.c.digest, text.label("said")).where(moments.c.digest > (after or ""))
    rows = conn.execute(there.order_by(moments.c.digest).limit(MOMENTS)).all()
    hits: dict[Interaction, frozenset[str]] = {}
    for row in rows:
        if named := found(row.said):
            subject = from_json(json.loads(row.said)).subject
            hits[subject] = hits.get(subject, NOBODY) | named
    return _part(sorted(hits.items()), rows[-1].digest if len(rows) == MOMENTS else None)


def changed(conn: Connection, found: Found, after: int | None) -> Part:
    """Changes, by `seq`."""
    there = select(changes.c.seq, changes.c.before, changes.c.after).where(changes.c.seq > (after or 0))
    rows = conn.execute(there.order_by(changes.c.seq).limit(CHANGES)).all()
    hits = [(row.seq, found(canonical_text([row.before, row.after]))) for row in rows]
    return _part(hits, rows[-1].seq if len(rows) == CHANGES else None)


def changes_at(conn: Connection, seqs: list[int]) -> list[Row]:
    return list(conn.execute(select(changes).where(changes.c.seq.in_(seqs)).order_by(changes.c.seq)).mappings())


def documents(conn: Connection, name: str, found: Found, after: int | None) -> Part:
    """Versions of rulebooks or rosters: they are proven as they were published, and stay."""
    table = {"rulebooks": rulebooks, "rosters": rosters}[name]
    there = select(table.c.version, table.c.document, table.c.note).where(table.c.version > (after or 0))
    rows = conn.execute(there.order_by(table.c.version).limit(DOCUMENTS)).all()
    hits = [(row.version, found(canonical_text([row.document, row.note]))) for row in rows]
    return _part(hits, rows[-1].version if len(rows) == DOCUMENTS else None)


def _part(hits: Iterable[tuple[Any, frozenset[str]]], after: Any) -> Part:
    return Part([(key, named) for key, named in hits if named], after)


def _in(found: Found, body: bytes) -> frozenset[str]:
    return NOBODY.union(*map(found, _readings(body)))


def _readings(body: bytes) -> Iterator[str]:
    """A body as it came, and as JSON is to be read: what is escaped there is not found in the bytes."""
    text = bytes(body).decode("utf-8", "replace")
    yield text
    try:
        yield canonical_text(json.loads(text))
    except (ValueError, RecursionError):
        return
