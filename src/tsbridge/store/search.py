"""Going through everything that may name somebody, a part at a time: deliveries, moments, changes, published documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
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

Found = Callable[[str], bool]


class _AsText(PrivateJson):
    """A JSON value as its canonical text."""

    cache_ok = True

    def reader(self, vault: Vault) -> Callable[[Any], Any]:
        return partial(vault.read_json, self.place)


class Part(NamedTuple):
    """What was found in a part: keys of rows. `after`: behind which row to go on; None: nothing is left."""

    hits: list[Any]
    after: Any


def deliveries(conn: Connection, found: Found, after: int | None) -> Part:
    """Deliveries that are settled, or wait for somebody, and name the person: by `seq`. One that is pending is met when it is read."""
    there = (func.length(inbox.c.body) > 0, inbox.c.seq > (after or 0))
    rows = conn.execute(select(inbox.c.seq, inbox.c.status, inbox.c.body).where(*there).order_by(inbox.c.seq).limit(DELIVERIES)).all()
    hits = [row.seq for row in rows if row.status != "pending" and any(map(found, _readings(row.body)))]
    return Part(hits, rows[-1].seq if len(rows) == DELIVERIES else None)


def empty(conn: Connection, seqs: list[int], now: datetime) -> int:
    for part in parts(seqs):
        conn.execute(update(inbox).where(inbox.c.seq.in_(part), inbox.c.status != "pending").values(body=b"", redacted_at=now))
    return len(seqs)


def recordings(conn: Connection, found: Found, after: str | None) -> Part:
    there = select(recordings_wanted.c.call, recordings_wanted.c.body).where(recordings_wanted.c.call > (after or ""))
    rows = conn.execute(there.order_by(recordings_wanted.c.call).limit(DELIVERIES)).all()
    hits = [row.call for row in rows if any(map(found, _readings(row.body)))]
    return Part(hits, rows[-1].call if len(rows) == DELIVERIES else None)


def drop(conn: Connection, calls: list[str]) -> int:
    return conn.execute(delete(recordings_wanted).where(recordings_wanted.c.call.in_(calls))).rowcount


def told(conn: Connection, found: Found, after: str | None) -> Part:
    """Interactions of which a moment may tell of the person."""
    text = type_coerce(moments.c.body, _AsText("moments.body"))
    there = select(moments.c.digest, text.label("said")).where(moments.c.digest > (after or ""))
    rows = conn.execute(there.order_by(moments.c.digest).limit(MOMENTS)).all()
    hits: set[Interaction] = {from_json(json.loads(row.said)).subject for row in rows if found(row.said)}
    return Part(sorted(hits), rows[-1].digest if len(rows) == MOMENTS else None)


def changed(conn: Connection, found: Found, after: int | None) -> Part:
    """Changes that name the person."""
    there = select(changes.c.seq, changes.c.before, changes.c.after).where(changes.c.seq > (after or 0))
    rows = conn.execute(there.order_by(changes.c.seq).limit(CHANGES)).all()
    hits = [row.seq for row in rows if found(canonical_text([row.before, row.after]))]
    return Part(hits, rows[-1].seq if len(rows) == CHANGES else None)


def changes_at(conn: Connection, seqs: list[int]) -> list[Row]:
    return list(conn.execute(select(changes).where(changes.c.seq.in_(seqs)).order_by(changes.c.seq)).mappings())


def documents(conn: Connection, name: str, found: Found, after: int | None) -> Part:
    """Versions of rulebooks or rosters that name the person: they are proven as they were published, and stay."""
    table = {"rulebooks": rulebooks, "rosters": rosters}[name]
    there = select(table.c.version, table.c.document, table.c.note).where(table.c.version > (after or 0))
    rows = conn.execute(there.order_by(table.c.version).limit(DOCUMENTS)).all()
    hits = [row.version for row in rows if found(canonical_text([row.document, row.note]))]
    return Part(hits, rows[-1].version if len(rows) == DOCUMENTS else None)


def _readings(body: bytes) -> Iterator[str]:
    """A body as it came, and as JSON is to be read: what is escaped there is not found in the bytes."""
    text = bytes(body).decode("utf-8", "replace")
    yield text
    try:
        yield canonical_text(json.loads(text))
    except (ValueError, RecursionError):
        return
