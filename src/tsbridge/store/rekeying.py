"""Having everything that is personal under the newest data key: what stands under an older one, or was never encrypted, is rewritten.

The tables are gone through by their keys, a few rows at a time; how far that is stands in `kept`. A row that somebody has in hand is left
for the next time through. Only when a time through, begun long after the key became the newest, finds nothing, no older key is needed:
by then no process is left that encrypts under one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, LargeBinary, Table, Text, and_, func, literal, select, tuple_, type_coerce, update

from tsbridge.core.moments import from_json, instant_text, read_instant
from tsbridge.store import datakeys, stored_values
from tsbridge.store.all_tables import metadata
from tsbridge.store.columns import Private, PrivateBytes
from tsbridge.store.moment_tables import moments
from tsbridge.store.moments import tells_subject
from tsbridge.store.vault import PREFIX, Vault

NAME: Final = "rekeying"
LOOKED_AT: Final = 2000
REWRITTEN: Final = 200
"""Rows of one step, so that its transaction is over in a fraction of a second …"""
BYTES: Final = 2 * 1024 * 1024
"""… and as much of them; one row at least."""
AGAIN: Final = timedelta(hours=1)
"""After the key became the newest, and after each time through that found something: processes with the old one have ended by then."""
_TABLES: Final[Mapping[str, Sequence[Column[Any]]]] = {
    table.name: found
    for table in metadata.sorted_tables
    if (found := [column for column in table.columns if isinstance(column.type, Private)])
}
_ORDER: Final = tuple(_TABLES)
TABLES: Final = len(_ORDER)


class Progress(NamedTuple):
    """How far it is. `table` and `after`: the row looked at last; `since`: when this time through began, or begins; `times`: through all
    before it; `found`: rewritten or left aside in it; `rewritten`, `unreadable`: ever since `under` is the newest key; `done`: nothing is
    under another one."""

    under: str = ""
    table: str = _ORDER[0]
    after: Sequence[Any] = ()
    since: datetime | None = None
    times: int = 0
    found: int = 0
    rewritten: int = 0
    unreadable: int = 0
    done: bool = False

    def is_over(self, ids: Sequence[str]) -> bool:
        """Whether nothing is left to do for the newest of the keys on record."""
        return self.done and [self.under] == [*ids]

    @property
    def behind(self) -> int:
        """How many of the `TABLES` are gone through, this time."""
        return TABLES if self.done else _ORDER.index(self.table)


def progress(conn: Connection) -> Progress:
    kept = stored_values.get(conn, NAME)
    if kept is None:
        return Progress()
    table = kept["table"] if kept["table"] in _TABLES else _ORDER[0]
    return Progress(**{**kept, "table": table, "since": None if kept["since"] is None else read_instant(kept["since"])})


def step(conn: Connection, vault: Vault, now: datetime, looked_at: int = LOOKED_AT, rewritten: int = REWRITTEN) -> datetime | None:
    """Go on a little, by so many rows. Returns when to come again; None: there is nothing left to do."""
    if vault.newest is None:
        return None
    stood = progress(conn)
    if stood.under != vault.newest.id:
        stood = Progress(vault.newest.id, since=now)
    elif stood.done or stood.since is None:
        return None
    elif stood.since > now:
        return stood.since
    gone = _advanced(conn, vault, stood, looked_at, rewritten)
    if gone.table == "":
        gone = _through(conn, vault, gone, now)
    _put(conn, gone)
    return None if gone.done else gone.since


def _advanced(conn: Connection, vault: Vault, stood: Progress, looked_at: int, most: int) -> Progress:
    """Some rows further. Behind the last table its name is empty."""
    table = metadata.tables[stood.table]
    key = list(table.primary_key)
    further = []
    if len(stood.after) == len(key):  # else it is at the beginning of the table, whose rows had another key once
        further = [tuple_(*key) > tuple_(*(literal(value, one.type) for value, one in zip(stood.after, key, strict=True)))]
    starts = [_start(column).label(f"start_{column.name}") for column in _TABLES[stood.table]]
    rows = conn.execute(select(*key, *starts).where(*further).order_by(*key).limit(looked_at)).all()
    after, size, wrote, aside, unreadable = stood.after, 0, 0, 0, 0
    for row in rows:
        of = row[: len(key)]
        if not all(vault.is_newest(start) for start in row[len(key) :]):
            if wrote >= most or size >= BYTES:
                break
            try:
                rewritten = _rewrite(conn, table, key, of)
            except ValueError:  # somebody tampered with it: the proof tells of it
                unreadable += 1
            else:
                aside += rewritten is None
                wrote += rewritten is not None
                size += rewritten or 0
        after = list(of)
    else:
        if len(rows) < looked_at:
            following = _ORDER.index(stood.table) + 1
            stood, after = stood._replace(table=_ORDER[following] if following < TABLES else ""), []
    found, ever = stood.found + wrote + aside, stood.rewritten + wrote
    return stood._replace(after=after, found=found, rewritten=ever, unreadable=stood.unreadable + unreadable)


def _start(column: Column[Any]) -> ColumnElement[Any]:
    kind = LargeBinary() if isinstance(column.type, PrivateBytes) else Text()
    return type_coerce(func.substr(type_coerce(column, kind), 1, PREFIX + 1), kind)


def _rewrite(conn: Connection, table: Table, key: Sequence[Column[Any]], of: Sequence[Any]) -> int | None:
    """Read a row's values under whatever key, and keep them under the newest: about how many bytes. None where somebody has the row."""
    its = and_(*(column == value for column, value in zip(key, of, strict=True)))
    columns = _TABLES[table.name]
    row = conn.execute(select(*columns).where(its).with_for_update(skip_locked=True)).mappings().first()
    if row is None:
        return None
    values: dict[str, Any] = {column.name: row[column.name] for column in columns if row[column.name] is not None}
    size = sum(len(value) if isinstance(value, bytes) else len(str(value)) for value in values.values())
    if table is moments:  # kept before it was said beside its text, in which SQL does not find it any more
        values["tells_subject"] = tells_subject(from_json(row["body"]))
    conn.execute(update(table).where(its).values(values))
    return size


def _through(conn: Connection, vault: Vault, gone: Progress, now: datetime) -> Progress:
    """All tables are behind it: done, or once more from the beginning."""
    anew = gone._replace(table=_ORDER[0], found=0, times=gone.times + 1)
    if gone.found or (gone.times == 0 and len(datakeys.on_record(conn)) > 1):
        return anew._replace(since=now + AGAIN)
    datakeys.only_newest(conn, vault)
    return anew._replace(done=True)


def _put(conn: Connection, now: Progress) -> None:
    stored_values.put(conn, NAME, {**now._asdict(), "since": None if now.since is None else instant_text(now.since)})
